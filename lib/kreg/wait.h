/* SPDX-License-Identifier: MIT */
/*
 * kreg: waiting. For a name, for its end, for one's turn; locks by key.
 *
 * Use <kreg.h>, which says what holds for all calls. For those below:
 *
 * Timeouts  in milliseconds; 0 does not wait, below 0 waits for ever. A signal does not end a wait.
 * Cost      a waiter sleeps on a futex; who registers makes a system call only if somebody waits. One
 *           thread for each handle, started at the first wait, has an fd for each owner whose death matters, and
 *           looks at each key that is waited for ten times a second, however many threads wait for it.
 * Death     of whoever makes a change, a stop or exec at any point of it: a wait for what it has made ends 0.1
 *           seconds later at most (200 ms on a busy host), and at once when nothing of that happens. The death of
 *           an owner in another PID namespace is told as late.
 * Errors    -ETIMEDOUT; -EROFS a read-only handle cannot wait; -EOWNERDEAD; -ESHUTDOWN the registry was
 *           destroyed or taken over; -ENOBUFS; -EINVAL, -ENAMETOOLONG. No wait fails because no thread or
 *           fd is to be had: the waiter looks ten times a second then.
 */
#ifndef KREG_WAIT_H
#define KREG_WAIT_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Waits until somebody holds @key.
 *
 * @found: may be NULL; else as for kreg_register_with(): who holds it, and the value.
 * Return: 0; an error as above.
 * Since: 1.0
 */
int kreg_await(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	       struct kreg_found *found);

/*
 * Waits until @owner holds @key no more, because it has unregistered, was replaced, or is dead; with
 * @owner NULL, until nobody holds it.
 * Return: 0; an error as above.
 * Since: 1.0
 */
int kreg_await_gone(struct kreg *k, const void *key, size_t key_size,
		    const struct kreg_owner *owner, int64_t timeout_ms);

/*
 * Waits until the caller, which has registered @key with KREG_REGISTER_QUEUE, is the first in line and
 * so holds it.
 * Return: 0; -ENOENT the caller is not in line; -EINVAL also for duplicate keys; an error as above.
 * Since: 1.0
 */
int kreg_await_turn(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms);

/* A lock that is held. Not to be copied. */
struct kreg_lock {
	uint64_t place;
};

/*
 * Locks @key: of all threads of all processes that want it one at a time has it, in the order in which they
 * came. Keys of locks are apart from those of names, and who waits for one key waits for no other. Not
 * recursive.
 *
 * Death: of the holder passes the lock to the next in the same instant, so what the lock protects may
 *        be half done; of one who waits leaves no trace. So does exec. kreg_close() unlocks.
 * Return: 0, and *lock is what kreg_unlock() needs; an error as above, or -ENOSPC, -EDQUOT.
 * Since: 1.0
 */
int kreg_lock(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	      struct kreg_lock *lock);

/* Return: 0; -EINVAL it is not held through @lock, or was held by a program before exec; -EOWNERDEAD, -ESHUTDOWN. Since: 1.0 */
int kreg_unlock(struct kreg *k, struct kreg_lock *lock);

#ifdef __cplusplus
}
#endif
#endif
