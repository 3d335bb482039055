/* SPDX-License-Identifier: MIT */
/*
 * A sleeper: a thread that makes an fd readable when a bell is rung, because epoll knows no futex.
 *
 * Promises  it sleeps on the bell only after sleeper_arm(); until then nobody makes a system call for it.
 * Needs     bell_listen() before sleeper_arm().
 * Context   one thread at a time, not in a child of fork().
 * Used by   listen.c.
 */
#ifndef KREG_LIB_SLEEPER_H
#define KREG_LIB_SLEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct sleeper {
	uint32_t *bell;
	int fd; /* eventfd */
	pthread_t thread;
	pthread_mutex_t mutex; /* for the rest */
	pthread_cond_t changed;
	bool armed, stop;
	uint32_t seen;
};

/* Negative errno of eventfd(2) and threads. */
int sleeper_start(struct sleeper *sleeper, uint32_t *bell);
void sleeper_arm(struct sleeper *sleeper, uint32_t seen);
void sleeper_stop(struct sleeper *sleeper);

/* Makes the fd readable; not readable. */
void sleeper_signal(struct sleeper *sleeper);
void sleeper_clear(struct sleeper *sleeper);

#pragma GCC visibility pop

#endif
