/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor has: of the thread that supervises, but for what is named below.
 *
 * Promises  supervisor_run() leaves no service, no zombie and no name when it returns.
 * Needs     a thread of its own: services die with the thread that has started them.
 * Used by   supervisor.c, supervisor_apart.c, supervisor_run.c, supervisor_start.c, supervisor_stop.c, supervisor_change.c.
 */
#ifndef KREG_LIB_SUPERVISOR_H
#define KREG_LIB_SUPERVISOR_H

#include <pthread.h>
#include <semaphore.h>

#include "lib/services/start/cgroups.h"
#include "lib/inner.h"
#include "lib/services/start/notify_socket.h"
#include "base/outside.h"
#include "base/pair.h"
#include "lib/services/tree/supervision.h"
#include "lib/services/supervise/ward.h"

#pragma GCC visibility push(hidden)

/* What is as large as the plan. */
struct wards {
	struct ward *at;              /* in the order of start */
	struct restart_place *places; /* as many */
	struct restart_step *steps;   /* three times as many */
	struct pollfd *polled;        /* POLLED_FIRST more: those come first */
};

enum { POLLED_ASKED, POLLED_CHILDREN, POLLED_FIRST };

struct kreg_supervisor {
	struct kreg *k;
	struct supervision *plan;
	struct wards wards;
	struct cgroups cgroups;
	struct restart_history history;
	pthread_t thread; /* the speaker, which has started the one that supervises */
	struct outside outside;
	bool is_apart; /* the fds are in a table of our own, see supervisor_apart.c */
	int asked; /* an epoll instance, readable when one of the next two is: see supervisor_hear() */
	int bell;   /* an eventfd, written to when @rung is posted */
	int outer;  /* the caller's eventfd, or -1 */
	sem_t rung; /* somebody has asked for something; anybody's */
	pthread_t waker;
	bool has_waker;
	struct hearer *hearer; /* NULL before a service is heard */
	char sign_name[NOTIFY_NAME_BYTES];
	int sign; /* a socket of that name, by which minders know that the namespace is supervised; -1: none */
	int children; /* a signalfd of SIGCHLD; -1: what services leave behind is not ours to reap */
	struct pair ended; /* readable when the tree has ended; in both tables */
	bool is_to_stop;   /* what was heard */
	bool is_in_haste;
	bool has_next;
	sem_t begun;                 /* then @result and @why are said */
	int result;                  /* of the first start, or of a change */
	char why[KREG_ROLE_MAX + 1]; /* the role that it failed with */
	pthread_mutex_t changing;    /* one change at a time; anybody's */
	pthread_mutex_t gate;        /* of what follows; anybody's */
	bool asks_to_stop, asks_to_change;
	bool is_over;             /* nobody takes changes any more */
	int outcome;              /* why; before @ended is readable */
	bool is_closing;          /* the waker is to end */
	struct supervision *next; /* what is to be the plan; afterwards, what is to be freed */
};

int wards_make(struct wards *out, const struct supervision *plan);
void wards_free(struct wards *wards);

/* The thread that supervises: @data is the supervisor. Its end is outside_leave(). */
void *supervisor_run(void *data);

/* Opens what it needs to be asked for something, in a table of fds of its own. supervisor_close() even after an error. */
int supervisor_open(struct kreg_supervisor *s);
void supervisor_close(struct kreg_supervisor *s);

/* What the waker has done to @asked is undone: to be called before what it was rung for is looked at. */
void supervisor_quiet(struct kreg_supervisor *s);

/* Reads what it was asked for. */
void supervisor_hear(struct kreg_supervisor *s);

/*
 * Starts a service, or runs a one-shot to its end. -ECANCELED: it was asked for something else meanwhile; -ECHILD:
 * also a one-shot that has failed. Of one that runs and has ended by now, 0: a restart is owed, if it needs one.
 */
int supervisor_start(struct kreg_supervisor *s, struct ward *ward, struct kreg_started *started);
/* The same, or one that is found running is watched from here on; says why not. */
int supervisor_start_or_take_over(struct kreg_supervisor *s, struct ward *ward);

/* Says what runs in the namespace and is not in the plan. */
void supervisor_say_strangers(struct kreg_supervisor *s);

void supervisor_stop_ward(struct kreg_supervisor *s, struct ward *ward);
void supervisor_stop_all(struct kreg_supervisor *s);
/* The first start has failed: what was taken over goes on as it did before. */
void supervisor_let_found_go(struct kreg_supervisor *s);
/* Ends what is left of a service whose process has ended; @left of the ward says how many they were. */
void supervisor_end_rest(struct kreg_supervisor *s, struct ward *ward, uint64_t until);
/* Reaps children that are no services. */
void supervisor_reap(struct kreg_supervisor *s);

/* Takes no more part in the service's cgroup, and removes it if nobody else does. */
void supervisor_leave_cgroup(struct ward *ward);

/* A service has ended by itself: whether it is owed a restart, and when. */
void supervisor_note_end(struct kreg_supervisor *s, struct ward *ward, const struct ending *ending);

/* Makes @next the plan. */
void supervisor_apply(struct kreg_supervisor *s);

#pragma GCC visibility pop

#endif
