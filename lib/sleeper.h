/* SPDX-License-Identifier: MIT */
/*
 * A sleeper: a thread that makes an fd readable when there is news in a registry, because epoll knows no futex.
 *
 * Promises  the fd is readable at once when the registry's bell for news is rung, and some 100 ms after there is
 *           news that nobody rang for. It sleeps on the bell only after sleeper_arm(); until then nobody makes a
 *           system call for it, and it looks at nothing.
 * Needs     bell_listen() and log_print() before the listener hears what there is; sleeper_arm() afterwards.
 * Context   one thread at a time, not in a child of fork().
 * Used by   listen.c.
 */
#ifndef KREG_LIB_SLEEPER_H
#define KREG_LIB_SLEEPER_H

#include "lib/handle.h"

#pragma GCC visibility push(hidden)

/* What the listener knew before it heard all there was. */
struct sleep {
	uint32_t seen;  /* of the bell */
	uint64_t print; /* of the registry */
	bool ask_again; /* something is only known by asking again, soon */
};

struct sleeper {
	struct kreg *k;
	int fd; /* eventfd */
	pthread_t thread;
	pthread_mutex_t mutex; /* for the rest */
	pthread_cond_t changed;
	bool armed, stop;
	struct sleep until;
};

/* Negative errno of eventfd(2) and threads. */
int sleeper_start(struct sleeper *sleeper, struct kreg *k);
void sleeper_arm(struct sleeper *sleeper, const struct sleep *until);
void sleeper_stop(struct sleeper *sleeper);

/* Makes the fd readable; not readable. */
void sleeper_signal(struct sleeper *sleeper);
void sleeper_clear(struct sleeper *sleeper);

#pragma GCC visibility pop

#endif
