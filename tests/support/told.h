/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor tells its log, as a test waits for it.
 *
 * Each sentence of a service of namespace production becomes a sign, its role, and how many services there are in
 * the registry at that moment:
 *
 *   +a1   a was started, or taken over: the first that is there
 *   !a0   a has ended by itself
 *   -a0   a was stopped
 *   ?a0   a could not be started
 *   =a0   a, a one-shot, has succeeded
 *
 * A role that is there when it should not be, or the other way round, shows as a count of -1.
 */
#ifndef KREG_TESTS_SUPPORT_TOLD_H
#define KREG_TESTS_SUPPORT_TOLD_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/kreg.h"

struct told {
	struct kreg *k;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	char events[8192]; /* with a space behind each */
	char sentences[65536];
};

void told_init(struct told *told, struct kreg *k);

/* For struct kreg_supervision: @data is the struct told. */
void told_log(void *data, const char *sentence);

/* Waits until @events, with a space behind each, is what was told since told_forget(); a minute fails the test. */
void told_await(struct told *told, const char *events);
void told_forget(struct told *told);

/* Whether a sentence since told_init() has @part in it. */
bool told_has(struct told *told, const char *part);

/* How many services production has, without its supervisor. */
int told_services(struct kreg *k);

#endif
