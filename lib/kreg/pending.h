/* SPDX-License-Identifier: MIT */
/*
 * kreg: waiting without blocking, in a program that waits for everything in one loop: an fd
 * becomes readable when a wait is over.
 *
 * Include <kreg.h>, which states what holds for all calls. The conditions are those of
 * <kreg/wait.h>. The following holds for the calls below.
 *
 * Use       Begin a wait, add its fd to poll(2), epoll(7), io_uring or a library's loop, and ask for
 *           the result when it is readable. -EAGAIN: not yet; the fd is no longer readable, and
 *           becomes so again. Anything else: close it. A wait has no timeout: close it when
 *           the loop's timer has expired.
 * Context   Any thread, one at a time for each wait; not in signal handlers. No call blocks.
 * Cost      One fd for each wait. The first wait starts three threads for the handle, with
 *           another fd, and no other wait starts any, unless the keys waited for have more
 *           than 127 bells between them: for these there is one more thread with an fd. There
 *           are 256 bells in a registry. kreg_close() ends the threads and closes their fds.
 *           A process that registers makes a system call only if somebody waits.
 * Delay     None, if the process that makes the change lives to wake the waiters, and for the
 *           death of an owner. Within 0.1 seconds (200 ms on a busy host) if that process is
 *           killed, is stopped or calls exec before; for an owner in another PID namespace;
 *           for an owner that calls exec in the fallback; and for the death of one of more
 *           owners than the process may have fds. Up to 20 ms where the kernel cannot wait for
 *           several futexes: before 5.16, and in sandboxes that refuse futex_waitv(2).
 * Fds       A socket, close-on-exec, for waiting for POLLIN and nothing else. If the program
 *           closes it, the wait only loses its wake-up.
 * Fork      A child of fork(2) has copies: the result is -EOWNERDEAD, and
 *           kreg_pending_close() frees only these.
 * Death     of the waiting process, and exec, leave nothing, and end its place in the line of a
 *           lock.
 */
#ifndef KREG_PENDING_H
#define KREG_PENDING_H

#include <kreg/base.h>
#include <kreg/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A wait that was begun. Close it before its handle. */
struct kreg_pending;

/*
 * Begins to wait until @key has an owner, as kreg_await(); until @owner no longer holds it, or
 * with NULL nobody, as kreg_await_gone(); until it is the caller's turn, as
 * kreg_await_turn().
 *
 * Return: 0, or an error, and *out is unchanged:
 *   -EINVAL        an argument is not allowed; kreg_await_turn_begin(): duplicate keys
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EROFS         a read-only handle cannot wait
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -ENOBUFS       no slot is free for this thread
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EAGAIN        a thread could not be created
 *   -EMFILE        the process has no free fd; it needs two during the call, and three for the
 *                  first wait of a handle
 *   -ENFILE        the host has no free fd
 *   -EPERM, -ENOSYS  a sandbox refuses a system call with this error
 *   -ENOMEM        out of memory
 * Since: 1.0
 */
int kreg_await_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size);
int kreg_await_gone_begin(struct kreg_pending **out, struct kreg *k, const void *key,
			  size_t key_size, const struct kreg_owner *owner);
int kreg_await_turn_begin(struct kreg_pending **out, struct kreg *k, const void *key,
			  size_t key_size);

/*
 * Takes a place in the line for the lock @key, as kreg_lock(), and begins to wait for it. The
 * lock is given by kreg_pending_lock(). kreg_pending_close() before that leaves the line, and
 * unlocks.
 *
 * Return: 0, or an error as above, and:
 *   -ENOSPC        the registry or its file system is full
 *   -EDQUOT        the process has used up its share of the registry's memory (owner_bytes)
 *   -EUCLEAN       another process has damaged the registry's memory
 * Since: 1.0
 */
int kreg_lock_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size);

/*
 * The fd of @pending, above 2. It is readable from the moment at which there may be a result,
 * until kreg_pending_result() or kreg_pending_lock() returns -EAGAIN. kreg_pending_close()
 * closes it, so remove it from epoll before.
 *
 * Return: the fd, or -EINVAL: @pending is NULL.
 * Since: 1.0
 */
int kreg_pending_fd(const struct kreg_pending *pending);

/*
 * Whether the wait is over. It looks at the registry now, as often as it is called, whether or
 * not the fd was readable: so a name that was there for a moment, and is not any more, does
 * not end a wait.
 *
 * @found: for kreg_await_begin(), as for kreg_await(); NULL is allowed. For others: NULL.
 * Return: 0: it is over; or an error:
 *   -EAGAIN        not yet
 *   -ERANGE        it is over, as for kreg_await(): the owner is in @found, and the value is
 *                  larger than its capacity; call again with more
 *   -EINVAL        an argument is not allowed, or it is the wait for a lock
 *   -ENOENT        kreg_await_turn_begin(): the caller is not in line
 *   -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS, -ENOSPC, -EUCLEAN, -ENOMEM  as in <kreg/wait.h>
 *   -ECANCELED     the handle was closed
 * Since: 1.0
 */
int kreg_pending_result(struct kreg_pending *pending, struct kreg_found *found);

/*
 * Gives the caller the lock of kreg_lock_begin(), if it is its turn; then it is unlocked by
 * kreg_unlock(), and kreg_pending_close() no longer does.
 *
 * Return: 0, or an error as kreg_pending_result(), and *lock is unchanged; and:
 *   -EINVAL        it is no wait for a lock, or the lock was given
 *   -EOWNERDEAD    also: the place in the line is no longer there
 * Since: 1.0
 */
int kreg_pending_lock(struct kreg_pending *pending, struct kreg_lock *lock);

/*
 * Ends the wait, whether or not it is over, closes its fd and frees it. NULL is allowed.
 * kreg_close() ends waits that are left: their fds become readable, their result is
 * -ECANCELED, and they still have to be closed.
 *
 * Since: 1.0
 */
void kreg_pending_close(struct kreg_pending *pending);

#ifdef __cplusplus
}
#endif
#endif
