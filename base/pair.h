/* SPDX-License-Identifier: MIT */
/*
 * A pair of sockets: one is the program's to poll, the other makes it readable.
 *
 * Promises  a program that has closed either, because it does not know it, and has another file under its number, loses
 *           nothing of that: no two sockets have the same inode, and it is looked at before each use.
 * Needs     pair_free() after a pair_new() that returned 0.
 * Context   any thread that has them in its table of fds.
 * Used by   sleeper.c, supervisor.c, supervisor_apart.c.
 */
#ifndef KREG_BASE_PAIR_H
#define KREG_BASE_PAIR_H

#include <stdbool.h>
#include <sys/types.h>

struct pair {
	int fd;       /* the program's */
	int fd_write; /* the other one */
	ino_t inode, inode_write;
};

/* Negative errno of socketpair(2). */
int pair_new(struct pair *out);
void pair_free(const struct pair *pair);

/* Makes @fd readable. False: the other one is not in the calling thread's table. */
bool pair_signal(const struct pair *pair);
/* Not readable. */
void pair_clear(const struct pair *pair);

#endif
