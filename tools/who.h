/* SPDX-License-Identifier: MIT */
/*
 * An owner as people know it: its process, user and age, and whether it runs.
 *
 * Each owner is looked at once, however many names it has: a cache keeps what was found until
 * who_free(). An owner of whom nothing is known, because it has died meanwhile, is of another PID
 * namespace or is hidden by /proc, has its pid and the state "unknown".
 */
#ifndef TOOLS_WHO_H
#define TOOLS_WHO_H

#include "lib/kreg.h"
#include "tools/out/output.h"

/* The cells of an owner. */
#define WHO_CELLS 7

enum who_state {
	WHO_UNKNOWN,
	WHO_RUNNING, /* or sleeping */
	WHO_STOPPED, /* by a signal or a debugger: it holds its names and answers nobody */
	WHO_DUMPING, /* it dies, and keeps its names until its core is written */
	WHO_ZOMBIE,  /* its first thread has ended, others run */
	WHO_FORGED,  /* it has never opened the registry: somebody has tampered with that */
	WHO_STATES,
};

struct who {
	pid_t pid;
	enum who_state state;
	uint32_t uid;     /* effective; KREG_ID_UNKNOWN */
	int64_t age_ms;   /* since the process was started; -1: unknown */
	const char *comm; /* NULL: unknown, as those below */
	const char *line; /* the command line, words apart by spaces */
	const char *unit; /* systemd's, else the cgroup */
	struct output_cell cells[WHO_CELLS];
	struct output_shared *shared; /* for one output */
};

enum who_flags {
	WHO_LINE = 1 << 0,
	WHO_UNIT = 1 << 1,
	WHO_PID_ONLY = 1 << 2, /* nothing else: /proc is not looked at */
};

struct who_cache;

/* @flags: WHO_*, what is to be found out besides. NULL: no memory. */
struct who_cache *who_new(struct kreg *k, unsigned int flags);
void who_free(struct who_cache *cache);

/* Valid until who_free(). NULL: no memory. */
const struct who *who_is(struct who_cache *cache, const struct kreg_owner *owner);

/* "running" and so on, as in tables, in JSON and for --state; -1: there is no such state. */
const char *who_state_name(enum who_state state);
int who_state_of(const char *name);

/* PID, COMM, UID, AGE, STATE, CMDLINE and UNIT, in this order. */
#define WHO_COLUMNS                                                                                \
	{ "pid", OUTPUT_NUMBER, "its process", false },                                            \
		{ "comm", OUTPUT_TEXT, "the name of that process", false },                        \
		{ "uid", OUTPUT_NUMBER, "its effective user", false },                             \
		{ "age", OUTPUT_SECONDS, "since the process was started", false },                 \
		{ "state", OUTPUT_TEXT, "running, stopped, dumping, zombie, forged or unknown",    \
		  false },                                                                         \
		{ "cmdline", OUTPUT_TEXT, "its command line", true },                              \
	{                                                                                          \
		"unit", OUTPUT_TEXT, "its unit of systemd, else its cgroup", true                  \
	}

static inline void who_cells(const struct who *who, struct output_cell cells[WHO_CELLS])
{
	memcpy(cells, who->cells, sizeof(who->cells));
}

/*
 * Which WHO_* flags the columns of @output need, the first one of an owner being @first. The caller
 * adds what it needs itself: where that is the state, WHO_PID_ONLY goes.
 */
unsigned int who_needs(const struct output *output, size_t first);

#endif
