/* SPDX-License-Identifier: MIT */
/*
 * A registry at one moment: its figures and its owners, and what has changed since the moment before.
 *
 * Changes are differences of two looks, so what came and went between them is in none: a name that
 * was registered and unregistered, say. Lookups, and those that find nothing, are counted nowhere,
 * because a count would cost each of them more than the lookup.
 *
 * Used by   cmd_owners.c, cmd_stat.c, cmd_top.c.
 */
#ifndef TOOLS_SAMPLE_H
#define TOOLS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg.h"

struct sample_owner {
	struct kreg_owner_facts facts;
	/* Since the moment before; all of it of an owner that was not there. */
	int64_t entries, bytes;
	uint64_t updates;
};

struct sample {
	uint64_t at; /* milliseconds, CLOCK_MONOTONIC */
	uint64_t ms; /* since the moment before; 0: there is none */
	struct kreg_stat stat;
	struct sample_owner *owners;
	size_t count, room;
	uint64_t came, ended, ended_entries; /* owners, and the names that ended with them */
};

/*
 * @before: the moment before, or NULL. @out: all 0; free it in any case.
 * Return: 0, or an error of kreg_stat() or kreg_each_owner().
 */
int sample_take(struct kreg *k, const struct sample *before, struct sample *out);
void sample_free(struct sample *sample);

/* The owner with this pid; NULL: there is none. */
const struct sample_owner *sample_find(const struct sample *sample, pid_t pid);

/* @now less @before, as a figure that may have been written by others: it may wrap. */
static inline int64_t sample_change(uint64_t now, uint64_t before)
{
	return (int64_t)(now - before);
}

/* @change of one sample as a rate for each second, rounded. */
int64_t sample_rate(const struct sample *sample, int64_t change);

/*
 * Sleeps until @interval_ms after the moment of @sample.
 */
void sample_wait(const struct sample *sample, uint64_t interval_ms);

#endif
