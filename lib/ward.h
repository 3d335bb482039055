/* SPDX-License-Identifier: MIT */
/*
 * A ward: one service of a supervisor, started or taken over, watched, told to end, reaped.
 *
 * Promises  a signal reaches this very process; when ward_reap() has returned, its name is gone and
 *           there is no zombie.
 * Needs     ward_start() and all else from one thread, which lives as long as the services should.
 * Context   blocks as long as the service takes to be ready, and to end.
 * Used by   supervisor_run.c, namespace_stop.c.
 */
#ifndef KREG_LIB_WARD_H
#define KREG_LIB_WARD_H

#include "lib/restart.h"

#pragma GCC visibility push(hidden)

struct ward {
	const struct kreg_supervised *what;
	pid_t pid;         /* the program's */
	int end;           /* a pidfd, readable when it has ended and its name is gone; -1: it does not run */
	int signals;       /* a pidfd of the program; -1: it was dead already */
	bool is_ours;      /* and we reap it; else it was taken over */
	bool is_forgotten; /* it was temporary, and has ended */
	bool is_owed;      /* a restart that failed is to be tried again */
};

static inline bool ward_runs(const struct ward *ward)
{
	return ward->end >= 0;
}

/* As start_service(); what of fds is not to be had. */
int ward_start(struct ward *ward, struct kreg *k, const char *space,
		struct kreg_started *started, int stop);

/* Watches @owner, who is the service already. -ESRCH: it is dead; -EBUSY: it is this process. */
int ward_take_over(struct ward *ward, struct kreg *k, const struct kreg_owner *owner);

/* Its end is readable: takes note of that. */
struct ending ward_reap(struct ward *ward);

/* Sends it @signal, and SIGCONT, without which one that is stopped would not hear it. -EPERM. */
int ward_tell(const struct ward *ward, int signal);

/* Whether it ends within @ms; below 0: for ever. */
bool ward_await(const struct ward *ward, int64_t ms);

#pragma GCC visibility pop

#endif
