/* SPDX-License-Identifier: MIT */
/*
 * A peer: what one would write by hand, a table with open addressing in shared memory behind
 * a process-shared rwlock. Half of its slots or more are free.
 *
 * It leaves out: owners that die, and a process that is killed while it has the lock, which
 * blocks all others for ever.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/benchmark/contestant.h"

struct slot {
	uint32_t tag;
	uint32_t entry; /* + 1; 0: free */
};

struct shared {
	pthread_rwlock_t lock;
	size_t bytes;
	uint64_t mask;
	size_t entries_at;
	size_t entry_size;
	size_t key_size;
	size_t value_size;
	struct slot slots[];
};

static const unsigned char *entry_at(const struct shared *t, uint32_t number)
{
	return (const unsigned char *)t + t->entries_at + (number - 1) * t->entry_size;
}

static struct slot *slot_of(struct shared *t, const void *key, size_t key_size)
{
	uint64_t hash = XXH3_64bits(key, key_size), at = hash & t->mask;

	for (;; at = (at + 1) & t->mask) {
		struct slot *slot = &t->slots[at];

		if (!slot->entry) {
			slot->tag = (uint32_t)(hash >> 32);
			return slot;
		}
	}
}

static void *rwlock_open(const struct contents *contents)
{
	size_t slots = 2, entries_at, bytes;
	pthread_rwlockattr_t shared;
	struct shared *t;
	uint32_t i;

	while (slots < 2ul * contents->count)
		slots *= 2;
	entries_at = (sizeof(*t) + slots * sizeof(t->slots[0]) + 63) & ~(size_t)63;
	bytes = (contents->key_size + contents->value_size + 63) & ~(size_t)63;
	bytes = entries_at + contents->count * bytes;
	t = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		die("memory", -errno);
	pthread_rwlockattr_init(&shared);
	pthread_rwlockattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&t->lock, &shared);
	t->bytes = bytes;
	t->mask = slots - 1;
	t->entries_at = entries_at;
	t->key_size = contents->key_size;
	t->value_size = contents->value_size;
	t->entry_size = (t->key_size + t->value_size + 63) & ~(size_t)63;
	for (i = 0; i < contents->count; i++) {
		unsigned char *entry = (unsigned char *)t + entries_at + i * t->entry_size;

		memcpy(entry, contents->keys + i * t->key_size, t->key_size);
		value_make(entry + t->key_size, t->value_size, i);
		slot_of(t, entry, t->key_size)->entry = i + 1;
	}
	return t;
}

static __attribute__((noinline)) ssize_t rwlock_lookup(struct shared *t, const void *key,
						       size_t key_size, void *value)
{
	uint64_t hash = XXH3_64bits(key, key_size), at = hash & t->mask;
	ssize_t result = -ENOENT;

	pthread_rwlock_rdlock(&t->lock);
	for (; t->slots[at].entry; at = (at + 1) & t->mask) {
		const unsigned char *entry;

		if (t->slots[at].tag != (uint32_t)(hash >> 32))
			continue;
		entry = entry_at(t, t->slots[at].entry);
		if (memcmp(entry, key, key_size))
			continue;
		memcpy(value, entry + key_size, t->value_size);
		result = (ssize_t)t->value_size;
		break;
	}
	pthread_rwlock_unlock(&t->lock);
	return result;
}

static uint32_t rwlock_look(void *table, const struct list *list)
{
	struct shared *t = table;
	size_t key_size = t->key_size;
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++)
		found += rwlock_lookup(t, list->keys + i * key_size, key_size, value) ==
			 (ssize_t)t->value_size;
	return found;
}

static void rwlock_close(void *table)
{
	struct shared *t = table;

	pthread_rwlock_destroy(&t->lock);
	munmap(t, t->bytes);
}

const struct contestant contestant_rwlock = {
	.name = "rwlock, table in shared memory",
	.open = rwlock_open,
	.hit = rwlock_look,
	.miss = rwlock_look,
	.close = rwlock_close,
};
