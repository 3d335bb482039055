/* SPDX-License-Identifier: MIT */
/*
 * The state of a supervisor. It is private to the thread that supervises, except where
 * noted below.
 *
 * Promises  supervisor_run() leaves no service, no zombie and no name when it returns.
 * Needs     a thread of its own: the kernel ends services with the thread that started
 *           them.
 * Used by   supervisor.c, supervisor_apart.c, supervisor_run.c, supervisor_start.c,
 *           supervisor_stop.c, supervisor_change.c, supervisor_report.c.
 */
#ifndef KREG_LIB_SUPERVISOR_H
#define KREG_LIB_SUPERVISOR_H

#include <pthread.h>
#include <semaphore.h>

#include "lib/services/start/cgroups.h"
#include "lib/inner.h"
#include "lib/services/start/notify_socket.h"
#include "base/background.h"
#include "base/outside.h"
#include "base/pair.h"
#include "lib/services/tree/supervision.h"
#include "lib/services/supervise/ward.h"

#pragma GCC visibility push(hidden)

/* The arrays that depend on the size of the plan. */
struct wards {
	struct ward *at;              /* in the order of start */
	struct restart_place *places; /* the same number */
	struct restart_step *steps;   /* three times that number */
	struct pollfd *polled;        /* POLLED_FIRST more, which come first */
};

enum { POLLED_ASKED, POLLED_CHILDREN, POLLED_FIRST };

struct kreg_supervisor {
	struct kreg *k;
	struct supervision *plan;
	struct wards wards;
	struct cgroups cgroups;
	struct restart_history history;
	uint64_t number;          /* of struct reported_state */
	bool has_complained;      /* that a state could not be reported */
	struct background thread; /* the speaker, which starts the thread that supervises */
	struct outside outside;
	bool is_apart; /* the fds are in a table of its own, see supervisor_apart.c */
	int asked;     /* an epoll instance for the next two, see supervisor_hear() */
	int bell;      /* an eventfd, made readable after @rung is posted */
	int outer;     /* the caller's eventfd, or -1 */
	sem_t rung;    /* a request was made; shared */
	struct background waker;
	bool has_waker;
	struct hearer *hearer; /* NULL until the first service is heard */
	char sign_name[NOTIFY_NAME_BYTES];
	int sign;          /* a socket of that name: the namespace is supervised; -1: none */
	int children;      /* a signalfd of SIGCHLD; -1: it does not reap what services leave */
	struct pair ended; /* readable when the tree has ended; in both tables */
	bool is_to_stop;   /* the requests that were read */
	bool is_in_haste;
	bool has_next;
	sem_t begun;                 /* posted when @result and @why are set */
	int result;                  /* of the first start, or of a change */
	char why[KREG_ROLE_MAX + 1]; /* the role that failed */
	pthread_mutex_t changing;    /* one change at a time; shared */
	pthread_mutex_t gate;        /* protects what follows; shared */
	bool asks_to_stop, asks_to_change;
	bool is_over;             /* changes are refused from now on */
	int outcome;              /* why the tree has ended; set before @ended is readable */
	bool is_closing;          /* the waker has to end */
	struct supervision *next; /* the plan to change to; afterwards, the plan to free */
};

int wards_make(struct wards *out, const struct supervision *plan);
void wards_free(struct wards *wards);

/* The thread that supervises; @data is the supervisor. It ends with outside_leave(). */
void *supervisor_run(void *data);

/*
 * Opens the fds by which requests arrive, in a table of its own. Call supervisor_close()
 * even after an error.
 */
int supervisor_open(struct kreg_supervisor *s);
void supervisor_close(struct kreg_supervisor *s);

/* Undoes what the waker did to make @asked readable. Call it before reading the requests. */
void supervisor_quiet(struct kreg_supervisor *s);

/* Reads the requests. */
void supervisor_hear(struct kreg_supervisor *s);

/*
 * Starts a service, or runs a one-shot to its end. -ECANCELED: a request came first.
 * -ECHILD: it ended before it was ready; also a one-shot that failed. A service that was
 * ready and has ended meanwhile is 0: if it needs a restart, the restart is owed.
 */
int supervisor_start(struct kreg_supervisor *s, struct ward *ward, struct kreg_started *started);
/*
 * The same, but with KREG_SUPERVISE_KEEP a service that is found running is taken over.
 * Failures are logged.
 */
int supervisor_start_or_take_over(struct kreg_supervisor *s, struct ward *ward);

/* Logs the services of the namespace that are not in the plan. */
void supervisor_say_strangers(struct kreg_supervisor *s);

void supervisor_stop_ward(struct kreg_supervisor *s, struct ward *ward);
void supervisor_stop_all(struct kreg_supervisor *s);
/*
 * After a failed first start: stops watching the services that were taken over, which go
 * on as before.
 */
void supervisor_let_found_go(struct kreg_supervisor *s);
/*
 * Ends what a service has left, after its own process has ended. Stores their number in
 * @left of the ward.
 */
void supervisor_end_rest(struct kreg_supervisor *s, struct ward *ward, uint64_t until);
/* Reaps children that are not services. */
void supervisor_reap(struct kreg_supervisor *s);

/* Closes the service's cgroup, and removes it if nothing else uses it. */
void supervisor_leave_cgroup(struct ward *ward);

/* A service has ended by itself: decides whether it is owed a restart, and when. */
void supervisor_note_end(struct kreg_supervisor *s, struct ward *ward, const struct ending *ending);

/* Makes @next the current plan. */
void supervisor_apply(struct kreg_supervisor *s);

#pragma GCC visibility pop

#endif
