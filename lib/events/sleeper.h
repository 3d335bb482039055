/* SPDX-License-Identifier: MIT */
/*
 * The sleeper: a thread that makes an fd readable when there is news in a registry,
 * because epoll cannot wait for a futex; and a second thread, of deaths.c, for deaths of
 * owners.
 *
 * Promises  the fd becomes readable at once when the registry's bell for news is rung,
 *           and about 100 ms after news without a ring. The thread sleeps on the bell
 *           only after sleeper_arm(); until then it makes no checks, and no other process
 *           makes a system call for it. If the program has closed the fd, and has another
 *           file under its number, that file is not touched.
 * Needs     bell_listen() and log_print() before the listener reads the logs;
 *           sleeper_arm() afterwards.
 * Context   one thread at a time, not in a child of fork().
 * Used by   listen.c.
 */
#ifndef KREG_LIB_SLEEPER_H
#define KREG_LIB_SLEEPER_H

#include "base/background.h"
#include "lib/wait/deaths.h"
#include "lib/process/dumps.h"
#include "base/pair.h"

#pragma GCC visibility push(hidden)

/* What the listener knew before it read the logs. */
struct sleep {
	uint64_t print; /* of the registry */
	bool ask_again; /* some change has to be polled for, soon */
};

struct sleeper {
	struct kreg *k;
	struct pair pair; /* fd_write is in both tables of fds, under one number */
	struct background thread;
	pthread_mutex_t mutex; /* for the members below */
	pthread_cond_t changed;
	struct deaths deaths;
	struct dumps dumps;
	bool has_begun;
	bool is_asked; /* to make the fd readable */
	bool armed, stop;
	struct sleep until;
	uint64_t told; /* when the fd was made readable last; the thread's own */
};

/* Negative errno of socketpair(2) or of thread creation. */
int sleeper_start(struct sleeper *sleeper, struct kreg *k);
void sleeper_arm(struct sleeper *sleeper, const struct sleep *until);
void sleeper_stop(struct sleeper *sleeper);

/* For a child of fork(), which has neither thread. */
void sleeper_abandon(struct sleeper *sleeper);

/* Makes the fd readable when @owner dies. NULL: out of memory. */
struct death *sleeper_watch(struct sleeper *sleeper, owner_t owner);
void sleeper_forget(struct sleeper *sleeper, struct death *death);

/* While armed, makes the fd readable when @owner dumps core. NULL: out of memory. */
struct dump *sleeper_watch_dump(struct sleeper *sleeper, owner_t owner);
void sleeper_forget_dump(struct sleeper *sleeper, struct dump *dump);

/* Makes the fd readable, or not readable. */
void sleeper_signal(struct sleeper *sleeper);
void sleeper_clear(struct sleeper *sleeper);

#pragma GCC visibility pop

#endif
