/* SPDX-License-Identifier: MIT */
/*
 * Readiness: a program says that it is up, by a line on an fd or as systemd's services do.
 *
 * Needs     readiness_close() after a readiness_open() that returned 0.
 * Context   one thread; readiness_hand_over() in the child, async-signal-safe.
 * Used by   start.c, start_child.c.
 */
#ifndef KREG_LIB_READINESS_H
#define KREG_LIB_READINESS_H

#include <stdbool.h>

#include "lib/kreg.h"

#pragma GCC visibility push(hidden)

/* More than that is not heard at once. */
#define READINESS_BYTES 4096

struct readiness {
	uint32_t kind; /* enum kreg_ready */
	int here;      /* we read; -1: there is nothing to hear */
	int there;     /* the program writes; -1: it has the socket's name */
	int wanted_fd;
	bool is_ready;
	bool has_value; /* the program has said what others are to find */
	size_t value_size;
	char value[READINESS_BYTES];
	char variable[128]; /* for the environment; empty: none */
};

/* -EINVAL; what socket(2), bind(2) and pipe(2) may fail with. */
int readiness_open(struct readiness *out, uint32_t kind, int32_t fd);
void readiness_close(struct readiness *readiness);

/* In the child, when nothing else is opened any more. A negative errno. */
int readiness_hand_over(const struct readiness *readiness);

/* Reads what was said, without waiting. */
void readiness_hear(struct readiness *readiness);

#pragma GCC visibility pop

#endif
