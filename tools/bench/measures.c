/* SPDX-License-Identifier: MIT */
/*
 * What is measured, in nanoseconds for each key or call. Where nothing waits, time is that for
 * which the thread has run: what others run on the CPU meanwhile does not count.
 */
#include <errno.h>
#include <time.h>

#include "tools/bench/bench.h"

#define LOOKUPS (1u << 16) /* at least so many are timed in a turn */
#define SECTIONS 50000u
#define PAIRS 4000u
#define UPDATES 8000u
/* Keys of one call of kreg_lookup_many(); a divisor of each list. */
#define MANY 32u

int64_t bench_now_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double run_ns(void)
{
	struct timespec ran = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
	return (double)ran.tv_sec * 1e9 + (double)ran.tv_nsec;
}

/* Looks half a list up, from its key number @at on. Return: how many are there. */
typedef uint32_t (*look_fn)(struct bench *b, const struct bench_list *list, uint32_t at);

static uint32_t look_floor(struct bench *b, const struct bench_list *list, uint32_t at)
{
	return floor_look(b->floor, list->keys + (size_t)at * BENCH_KEY_SIZE, b->half);
}

static uint32_t look_one(struct bench *b, const struct bench_list *list, uint32_t at)
{
	const unsigned char *key = list->keys + (size_t)at * BENCH_KEY_SIZE;
	unsigned char value[BENCH_VALUE_SIZE];
	struct kreg_owner owner;
	uint32_t i, found = 0;

	for (i = 0; i < b->half; i++, key += BENCH_KEY_SIZE)
		found += kreg_lookup(b->k, key, BENCH_KEY_SIZE, value, sizeof(value), &owner) ==
			 BENCH_VALUE_SIZE;
	return found;
}

static uint32_t look_ref(struct bench *b, const struct bench_list *list, uint32_t at)
{
	struct kreg_ref *ref = list->refs + at;
	unsigned char value[BENCH_VALUE_SIZE];
	struct kreg_owner owner;
	uint32_t i, found = 0;

	for (i = 0; i < b->half; i++, ref++)
		found += kreg_ref_lookup(b->k, ref, value, sizeof(value), &owner) ==
			 BENCH_VALUE_SIZE;
	return found;
}

static uint32_t look_many(struct bench *b, const struct bench_list *list, uint32_t at)
{
	const unsigned char *key = list->keys + (size_t)at * BENCH_KEY_SIZE;
	unsigned char values[MANY][BENCH_VALUE_SIZE];
	struct kreg_found found[MANY];
	struct kreg_key keys[MANY];
	uint32_t i, each, sum = 0;
	int64_t got;

	for (each = 0; each < MANY; each++)
		found[each] =
			(struct kreg_found){ .value = values[each], .capacity = BENCH_VALUE_SIZE };
	for (i = 0; i < b->half; i += MANY) {
		for (each = 0; each < MANY; each++, key += BENCH_KEY_SIZE)
			keys[each] = (struct kreg_key){ key, BENCH_KEY_SIZE };
		got = kreg_lookup_many(b->k, keys, MANY, found);
		sum += got > 0 ? (uint32_t)got : 0;
	}
	return sum;
}

static int lookups(struct bench *b, look_fn look, bool hit, double *ns)
{
	const struct bench_list *list = hit ? &b->hits : &b->misses;
	uint32_t timed = b->turn % 2 ? b->half : 0;
	uint32_t i, rounds = b->half < LOOKUPS ? LOOKUPS / b->half : 1, found = 0;
	double start;

	/* A reference searches again after what was registered since it was used. */
	if (look == look_ref)
		look(b, list, timed);
	look(b, list, b->half - timed);
	start = run_ns();
	for (i = 0; i < rounds; i++)
		found += look(b, list, timed);
	*ns = (run_ns() - start) / rounds / b->half;
	if (found == (hit ? rounds * b->half : 0))
		return 0;
	/* Another process of the user has changed this registry. */
	return hit ? -ENOENT : -EEXIST;
}

static int sections(struct bench *b, double *ns)
{
	double start = run_ns();
	uint32_t i;
	int err;

	for (i = 0; i < SECTIONS; i++) {
		err = kreg_read_enter(b->k);
		if (err)
			return err;
		kreg_read_leave(b->k);
	}
	*ns = (run_ns() - start) / SECTIONS;
	return 0;
}

/* Of keys that are not there, each turn of others. */
static int registrations(struct bench *b, double *ns)
{
	double start = run_ns();
	const unsigned char *key;
	uint64_t value = 0;
	uint32_t i;
	int err;

	for (i = 0; i < PAIRS; i++) {
		key = b->keys + (b->count + b->absent_from) * (size_t)BENCH_KEY_SIZE;
		b->absent_from = (b->absent_from + 1) % b->count;
		err = kreg_register(b->k, key, BENCH_KEY_SIZE, &value, sizeof(value), NULL);
		if (!err)
			err = kreg_unregister(b->k, key, BENCH_KEY_SIZE);
		if (err < 0)
			return err;
	}
	*ns = (run_ns() - start) / PAIRS;
	return 0;
}

static int updates(struct bench *b, double *ns)
{
	const unsigned char *key = b->hits.keys;
	double start = run_ns();
	uint64_t value, old;
	ssize_t size;

	for (value = 0; value < UPDATES; value++, key += BENCH_KEY_SIZE) {
		size = kreg_update(b->k, key, BENCH_KEY_SIZE, &value, sizeof(value), &old,
				   sizeof(old));
		if (size < 0)
			return (int)size;
	}
	*ns = (run_ns() - start) / UPDATES;
	return 0;
}

static const struct {
	const char *name;
	enum bench_measure beside;
} measures[BENCH_MEASURES] = {
	[BENCH_FLOOR_HIT] = { "floor_hit", BENCH_FLOOR_HIT },
	[BENCH_FLOOR_MISS] = { "floor_miss", BENCH_FLOOR_MISS },
	[BENCH_LOOKUP_HIT] = { "lookup_hit", BENCH_FLOOR_HIT },
	[BENCH_LOOKUP_MISS] = { "lookup_miss", BENCH_FLOOR_MISS },
	[BENCH_REF_HIT] = { "ref_hit", BENCH_FLOOR_HIT },
	[BENCH_MANY_HIT] = { "many_hit", BENCH_FLOOR_HIT },
	[BENCH_SECTION] = { "section", BENCH_FLOOR_HIT },
	[BENCH_REGISTER] = { "register", BENCH_FLOOR_HIT },
	[BENCH_UPDATE] = { "update", BENCH_FLOOR_HIT },
	[BENCH_WAITPID] = { "waitpid", BENCH_FLOOR_HIT },
	[BENCH_ABSENT] = { "absent", BENCH_FLOOR_HIT },
};

const char *bench_name(enum bench_measure measure)
{
	return measures[measure].name;
}

enum bench_measure bench_beside(enum bench_measure measure)
{
	return measures[measure].beside;
}

int bench_measure(struct bench *b, enum bench_measure measure, double *ns)
{
	switch (measure) {
	case BENCH_FLOOR_HIT:
		return lookups(b, look_floor, true, ns);
	case BENCH_FLOOR_MISS:
		return lookups(b, look_floor, false, ns);
	case BENCH_LOOKUP_HIT:
		return lookups(b, look_one, true, ns);
	case BENCH_LOOKUP_MISS:
		return lookups(b, look_one, false, ns);
	case BENCH_REF_HIT:
		return lookups(b, look_ref, true, ns);
	case BENCH_MANY_HIT:
		return lookups(b, look_many, true, ns);
	case BENCH_SECTION:
		return sections(b, ns);
	case BENCH_REGISTER:
		return registrations(b, ns);
	case BENCH_UPDATE:
		return updates(b, ns);
	default:
		return bench_death(b, measure == BENCH_ABSENT, ns);
	}
}
