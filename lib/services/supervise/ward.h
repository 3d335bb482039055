/* SPDX-License-Identifier: MIT */
/*
 * A ward: one service of a supervisor, which starts it or takes it over, watches it,
 * stops it and reaps it.
 *
 * Promises  a signal reaches this very process; when ward_reap() has returned, its name
 *           is gone and no zombie of it is left.
 * Needs     ward_start() and all else from one thread, which lives as long as the
 *           services should.
 * Context   blocks until the service is ready, and until it has ended.
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
	struct service_group
		group;           /* what it has started; from the last start, if it does not run */
	pid_t pid;               /* of the program */
	struct kreg_owner owner; /* of the name, from the last start or takeover */
	int end;     /* a pidfd, readable when it has ended and its name is gone; -1: not running */
	int signals; /* a pidfd of the program; -1: the program was dead already */
	struct kreg_program *program; /* its messages, if they are received */
	bool has_missed;              /* it ended because it missed its watchdog */
	bool is_ours;                 /* started by this supervisor, not taken over */
	bool is_reaped;               /* by this process, if it is its child */
	bool is_forgotten;            /* it was temporary, and has ended */
	bool is_refused;              /* it daemonises: another start would leave one more daemon */
	bool is_down;                 /* a change could not start it */
	bool is_owed;                 /* a restart is to be tried at @due */
	uint64_t due;                 /* a time of clock_now() */
	uint64_t since;               /* when it was started */
	size_t left;                  /* the number of processes that its last run left */
	uint32_t in_row;              /* restarts in a row, none of which ran for long */

	/* What is reported of it, see supervisor_report.c. */
	uint32_t state;     /* enum kreg_supervised_state */
	bool is_unreported; /* it could not be reported */
	uint64_t state_since;
	uint32_t restarts;
	int error;            /* of the last start */
	struct ending ending; /* of the last run */
};

static inline bool ward_runs(const struct ward *ward)
{
	return ward->end >= 0;
}

/*
 * As start_service(), with @how in place of the ward's own start, in its cgroup. Also
 * fails if a pidfd cannot be opened.
 */
int ward_start(struct ward *ward, struct kreg *k, const struct kreg_start *how,
	       struct kreg_started *started, const struct start_within *within);

/*
 * Watches @owner, which is the service already. -ESRCH: it is dead; -EBUSY: it is the
 * calling process.
 */
int ward_take_over(struct ward *ward, struct kreg *k, const struct kreg_owner *owner);

/*
 * After a takeover: receives its messages, and knows what it has started even without a
 * cgroup. Returns as start_hear_found().
 */
int ward_follow(struct ward *ward, struct kreg *k, const struct kreg_owner *owner,
		struct hearer **hearer);

/* How it ended, after @end is readable. What it has started is known until ward_reap(). */
struct ending ward_look(const struct ward *ward);
void ward_reap(struct ward *ward);

/*
 * It goes on unwatched, and its messages are not received, as if its supervisor had been
 * killed.
 */
void ward_let_go(struct ward *ward);

/* Sends @signal, then SIGCONT, without which a stopped process would not act on it. -EPERM. */
int ward_tell(const struct ward *ward, int signal);

/*
 * Waits until it ends, until the time @until of clock_now() (0: no timeout), or until
 * @hurry is readable (-1: none). True: it has ended.
 */
bool ward_await(const struct ward *ward, uint64_t until, int hurry);

#pragma GCC visibility pop

#endif
