/* SPDX-License-Identifier: MIT */
/*
 * A ward: one service of a supervisor, started or taken over, watched, told to end, reaped.
 *
 * Promises  a signal reaches this very process; when ward_reap() has returned, its name is gone and
 *           there is no zombie of it.
 * Needs     ward_start() and all else from one thread, which lives as long as the services should.
 * Context   blocks as long as the service takes to be ready, and to end.
 * Used by   supervisor_run.c, namespace_stop.c.
 */
#ifndef KREG_LIB_WARD_H
#define KREG_LIB_WARD_H

#include "lib/services/supervise/restart.h"
#include "lib/services/supervise/service_group.h"
#include "lib/services/start/start.h"

#pragma GCC visibility push(hidden)

struct ward {
	const struct kreg_supervised *what;
	struct service_group group; /* what it has started; of the last start, if it does not run */
	pid_t pid;                  /* the program's */
	int end; /* a pidfd, readable when it has ended and its name is gone; -1: it does not run */
	int signals;                  /* a pidfd of the program; -1: it was dead already */
	struct kreg_program *program; /* the service, if it is heard */
	bool has_missed;              /* its watchdog, in the end */
	bool is_ours;                 /* it was started by us, not taken over */
	bool is_reaped;               /* by us, if it is our child */
	bool is_forgotten;            /* it was temporary, and has ended */
	bool is_refused;              /* it daemonises: to start it anew would make one more */
	bool is_down;                 /* a change could not start it */
	bool is_owed;                 /* a restart is to be tried at @due */
	uint64_t due;                 /* of clock_now() */
	uint64_t since;               /* when it was started */
	size_t left;                  /* how many processes its last end has left */
	uint32_t in_row;              /* restarts, without it having run for long */
};

static inline bool ward_runs(const struct ward *ward)
{
	return ward->end >= 0;
}

/* As start_service(), with @how in place of the ward's own start, and in its cgroup; what of fds is not to be had. */
int ward_start(struct ward *ward, struct kreg *k, const struct kreg_start *how,
	       struct kreg_started *started, const struct start_within *within);

/* Watches @owner, who is the service already. -ESRCH: it is dead; -EBUSY: it is this process. */
int ward_take_over(struct ward *ward, struct kreg *k, const struct kreg_owner *owner);

/*
 * What one that was taken over says is heard from here on, and what it has started is known without a cgroup as well. As
 * start_hear_found().
 */
int ward_follow(struct ward *ward, struct kreg *k, const struct kreg_owner *owner,
		struct hearer **hearer);

/* Its end is readable: how it has ended. What it has started is known as that until ward_reap(). */
struct ending ward_look(const struct ward *ward);
void ward_reap(struct ward *ward);

/* It goes on, watched and heard by nobody, as if its supervisor had been killed. */
void ward_let_go(struct ward *ward);

/* Sends it @signal, and SIGCONT, without which one that is stopped would not hear it. -EPERM. */
int ward_tell(const struct ward *ward, int signal);

/* Whether it ends until the time of clock_now(), 0: for ever; or until @hurry is readable, -1: none. */
bool ward_await(const struct ward *ward, uint64_t until, int hurry);

#pragma GCC visibility pop

#endif
