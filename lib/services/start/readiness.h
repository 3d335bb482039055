/* SPDX-License-Identifier: MIT */
/*
 * Readiness: a program reports that it is up, by a line on an fd or as systemd's services
 * do.
 *
 * Needs     readiness_close() after a readiness_open() that returned 0.
 * Context   one thread; readiness_hand_over() in the child, async-signal-safe.
 * Used by   start.c, start_run.c, start_child.c.
 */
#ifndef KREG_LIB_READINESS_H
#define KREG_LIB_READINESS_H

#include "lib/services/start/notify.h"

#pragma GCC visibility push(hidden)

struct readiness {
	uint32_t kind; /* enum kreg_ready */
	int here;  /* to read from the program; -1: there is none, or the program has closed it */
	int there; /* for the program to write; -1: it has the socket's name */
	int wanted_fd;
	bool is_ready;
	struct notify notify; /* all fds -1 unless @kind is KREG_READY_NOTIFY */
};

/* Like a closed one: readiness_close() may be called. */
void readiness_init(struct readiness *out);

/* @socket: as @name of notify_open(). -EINVAL; errors of socket(2), bind(2) and pipe(2). */
int readiness_open(struct readiness *out, const struct kreg_start *how, const char *socket);
void readiness_close(struct readiness *readiness);

/* To poll; -1: nothing to receive. */
int readiness_fd(const struct readiness *readiness);

/* In the child, after all else has been opened. A negative errno. */
int readiness_hand_over(const struct readiness *readiness);

/* Reads without blocking, at most one message. Returns an enum notify_news. */
uint32_t readiness_hear(struct readiness *readiness);

#pragma GCC visibility pop

#endif
