/* SPDX-License-Identifier: MIT */
/*
 * A whole segment written by another process, opened for reading, and each call that
 * reads.
 *
 * The input describes changes of a sound registry that contains something of everything:
 * a byte with options, then for each change the place, the way, and a number. So a short
 * input damages important words, while an input that was the file itself would nearly
 * always be refused by its first words.
 *
 * What must hold: each call returns in bounded time, touches no memory except the segment
 * and its arguments, and returns no key and no value larger than the maximum.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "shm/layout.h"
#include "tests/fuzz/target.h"
#include "tests/support/tmp.h"

#define WORDS_MAX 32768u
#define CHANGES_MAX 16u
#define SOME 24

const char fuzz_name[] = "segment";
const unsigned int fuzz_runs = 3000;

enum { OPTION_DUPLICATE = 1, OPTION_CHECK = 2, OPTION_CUT = 4 };

/* How a word is changed. */
enum { SET, ADD, LINES, COPY, HIGH, WAYS };

/* A registry, its words that are not 0, and their values. */
struct victim {
	const char *name;
	uint64_t *words;
	size_t bytes;
	int fd;
	uint32_t count;
	uint32_t where[WORDS_MAX];
	uint64_t sound[WORDS_MAX];
};

static struct victim victims[2] = { { .name = "unique" }, { .name = "duplicate" } };

static char long_key[200], value[KREG_VALUE_MAX];

static int open_one(const struct victim *v, uint32_t flags, struct kreg **k)
{
	KREG_OPTIONS(options, .flags = flags, .life = KREG_LIFE_FALLBACK, .guard = "none",
		     .directory = tmp_directory(), .max_bytes = 1 << 20, .seats = 64, .slots = 64);

	if (v == &victims[1] && !(flags & KREG_OPEN_EXISTING)) {
		options.keys = KREG_KEYS_DUPLICATE;
		options.partitions = 4;
	}
	return kreg_open(k, v->name, &options);
}

/* Registers all that one owner has. */
static void fill(struct kreg *k, const char *who)
{
	struct kreg_lock lock;
	char key[32];
	int i;

	for (i = 0; i < SOME; i++) {
		snprintf(key, sizeof(key), "%s-%d", who, i);
		kreg_register(k, key, KREG_STRING, value, (size_t)i, NULL);
	}
	kreg_register_with(k, "shared", KREG_STRING, who, strlen(who), KREG_REGISTER_QUEUE, NULL);
	kreg_register(k, long_key, sizeof(long_key), value, 300, NULL);
	kreg_register(k, "large", KREG_STRING, value, 20000, NULL);
	kreg_register(k, "counter", KREG_STRING, "\1\0\0\0\0\0\0", 8, NULL);
	kreg_register_with(k, "reserved", KREG_STRING, "x", 1, KREG_REGISTER_RESERVED, NULL);
	kreg_service_register(k, "space", who, "value", 5, NULL);
	kreg_service_beat(k);
	kreg_update(k, "shared", KREG_STRING, "other", 5, NULL, 0);
	kreg_lock(k, who, KREG_STRING, 0, &lock);
	kreg_meta_put(k, who, KREG_STRING, value, 100);
}

/* Leaves the entries of a dead owner. */
static void fill_and_die(const struct victim *v)
{
	struct kreg *k;
	pid_t pid = fork();

	fuzz_must(pid >= 0, "fork");
	if (!pid) {
		fuzz_must(!open_one(v, 0, &k), "a registry can't be opened");
		fill(k, "another");
		_exit(0);
	}
	fuzz_must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

static void find_words(struct victim *v)
{
	size_t i, count = v->bytes / sizeof(uint64_t);
	off_t at = 0, end;

	while ((at = lseek(v->fd, at, SEEK_DATA)) >= 0) {
		end = lseek(v->fd, at, SEEK_HOLE);
		if (end < 0)
			break;
		for (i = (size_t)at / 8; i < (size_t)end / 8 && i < count; i++)
			if (v->words[i] && v->count < WORDS_MAX) {
				v->where[v->count] = (uint32_t)i;
				v->sound[v->count++] = v->words[i];
			}
		at = end;
	}
}

static void make(struct victim *v)
{
	char path[TMP_PATH];
	struct stat st;
	struct kreg *k;

	/* The handle stays open: the owner must be alive. */
	fuzz_must(!open_one(v, 0, &k), "a registry can't be created");
	fill_and_die(v);
	fill(k, "one");
	tmp_registry(path, geteuid(), v->name);
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	fuzz_must(v->fd >= 0 && !fstat(v->fd, &st), path);
	v->bytes = (size_t)st.st_size;
	v->words = mmap(NULL, v->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	fuzz_must(v->words != MAP_FAILED, "a registry can't be mapped");
	find_words(v);
}

static int look_at(const struct kreg_entry *entry, void *data)
{
	const unsigned char *bytes = entry->value;
	uint64_t *sum = data;
	size_t i;

	fuzz_must(entry->key_size <= KREG_KEY_MAX, "a key is too long");
	fuzz_must(entry->value_size <= KREG_VALUE_MAX, "a value is too large");
	for (i = 0; i < entry->value_size; i++)
		*sum += bytes[i];
	bytes = entry->key;
	for (i = 0; i < entry->key_size; i++)
		*sum += bytes[i];
	return 0;
}

static int look_at_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct kreg_owner *last = data;

	*last = facts->owner;
	return 0;
}

static int look_at_space(const char *space, uint64_t services, void *data)
{
	(void)services;
	(void)data;
	fuzz_must(strlen(space) <= KREG_NAMESPACE_MAX, "a namespace is too long");
	return 0;
}

static void look_up(struct kreg *k, const void *key, size_t size)
{
	struct kreg_owner owner = { 0 };
	struct kreg_owner_facts facts;
	char found[64];
	int64_t sum;
	ssize_t got;

	got = kreg_lookup(k, key, size, found, sizeof(found), &owner);
	fuzz_must(got <= KREG_VALUE_MAX, "a value is too large");
	kreg_whereis(k, key, size, &owner);
	kreg_owner_is_alive(k, &owner);
	kreg_owner_facts(k, &owner, &facts);
	kreg_counter_sum(k, key, size, &sum);
	kreg_signal(k, key, size, 0);
	got = kreg_meta_get(k, key, size, found, sizeof(found));
	fuzz_must(got <= KREG_META_MAX, "metadata is too large");
}

static void look_up_all(struct kreg *k)
{
	static const char *const keys[] = {
		"one-0",  "one-23",  "another-7", "shared",   "large",
		"nobody", "counter", "reserved",  "one-zero", "another"
	};
	struct kreg_key many[sizeof(keys) / sizeof(*keys)];
	struct kreg_found found[sizeof(keys) / sizeof(*keys)] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		look_up(k, keys[i], KREG_STRING);
		many[i] = (struct kreg_key){ keys[i], KREG_STRING };
	}
	look_up(k, long_key, sizeof(long_key));
	kreg_lookup_many(k, many, i, found);
}

static void visit_all(struct kreg *k)
{
	KREG_PATTERN(glob, .glob = "*-1*");
	KREG_PATTERN(value_of, .value = "other", .value_size = 5);
	struct kreg_service_health health = { .size = sizeof(health) };
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg_owner owner = { 0 };
	uint64_t sum = 0;

	kreg_count(k);
	kreg_stat(k, &stat);
	kreg_select(k, NULL, look_at, &sum);
	kreg_select(k, &glob, look_at, &sum);
	kreg_count_select(k, &value_of);
	kreg_each_of_key(k, "shared", KREG_STRING, look_at, &sum);
	kreg_dispatch(k, "shared", KREG_STRING, look_at, &sum);
	kreg_each_owner(k, look_at_owner, &owner);
	kreg_each_of_owner(k, &owner, look_at, &sum);
	kreg_meta_each(k, look_at, &sum);
	kreg_namespace_each(k, look_at_space, NULL);
	kreg_service_health(k, "space", "one", &health);
	kreg_await(k, "nobody", KREG_STRING, 0, NULL);
	kreg_await_gone(k, "shared", KREG_STRING, &owner, 0);
}

static void change(struct victim *v, struct fuzz_input *input)
{
	uint64_t *word = &v->words[v->where[fuzz_take(input, 2) % v->count]];
	uint64_t how = fuzz_take(input, 1) % WAYS, number = fuzz_take(input, 4);

	switch (how) {
	case SET:
		*word = number;
		break;
	case ADD:
		*word += (uint64_t)(int32_t)number;
		break;
	case LINES:
		*word ^= number << 25;
		break;
	case COPY:
		*word = v->sound[number % v->count];
		break;
	default:
		*word ^= number << 32;
	}
}

/* First, what the cut removed reads as 0. */
static void put_right(struct victim *v)
{
	uint32_t i;

	fuzz_must(!ftruncate(v->fd, (off_t)v->bytes), "a registry can't be made whole");
	for (i = 0; i < v->count; i++)
		v->words[v->where[i]] = v->sound[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint64_t options = fuzz_take(&input, 1), cut;
	struct victim *v = &victims[options & OPTION_DUPLICATE ? 1 : 0];
	struct kreg *k;
	int i;

	if (!v->words)
		make(v);
	for (i = 0; i < (int)CHANGES_MAX && input.left > 2; i++)
		change(v, &input);
	if (options & OPTION_CUT) {
		cut = fuzz_take(&input, 2) * 512;
		fuzz_must(!ftruncate(v->fd, (off_t)(cut < v->bytes ? cut : v->bytes)), "ftruncate");
	}
	if (!open_one(v, KREG_OPEN_READONLY | KREG_OPEN_EXISTING, &k)) {
		look_up_all(k);
		visit_all(k);
		/* The check runs again after some ten milliseconds, so not each time. */
		if (options & OPTION_CHECK && !(options >> 4))
			kreg_check(k, NULL, NULL);
		kreg_close(k);
	}
	put_right(v);
	return 0;
}
