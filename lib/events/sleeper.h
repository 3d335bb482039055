/* SPDX-License-Identifier: MIT */
/*
 * A sleeper: a thread that makes an fd readable when there is news in a registry, because epoll knows no futex; and a
 * second one, of deaths.c, for the ends of owners.
 *
 * Promises  the fd is readable at once when the registry's bell for news is rung, and some 100 ms after there is
 *           news that nobody rang for. It sleeps on the bell only after sleeper_arm(); until then nobody makes a
 *           system call for it, and it looks at nothing. A program that has closed the fd, and has another file under
 *           its number, loses nothing of that.
 * Needs     bell_listen() and log_print() before the listener hears what there is; sleeper_arm() afterwards.
 * Context   one thread at a time, not in a child of fork().
 * Used by   listen.c.
 */
#ifndef KREG_LIB_SLEEPER_H
#define KREG_LIB_SLEEPER_H

#include "lib/wait/deaths.h"
#include "lib/process/dumps.h"
#include "base/pair.h"

#pragma GCC visibility push(hidden)

/* What the listener knew before it heard all there was. */
struct sleep {
	uint32_t seen;  /* of the bell */
	uint64_t print; /* of the registry */
	bool ask_again; /* something is only known by asking again, soon */
};

struct sleeper {
	struct kreg *k;
	struct pair pair; /* @fd_write is in both tables, under one number */
	pthread_t thread;
	pthread_mutex_t mutex; /* for the rest */
	pthread_cond_t changed;
	struct deaths deaths;
	struct dumps dumps;
	bool has_begun;
	bool is_asked; /* to make the fd readable */
	bool armed, stop;
	struct sleep until;
};

/* Negative errno of socketpair(2) and threads. */
int sleeper_start(struct sleeper *sleeper, struct kreg *k);
void sleeper_arm(struct sleeper *sleeper, const struct sleep *until);
void sleeper_stop(struct sleeper *sleeper);

/* In a child of fork(), which has neither thread. */
void sleeper_let_go(struct sleeper *sleeper);

/* The fd becomes readable when @owner is dead. NULL: no memory is to be had. */
struct death *sleeper_watch(struct sleeper *sleeper, owner_t owner);
void sleeper_forget(struct sleeper *sleeper, struct death *death);

/* While it is armed, the fd becomes readable when @owner dumps core. NULL: no memory is to be had. */
struct dump *sleeper_watch_dump(struct sleeper *sleeper, owner_t owner);
void sleeper_forget_dump(struct sleeper *sleeper, struct dump *dump);

/* Makes the fd readable; not readable. */
void sleeper_signal(struct sleeper *sleeper);
void sleeper_clear(struct sleeper *sleeper);

#pragma GCC visibility pop

#endif
