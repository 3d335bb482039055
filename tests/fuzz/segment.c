/* SPDX-License-Identifier: MIT */
/*
 * A whole segment written by another process, and each call that reads it, or that changes it.
 *
 * The input describes changes of a sound registry that contains something of everything:
 * a byte with options, then for each change the place, the way, and a number. So a short
 * input damages important words, while an input that was the file itself would nearly
 * always be refused by its first words. With OPTION_WRITE the number of changes comes first, and what
 * is left of the input says which calls are made, with which arguments (any_call.h).
 *
 * A registry's owners are other processes, which do nothing: one is alive, one is dead.
 *
 * What must hold: each call returns in bounded time, touches no memory except the segment
 * and its arguments, and returns no key and no value larger than the maximum.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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
#include "tests/support/any_call.h"
#include "tests/support/child.h"
#include "tests/support/tmp.h"

#define WORDS_MAX 32768u
#define CHANGES_MAX 16u
#define CALLS_MAX 32u
#define ANY_READS 40
#define SOME 24
#define ANY_OF_AN_OWNER 400

const char fuzz_name[] = "segment";
const unsigned int fuzz_runs = 3000;

enum {
	OPTION_DUPLICATE = 1,
	OPTION_CHECK = 2,
	OPTION_CUT = 4,
	OPTION_WRITE = 8,
	OPTION_DESTROY = 16,
	OPTION_FORCE = 32,
};

/* How a word is changed. */
enum { SET, ADD, LINES, COPY, HIGH, WAYS };

/* A registry, its words that are not 0, and their values. */
struct victim {
	const char *name;
	uint64_t *words;
	size_t bytes;
	ino_t inode;
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
	KREG_REMOTE(remote, .token = 7, .pid = 77);
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
	snprintf(remote.host, sizeof(remote.host), "host-of-%s", who);
	kreg_register_remote(k, who, KREG_STRING, value, 10, &remote, KREG_REGISTER_REPLACEABLE,
			     NULL);
	kreg_allow(k, KREG_ALLOW_OTHERS);
}

static uint32_t next_number(void *data)
{
	uint32_t *last = data;

	*last = *last * 1664525 + 1013904223;
	return *last >> 8;
}

/* And what any calls leave. */
static void fill_with_any(struct kreg *k, uint32_t seed)
{
	struct any any = {
		.k = k, .number = next_number, .data = &seed, .directory = tmp_directory()
	};
	int i;

	for (i = 0; i < ANY_OF_AN_OWNER; i++)
		any_change(&any);
	any_end(&any);
}

/* Starts an owner, which dies when it is ready, or lives as long as this process. */
static void start_owner(const struct victim *v, const char *who, bool dies)
{
	pid_t parent = getpid(), pid;
	struct kreg *k;
	int ready[2];
	char byte;

	fuzz_must(!pipe2(ready, O_CLOEXEC), "pipe2");
	pid = fork();
	fuzz_must(pid >= 0, "fork");
	if (!pid) {
		child_ends_with(parent);
		fuzz_must(!open_one(v, 0, &k), "a registry can't be opened");
		fill_with_any(k, (uint32_t)*who);
		fill(k, who);
		if (dies)
			_exit(0);
		fuzz_must(write(ready[1], "", 1) == 1, "write");
		for (;;)
			pause();
	}
	close(ready[1]);
	fuzz_must(read(ready[0], &byte, 1) == !dies, "an owner can't be started");
	close(ready[0]);
	if (dies)
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
			if (v->words[i]) {
				fuzz_must(v->count < WORDS_MAX, "there are too many words");
				v->where[v->count] = (uint32_t)i;
				v->sound[v->count++] = v->words[i];
			}
		at = end;
	}
}

/* Under this name the file stays, whatever becomes of the registry's name. */
static void kept_path(const struct victim *v, char path[TMP_PATH])
{
	snprintf(path, TMP_PATH, "%s/kept-%s", tmp_directory(), v->name);
}

static void make(struct victim *v)
{
	char path[TMP_PATH], kept[TMP_PATH];
	struct stat st;

	tmp_registry(path, geteuid(), v->name);
	kept_path(v, kept);
	/* Of an earlier case of the same program. */
	unlink(path);
	unlink(kept);
	start_owner(v, "another", true);
	start_owner(v, "one", false);
	fuzz_must(!link(path, kept), kept);
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	fuzz_must(v->fd >= 0 && !fstat(v->fd, &st), path);
	v->inode = st.st_ino;
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
	KREG_REMOTE(remote, .pid = 0);
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
	if (kreg_remote_host(k, key, size, &remote) > 0)
		fuzz_must(strnlen(remote.host, sizeof(remote.host)) <= KREG_HOST_MAX,
			  "a host is too long");
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

/* A process that ends a registry, or puts one in its place, leaves other files. */
static void put_name_right(const struct victim *v)
{
	char path[TMP_PATH], kept[TMP_PATH], beside[2 * TMP_PATH];
	const char *name, *beside_end = "/gone";
	DIR *folder = opendir(tmp_directory());
	const struct dirent *file;
	struct stat st;
	size_t length;

	tmp_registry(path, geteuid(), v->name);
	name = strrchr(path, '/') + 1;
	length = strlen(name);
	fuzz_must(folder != NULL, "opendir");
	while ((file = readdir(folder))) {
		if (strncmp(file->d_name, name, length) || file->d_name[length] != '+')
			continue;
		snprintf(beside, sizeof(beside), "%s/%s%s", tmp_directory(), file->d_name,
			 beside_end);
		unlink(beside);
		beside[strlen(beside) - strlen(beside_end)] = 0;
		fuzz_must(!remove(beside), beside);
	}
	closedir(folder);
	if (!stat(path, &st)) {
		if (st.st_ino == v->inode)
			return;
		fuzz_must(!unlink(path), path);
	}
	kept_path(v, kept);
	fuzz_must(!link(kept, path), path);
}

/* First, what the cut removed, or what was written where nothing was, reads as 0. */
static void put_right(struct victim *v, bool was_written)
{
	uint32_t i;

	if (was_written) {
		fuzz_must(!ftruncate(v->fd, 0), "a registry can't be emptied");
		put_name_right(v);
	}
	fuzz_must(!ftruncate(v->fd, (off_t)v->bytes), "a registry can't be made whole");
	for (i = 0; i < v->count; i++)
		v->words[v->where[i]] = v->sound[i];
}

static void read_it(struct victim *v, uint64_t options)
{
	uint32_t seed = 1;
	struct any any = { .number = next_number, .data = &seed, .directory = tmp_directory() };
	int i;

	if (open_one(v, KREG_OPEN_READONLY | KREG_OPEN_EXISTING, &any.k))
		return;
	look_up_all(any.k);
	visit_all(any.k);
	for (i = 0; i < ANY_READS; i++)
		any_read(&any);
	/* The check runs again after some ten milliseconds, so not each time. */
	if (options & OPTION_CHECK && !(options >> 4))
		kreg_check(any.k, NULL, NULL);
	any_end(&any);
	kreg_close(any.k);
}

static uint32_t number_of_input(void *data)
{
	return (uint32_t)fuzz_take(data, 1);
}

static void write_it(struct victim *v, uint64_t options, struct fuzz_input *input)
{
	KREG_OPTIONS(where, .guard = "none", .directory = tmp_directory());
	struct any any = { .number = number_of_input, .data = input, .directory = tmp_directory() };
	unsigned int i;

	if (!open_one(v, 0, &any.k)) {
		for (i = 0; i < CALLS_MAX && input->left; i++) {
			if (fuzz_take(input, 1) % 4)
				any_change(&any);
			else
				any_read(&any);
		}
		any_end(&any);
	}
	if (options & OPTION_DESTROY)
		kreg_destroy(v->name, &where, options & OPTION_FORCE ? KREG_DESTROY_FORCE : 0);
	kreg_close(any.k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint64_t options = fuzz_take(&input, 1), changes = CHANGES_MAX, cut;
	struct victim *v = &victims[options & OPTION_DUPLICATE ? 1 : 0];

	if (!v->words)
		make(v);
	if (options & OPTION_WRITE)
		changes = fuzz_take(&input, 1) % (CHANGES_MAX + 1);
	for (; changes && input.left > 2; changes--)
		change(v, &input);
	if (options & OPTION_CUT) {
		cut = fuzz_take(&input, 2) * 512;
		fuzz_must(!ftruncate(v->fd, (off_t)(cut < v->bytes ? cut : v->bytes)), "ftruncate");
	}
	if (options & OPTION_WRITE)
		write_it(v, options, &input);
	else
		read_it(v, options);
	put_right(v, options & OPTION_WRITE);
	return 0;
}
