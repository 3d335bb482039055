/* SPDX-License-Identifier: MIT */
/*
 * A pair of sockets: the program polls one end, the library makes it readable through the
 * other.
 *
 * Promises  a program that has closed either end, because it does not know it, and has
 *           another file under its number, loses nothing of that file: no two sockets
 *           have the same inode, and it is compared before each use.
 * Needs     pair_free() after a pair_new() that returned 0.
 * Context   any thread that has them in its table of fds.
 * Used by   sleeper.c, pending.c, waker.c, supervisor.c, supervisor_apart.c.
 */
#ifndef KREG_BASE_PAIR_H
#define KREG_BASE_PAIR_H

#include <stdbool.h>
#include <sys/types.h>

struct pair {
	/* the program's */
	int fd;
	/* the library's */
	int fd_write;
	ino_t inode, inode_write;
};

/* Negative errno of socketpair(2), or of a call that pair_signal() and pair_clear() need and a sandbox refuses. */
int pair_new(struct pair *out);
void pair_free(const struct pair *pair);

/*
 * Makes @fd readable. False: the library's end is not in the calling thread's table any
 * more.
 */
bool pair_signal(const struct pair *pair);
/* Makes @fd unreadable again, by reading what is in it. */
void pair_clear(const struct pair *pair);

/*
 * Passes @fd, which the caller keeps, from @fd of the pair to the thread that has the
 * library's end in another table of fds. -EBADF: the program has closed the pair's @fd; -EAGAIN: it is full;
 * -EMFILE: too many fds are on their way, of all processes of the user.
 */
int pair_pass(const struct pair *pair, int fd);
/* At the library's end: the fd that was passed, or a negative errno. */
int pair_receive(const struct pair *pair);

#endif
