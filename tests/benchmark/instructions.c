/* SPDX-License-Identifier: MIT */
/*
 * What count-instructions runs under callgrind: one case, in the function counted(), which
 * is all that callgrind is asked to count. So the caller's loop counts, and the library's
 * table of functions; opening, filling and the first call, which binds the function, don't.
 *
 *   instructions --list     the cases, each with how many calls it makes
 *   instructions CASE
 *   instructions CASE MANY  once in one registry, with KEYS_OF_LINES keys, for lines of the cache
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/benchmark/contestant.h"

/* A multiple of MANY; between two powers of two, because tables double their buckets at these. */
#define KEYS 1504u
#define ROUNDS 4u
/* Each has a random seed of its hash, hence other collisions. */
#define REGISTRIES 4u

/* As KEYS; their lines and entries take 10 MiB. */
#define KEYS_OF_LINES 100000u

static uint32_t keys = KEYS, rounds = ROUNDS, registries = REGISTRIES;

struct state {
	struct bench_options options;
	struct contents contents;
	unsigned char *keys; /* as many again are in no table */
	struct list list;
	void *table;
};

struct kind {
	const char *name;
	const struct contestant *with;
	size_t key_size;
	bool miss;
	bool grouped;                     /* keys of namespaces of 10 names */
	bool heard;                       /* somebody listens */
	void (*run)(struct state *state); /* NULL: the contestant's hits or misses */
};

static void sections(struct state *state)
{
	uint32_t i;

	for (i = 0; i < keys; i++) {
		kreg_read_enter(state->table);
		kreg_read_leave(state->table);
	}
}

/* Of the keys that are in no table yet. */
static void pairs(struct state *state)
{
	const unsigned char *key = state->keys + keys * state->contents.key_size;
	size_t size = state->contents.key_size;
	uint64_t value = 1;
	uint32_t i;

	for (i = 0; i < keys; i++, key += size) {
		kreg_register(state->table, key, size, &value, sizeof(value), NULL);
		kreg_unregister(state->table, key, size);
	}
}

static const struct kind kinds[] = {
	{ "floor-hit", &contestant_floor, 32 },
	{ "floor-miss", &contestant_floor, 32, .miss = true },
	{ "floor-hit-60", &contestant_floor, 60 },
	{ "kreg-hit", &contestant_kreg_lookup, 32 },
	{ "kreg-miss", &contestant_kreg_lookup, 32, .miss = true },
	{ "kreg-hit-60", &contestant_kreg_lookup, 60 },
	{ "kreg-away", &contestant_kreg_away, 32 },
	{ "kreg-ref", &contestant_kreg_ref, 32 },
	{ "kreg-read", &contestant_kreg_section, 32 },
	{ "kreg-read-64", &contestant_kreg_read, 32 },
	{ "kreg-read-64-miss", &contestant_kreg_read, 32, .miss = true },
	{ "kreg-many", &contestant_kreg_many, 32 },
	{ "kreg-section", &contestant_kreg_lookup, 32, .run = sections },
	{ "kreg-pair", &contestant_kreg_lookup, 32, .run = pairs },
	{ "kreg-pair-grouped", &contestant_kreg_lookup, 32, .grouped = true, .run = pairs },
	{ "kreg-pair-heard", &contestant_kreg_lookup, 32, .heard = true, .run = pairs },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void run_once(const struct kind *kind, struct state *state)
{
	uint32_t found, expected = kind->miss ? 0 : keys;

	if (kind->run) {
		kind->run(state);
		return;
	}
	found = (kind->miss ? kind->with->miss : kind->with->hit)(state->table, &state->list);
	if (found == expected)
		return;
	fprintf(stderr, "instructions: %s found %u of %u\n", kind->name, found, expected);
	exit(1);
}

/* Its name is an argument of callgrind. */
void counted(const struct kind *kind, struct state *state);
__attribute__((noinline)) void counted(const struct kind *kind, struct state *state)
{
	uint32_t i;

	for (i = 0; i < rounds; i++)
		run_once(kind, state);
}

/* The first ten bytes of key number @i, of 32. */
static void group_write(unsigned char *key, uint32_t i)
{
	char group[11];

	snprintf(group, sizeof(group), "group-%03u/", i / 10 % 1000);
	memcpy(key, group, 10);
}

static void keys_make(struct state *state, const struct kind *kind)
{
	uint32_t *numbers = room(keys * sizeof(*numbers)), i;
	size_t size = kind->key_size, j;
	uint64_t random = 1;

	state->keys = room(2 * keys * size);
	for (i = 0; i < 2 * keys; i++) {
		for (j = 0; j < size; j++)
			state->keys[i * size + j] = (unsigned char)random_next(&random);
		if (kind->grouped)
			group_write(state->keys + i * size, i);
	}
	for (i = 0; i < keys; i++)
		numbers[i] = i;
	state->contents = (struct contents){ .options = &state->options,
					     .keys = state->keys,
					     .count = keys,
					     .key_size = size,
					     .value_size = 8 };
	state->list = (struct list){ .keys = state->keys + (kind->miss ? keys * size : 0),
				     .refs = room(keys * sizeof(struct kreg_ref)),
				     .numbers = numbers,
				     .count = keys };
}

static void count(const struct kind *kind)
{
	struct state state = { 0 };
	struct kreg_listener *listener = NULL;
	char directory[64];
	uint32_t i, j;
	int err;

	snprintf(directory, sizeof(directory), "/dev/shm/kreg-instructions-%d", getpid());
	/* Small: valgrind has no room for the usual reservation. */
	KREG_OPTIONS(registry, .directory = directory, .guard = "none", .seats = 64, .slots = 64,
		     .max_bytes = 1 << 24);
	state.options.registry = registry;
	if (mkdir(directory, 0700))
		die(directory, -errno);
	keys_make(&state, kind);
	for (i = 0; i < registries; i++) {
		for (j = 0; j < keys; j++)
			state.list.refs[j] = (struct kreg_ref)KREG_REF(
				state.list.keys + j * kind->key_size, kind->key_size);
		state.table = kind->with->open(&state.contents);
		if (kind->heard && (err = kreg_listen(&listener, state.table, NULL, 0)))
			die("kreg_listen", err);
		run_once(kind, &state);
		counted(kind, &state);
		kreg_listener_close(listener);
		listener = NULL;
		kind->with->close(state.table);
	}
	rmdir(directory);
}

int main(int argc, char **argv)
{
	bool lists = argc == 2 && !strcmp(argv[1], "--list");
	size_t i;

	if (argc == 3 && !strcmp(argv[2], "MANY")) {
		keys = KEYS_OF_LINES;
		rounds = registries = 1;
	} else if (argc != 2) {
		fprintf(stderr, "Usage: instructions --list | CASE [MANY]\n");
		return 2;
	}
	for (i = 0; i < KINDS; i++) {
		if (lists)
			printf("%s %u %u\n", kinds[i].name, KEYS * ROUNDS * REGISTRIES,
			       KEYS_OF_LINES);
		else if (!strcmp(argv[1], kinds[i].name))
			return count(&kinds[i]), 0;
	}
	if (!lists)
		fprintf(stderr, "instructions: there is no case %s\n", argv[1]);
	return lists ? 0 : 2;
}
