/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor tells its log, as a test waits for it; and what such tests do with namespace production.
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
#ifndef KREG_TESTS_SUPPORT_JOURNAL_H
#define KREG_TESTS_SUPPORT_JOURNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/kreg-services.h"

struct journal {
	struct kreg *k;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	char events[8192]; /* with a space behind each */
	char sentences[65536];
};

void journal_init(struct journal *journal, struct kreg *k);

/* For struct kreg_supervision: @data is the struct journal. */
void journal_log(const char *sentence, void *data);

/* A service of a plan, started by @how, and the roles after which one is. */
#define SERVICE(name, how, ...)                                                                    \
	{                                                                                          \
		.size = sizeof(struct kreg_supervised), .role = name, .start = &(how),             \
		.stop_ms = 60000, __VA_ARGS__                                                      \
	}
#define AFTER(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

/* Supervises production by @what, and returns when the log has received @events, which are then forgotten. */
struct kreg_supervisor *journal_supervise(struct journal *journal, struct kreg_supervision *what,
					  const char *events);

/* Waits until @events, with a space behind each, is what the log has received since journal_forget(); a minute fails the test. */
void journal_await(struct journal *journal, const char *events);
void journal_forget(struct journal *journal);

/* Whether a sentence since journal_init() has @part in it. */
bool journal_has(struct journal *journal, const char *part);

/* The process that has the role in production; a signal to it. */
pid_t journal_pid_of(struct journal *journal, const char *role);
void journal_signal(struct journal *journal, const char *role, int signal);

/* There is no service, no supervisor, no process. */
void journal_nothing_is_left(struct journal *journal);

/* How many services production has, without its supervisor. */
int journal_services(struct kreg *k);

#endif
