/* SPDX-License-Identifier: MIT */
/*
 * What `regtool bench` measures: calls of the library in a registry of its own, beside the floor
 * (floor.h), which has the same names.
 *
 *   contents.c   the names, in the registry and in the floor, and which of them are looked up
 *   measures.c   what is measured
 *   death.c      the end of a process
 *   turns.c      turns, until the time is over, and their medians
 *
 * Each returns 0 or a negative errno, after which bench_free() is due as well.
 *
 * Used by   cmd_bench.c.
 */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/kreg.h"
#include "tools/bench/floor.h"

#define BENCH_KEY_SIZE 32u
#define BENCH_VALUE_SIZE 8u

enum bench_measure {
	BENCH_FLOOR_HIT,
	BENCH_FLOOR_MISS,
	BENCH_LOOKUP_HIT,
	BENCH_LOOKUP_MISS,
	BENCH_REF_HIT,
	BENCH_MANY_HIT,
	BENCH_SECTION,
	BENCH_REGISTER,
	BENCH_UPDATE,
	BENCH_WAITPID,
	BENCH_ABSENT,
	BENCH_MEASURES,
};

/* Keys to look up, one behind the other, and references to them. */
struct bench_list {
	unsigned char *keys;
	struct kreg_ref *refs; /* NULL where nothing is there to refer to */
};

struct bench {
	/* Set by the caller. */
	struct kreg *k;
	const char *registry; /* as a child opens it */
	const struct kreg_options *options;
	uint32_t count; /* of names */
	int64_t ms;     /* how long to measure, with filling */
	const volatile sig_atomic_t *interrupted;

	/* bench_fill(). */
	struct floor *floor;
	unsigned char *keys; /* @count that are there, then as many that are not */
	uint32_t half;       /* of each list: one is looked up untimed before the other */
	struct bench_list hits, misses;
	uint32_t turn;
	uint32_t absent_from; /* the next of the keys that are not there */
};

/* The median of what the turns gave, and the middle half of it. */
struct bench_spread {
	double low, middle, high;
};

struct bench_result {
	const char *name;
	enum bench_measure beside; /* what @ratio is to; the floor itself: itself */
	struct bench_spread ratio;
	struct bench_spread ns; /* for each key, call or death */
};

/* Names in the registry and in the floor. -EINTR: interrupted. */
int bench_fill(struct bench *b);
void bench_free(struct bench *b);

/* Its name, what it is compared with, and what it takes in one turn. */
const char *bench_name(enum bench_measure measure);
enum bench_measure bench_beside(enum bench_measure measure);
int bench_measure(struct bench *b, enum bench_measure measure, double *ns);

/* Of a process that has a name: until waitpid(2) has it, or until lookups do not find the name. */
int bench_death(struct bench *b, bool absent, double *ns);

/* Turns of all until b->ms are over, or three. -EINTR: interrupted. */
int bench_turns(struct bench *b, struct bench_result results[BENCH_MEASURES], uint32_t *turns);

int64_t bench_now_ns(void);

#endif
