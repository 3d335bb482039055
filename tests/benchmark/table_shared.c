/* SPDX-License-Identifier: MIT */
/*
 * The table of another map that processes share: registrations and ends beside insertions and
 * removals in a map of Boost.Interprocess, whose entries have no owner (boost_map.h). Once all
 * names of a new map, which grows from nothing, and once new names among as many others.
 *
 * Each map is new in each turn, and filled outside of the measured time where it is about
 * names among others; its memory is that of /dev/shm, as the registry's is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/benchmark/boost_map.h"
#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define NAMES 100000u

struct sharing {
	const struct bench_options *options;
	unsigned char (*keys)[NUMBERED_SIZE]; /* twice NAMES */
	enum boost_keys boost_keys;
};

static struct boost_map *boost_new(const struct sharing *s)
{
	struct boost_map *map;
	char name[64];

	snprintf(name, sizeof(name), "kreg-benchmark-%d.boost", getpid());
	map = boost_map_create(name, s->boost_keys, 2 * NAMES, NUMBERED_SIZE + sizeof(uint64_t));
	if (!map)
		die("boost_map_create", -ENOMEM);
	return map;
}

static void boost_add(const struct sharing *s, struct boost_map *map, uint64_t number)
{
	if (boost_map_add(map, s->keys[number], NUMBERED_SIZE, &number, sizeof(number)) != 1)
		die("boost_map_add", -ENOMEM);
}

static void kreg_add(const struct sharing *s, struct kreg *k, uint64_t number)
{
	int err = kreg_register(k, s->keys[number], NUMBERED_SIZE, &number, sizeof(number), NULL);

	if (err)
		die("kreg_register", err);
}

/* ns for each name of a new map; if @pairs, for each insertion and removal among those. */
static double boost_turn(struct sharing *s, enum boost_keys keys, bool pairs)
{
	struct boost_map *map;
	double start;
	uint32_t i;

	s->boost_keys = keys;
	map = boost_new(s);
	start = run_ns();
	for (i = 0; i < NAMES; i++)
		boost_add(s, map, i);
	if (pairs)
		start = run_ns();
	for (; pairs && i < 2 * NAMES; i++) {
		boost_add(s, map, i);
		if (boost_map_remove(map, s->keys[i], NUMBERED_SIZE) != 1)
			die("boost_map_remove", -ENOENT);
	}
	start = run_ns() - start;
	boost_map_destroy(map);
	return start / NAMES;
}

static double kreg_turn(struct sharing *s, bool pairs)
{
	struct kreg *k = registry_open(s->options, REGISTRY);
	double start = run_ns();
	uint32_t i;
	int err;

	for (i = 0; i < NAMES; i++)
		kreg_add(s, k, i);
	if (pairs)
		start = run_ns();
	for (; pairs && i < 2 * NAMES; i++) {
		kreg_add(s, k, i);
		err = kreg_unregister(k, s->keys[i], NUMBERED_SIZE);
		if (err != 1)
			die("kreg_unregister", err);
	}
	start = run_ns() - start;
	kreg_close(k);
	registry_destroy(s->options, REGISTRY);
	return start / NAMES;
}

static double fixed_names(void *state)
{
	return boost_turn(state, BOOST_FIXED_32_8, false);
}

static double string_names(void *state)
{
	return boost_turn(state, BOOST_STRINGS, false);
}

static double kreg_names(void *state)
{
	return kreg_turn(state, false);
}

static double fixed_pairs(void *state)
{
	return boost_turn(state, BOOST_FIXED_32_8, true);
}

static double string_pairs(void *state)
{
	return boost_turn(state, BOOST_STRINGS, true);
}

static double kreg_pairs(void *state)
{
	return kreg_turn(state, true);
}

static void shared_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "100,000 names, each: Boost, fixed sizes", fixed_names },
		{ "100,000 names, each: Boost, strings", string_names },
		{ "100,000 names, each: kreg_register", kreg_names, "< 1" },
		{ "among 100,000: Boost add, remove, fixed", fixed_pairs, .to = 3 },
		{ "among 100,000: Boost add, remove, strings", string_pairs, .to = 3 },
		{ "among 100,000: kreg_register, _unregister", kreg_pairs, "< 1", .to = 3 },
	};
	struct sharing s = { .options = options, .keys = room(2ul * NAMES * NUMBERED_SIZE) };
	uint32_t i;

	if (boost_map_create) {
		for (i = 0; i < 2 * NAMES; i++)
			numbered_key(s.keys[i], i);
		title_print(options, "Names beside a shared map of Boost.Interprocess");
		row_heading("Boost, fixed");
		ways_compare(options, ways, 6, "ns", &s);
	} else {
		printf("\nNames beside a shared map: left out, because g++ or libboost-dev was "
		       "missing when this was configured\n");
	}
	free(s.keys);
}

const struct table table_shared = { "shared", "register and unregister beside Boost.Interprocess",
				    shared_run };
