/* SPDX-License-Identifier: MIT */
/*
 * kreg: blocking waits: for a name, for its end, for a turn in line; locks by key.
 *
 * Include <kreg.h>, which states what holds for all calls. The following holds for the calls
 * below.
 *
 * Timeouts  In milliseconds; 0 does not block, below 0 there is no timeout. The time that the
 *           host is suspended does not count. A signal does not end a wait.
 * Context   Any thread, not a signal handler.
 * Cost      A waiter sleeps on a futex. A process that registers makes a system call only if
 *           a waiter sleeps. The first wait starts two threads for the handle. One examines
 *           each key that is waited for ten times a second, however many threads wait for it;
 *           the other one has a pidfd for each owner whose death may end a wait.
 * Death     of the owner that is waited for ends the wait. If the process that makes a change
 *           dies, is stopped or calls exec before it has woken the waiters, they are woken
 *           within 0.1 seconds (200 ms on a busy host). The death of an owner in another PID
 *           namespace is noticed as late. A waiter that dies leaves nothing.
 * Errors    of all calls:
 *   -ETIMEDOUT     timed out
 *   -EROFS         a read-only handle cannot wait, because the processes that change the name
 *                  have to see that it waits
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -ENOBUFS       no slot is free for this thread
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 *           If no thread could be created or no fd is free, no wait fails: the waiters
 *           themselves look ten times a second.
 */
#ifndef KREG_WAIT_H
#define KREG_WAIT_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Waits until @key has an owner. A reserved name has none before it is published.
 *
 * @found: may be NULL. Otherwise the caller sets @value and @capacity, NULL and 0 if the
 *         value is not needed, and it gets the owner and the value.
 * Return: 0, or an error as above. The owner may be dead when the call returns.
 *   -ERANGE        the key has an owner, which is in @found, and a value that is larger than
 *                  its capacity
 * Since: 1.0
 */
int kreg_await(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	       struct kreg_found *found);

/*
 * Waits until @owner no longer holds @key, because it has unregistered it or given it away,
 * was replaced, or is dead.
 *
 * @owner: NULL waits until the key has no owner. The caller itself is allowed.
 * Return: 0, or an error as above. kreg_owner_end() then says whether @owner is dead, and
 *         how it ended.
 * Since: 1.0
 */
int kreg_await_gone(struct kreg *k, const void *key, size_t key_size,
		    const struct kreg_owner *owner, int64_t timeout_ms);

/*
 * Waits until the caller, which has registered @key with KREG_REGISTER_QUEUE, is first in
 * line and so holds it. It then holds the name until it gives it up, or is replaced if it
 * allows that. Unique keys only.
 *
 * Return: 0, or an error as above, and:
 *   -ENOENT        the caller is not in line
 *   -EINVAL        the registry has duplicate keys
 * Since: 1.0
 */
int kreg_await_turn(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms);

/* A lock that is held. Must not be copied. */
struct kreg_lock {
	uint64_t place;
};

/*
 * Locks @key. Of all threads of all processes that want the lock one has it at a time, in
 * the order in which they came. Not recursive: a thread that locks a key twice waits for
 * itself. The keys of locks are separate from those of names, and a waiter for one key waits
 * for no other key. A waiter that times out leaves the line.
 *
 * @key: 1 to 255 bytes.
 * @lock: gets what kreg_unlock() needs.
 * Death: the death of the holder passes the lock to the next in line in the same instant, so
 *        what the lock protects may be half done. The death of a waiter leaves no trace. exec
 *        has the same effect as death. kreg_close() unlocks what was locked through the
 *        handle.
 * Return: 0, or an error as above, and *lock is unchanged; and:
 *   -ENOSPC        the registry or its file system is full
 *   -EDQUOT        the process has used up its share of the registry's memory (owner_bytes)
 * Since: 1.0
 */
int kreg_lock(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	      struct kreg_lock *lock);

/*
 * Unlocks @lock, and clears it. Any thread of the process may do so.
 *
 * Return: 0, or an error as above, but never -ETIMEDOUT, and:
 *   -EINVAL        the lock is not held through @lock, or was held by a program before exec
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life; then
 *                  the lock is no longer held
 * Since: 1.0
 */
int kreg_unlock(struct kreg *k, struct kreg_lock *lock);

#ifdef __cplusplus
}
#endif
#endif
