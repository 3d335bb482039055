/* SPDX-License-Identifier: MIT */
/*
 * The child of one call to kreg_start().
 *
 * Promises  it has become the program, is ready and holds the name; or there is no child.
 * Needs     the claim for the name.
 * Context   blocks until the program is ready. Any thread.
 * Used by   start.c, start_program.c, ward.c.
 */
#ifndef KREG_LIB_START_RUN_H
#define KREG_LIB_START_RUN_H

#include "lib/inner.h"
#include "lib/services/start/environment.h"
#include "lib/services/start/readiness.h"
#include "lib/services/start/start.h"

#pragma GCC visibility push(hidden)

/* One call. */
struct starting {
	struct kreg *k;
	struct kreg_start how;
	struct kreg_started what;
	const void *key;
	size_t key_size;
	struct reservation *name;
	uint64_t deadline;
	struct environment environment;
	struct readiness readiness;
	int link;  /* to the child; -1: none */
	int pidfd; /* of the child; -1: none */
	/* under the guard, from the child's seat to its exec: what it runs; otherwise 0 */
	uint64_t before_exec;
	uint64_t watcher; /* in the fallback; see start_watch.c */
	int watcher_fd;   /* its pidfd; -1: none */
	struct start_within within;
	bool is_kept; /* its messages are received after the start, and shown to others */
};

/*
 * As kreg_start(), but -EEXIST only if the name was registered without a claim;
 * -ECANCELED. With KREG_START_ATTEND it returns before the program is ready.
 */
int start_run(struct starting *s);

/* It is ready: its name is found from here on. Errors as kreg_program_hear(). */
int start_publish(struct starting *s);

/* Shows to others what the program's last message said. */
void start_show(struct starting *s);

/*
 * A pidfd for signals to @owner. Where the process that gives seats is in another PID
 * namespace, as with a container, it is @child, a pidfd of the starter's, which is the
 * program or passes signals on. @child: -1: there is none. -ESRCH; -EREMOTE; errors of
 * fcntl(2).
 */
int start_pidfd(struct kreg *k, const struct kreg_owner *owner, int child);

/* Returns when the process of @pidfd has ended. */
int start_await_end(int pidfd);

/* Kills the program of @owner, and returns when it has ended. */
int start_end(struct kreg *k, const struct kreg_owner *owner);

#pragma GCC visibility pop

#endif
