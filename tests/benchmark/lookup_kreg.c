/* SPDX-License-Identifier: MIT */
/*
 * kreg's ways to look a name up. They share one registry, which other processes could share
 * too, and are called through the shared library, as users call them.
 */
#include <stdlib.h>

#include "tests/benchmark/contestant.h"

/* Reads in one section. */
#define SECTION 64u

static struct kreg *registry;
static const struct bench_options *registry_options;
static uint32_t registry_users;
static size_t key_size, value_size;
static struct kreg_ref *refs; /* by the number of the key */

static int register_here(const unsigned char *key, const unsigned char *value)
{
	return kreg_register(registry, key, key_size, value, value_size, NULL);
}

/* As a bridge to other hosts does. */
static int register_away(const unsigned char *key, const unsigned char *value)
{
	KREG_REMOTE(remote, .host = "other");

	return kreg_register_remote(registry, key, key_size, value, value_size, &remote,
				    KREG_REGISTER_REPLACEABLE, NULL);
}

static void *open_with(const struct contents *contents,
		       int (*add)(const unsigned char *key, const unsigned char *value))
{
	unsigned char value[VALUE_SIZE_MAX];
	uint32_t i;
	int err;

	if (registry_users++)
		return registry;
	registry_options = contents->options;
	registry = registry_open(registry_options, REGISTRY);
	key_size = contents->key_size;
	value_size = contents->value_size;
	for (i = 0; i < contents->count; i++) {
		value_make(value, value_size, i);
		err = add(contents->keys + i * key_size, value);
		if (err)
			die("kreg_register", err);
	}
	return registry;
}

static void *kreg_table_open(const struct contents *contents)
{
	return open_with(contents, register_here);
}

static void *away_open(const struct contents *contents)
{
	return open_with(contents, register_away);
}

static void kreg_table_close(void *table)
{
	if (--registry_users)
		return;
	kreg_close(table);
	registry_destroy(registry_options, REGISTRY);
}

static uint32_t lookup_look(void *table, const struct list *list)
{
	size_t key_bytes = key_size, value_bytes = value_size;
	unsigned char value[VALUE_SIZE_MAX];
	struct kreg_owner owner;
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++)
		found += kreg_lookup(table, list->keys + i * key_bytes, key_bytes, value,
				     sizeof(value), &owner) == (ssize_t)value_bytes;
	return found;
}

/*
 * References that the caller has at hand, beside what it wants to know, as it has the keys of the
 * others: one for each key of the list, in its order.
 */
static uint32_t ref_look(void *table, const struct list *list)
{
	struct kreg_ref *ref = list->refs, *end = ref + list->count;
	size_t value_bytes = value_size;
	unsigned char value[VALUE_SIZE_MAX];
	struct kreg_owner owner;
	uint32_t found = 0;

	for (; ref < end; ref++)
		found += kreg_ref_lookup(table, ref, value, sizeof(value), &owner) ==
			 (ssize_t)value_bytes;
	return found;
}

/* References that lie anywhere in memory: the reference is a miss of the cache of its own. */
static uint32_t ref_far_look(void *table, const struct list *list)
{
	size_t value_bytes = value_size;
	unsigned char value[VALUE_SIZE_MAX];
	struct kreg_owner owner;
	uint32_t i, found = 0;

	for (i = 0; i < list->count; i++)
		found += kreg_ref_lookup(table, &refs[list->numbers[i]], value, sizeof(value),
					 &owner) == (ssize_t)value_bytes;
	return found;
}

static void *ref_far_open(const struct contents *contents)
{
	uint32_t i;

	refs = room(contents->count * sizeof(*refs));
	for (i = 0; i < contents->count; i++)
		refs[i] = (struct kreg_ref)KREG_REF(contents->keys + i * contents->key_size,
						    contents->key_size);
	return kreg_table_open(contents);
}

static void ref_far_close(void *table)
{
	free(refs);
	kreg_table_close(table);
}

static uint32_t section_look(void *table, const struct list *list)
{
	size_t key_bytes = key_size, value_bytes = value_size;
	struct kreg_owner owner;
	uint32_t i, found = 0;
	const void *value;

	for (i = 0; i < list->count; i++) {
		kreg_read_enter(table);
		found += kreg_read(table, list->keys + i * key_bytes, key_bytes, &value, &owner) ==
			 (ssize_t)value_bytes;
		kreg_read_leave(table);
	}
	return found;
}

static uint32_t read_look(void *table, const struct list *list)
{
	size_t key_bytes = key_size, value_bytes = value_size;
	struct kreg_owner owner;
	uint32_t i, found = 0;
	const void *value;

	for (i = 0; i < list->count; i++) {
		if (!(i % SECTION))
			kreg_read_enter(table);
		found += kreg_read(table, list->keys + i * key_bytes, key_bytes, &value, &owner) ==
			 (ssize_t)value_bytes;
		if (i % SECTION == SECTION - 1 || i + 1 == list->count)
			kreg_read_leave(table);
	}
	return found;
}

static uint32_t many_look(void *table, const struct list *list)
{
	static unsigned char values[MANY][VALUE_SIZE_MAX];
	size_t key_bytes = key_size;
	struct kreg_found found[MANY];
	struct kreg_key keys[MANY];
	uint32_t at, i, sum = 0;

	/* With a capacity as its users have, so that the values of one call are close together. */
	for (i = 0; i < MANY; i++)
		found[i] = (struct kreg_found){ .value = &values[0][0] + i * value_size,
						.capacity = value_size };
	for (at = 0; at < list->count; at += MANY) {
		for (i = 0; i < MANY; i++)
			keys[i] = (struct kreg_key){ list->keys + (at + i) * key_bytes, key_bytes };
		sum += (uint32_t)kreg_lookup_many(table, keys, MANY, found);
	}
	return sum;
}

const struct contestant contestant_kreg_lookup = {
	.name = "kreg_lookup",
	.open = kreg_table_open,
	.hit = lookup_look,
	.miss = lookup_look,
	.close = kreg_table_close,
	.hit_goal = "<= 1.2",
	.miss_goal = "<= 1.3",
};

/* In a registry of its own, so it is not in a table with the others. */
const struct contestant contestant_kreg_away = {
	.name = "kreg_lookup, names of other hosts",
	.open = away_open,
	.hit = lookup_look,
	.miss = lookup_look,
	.close = kreg_table_close,
};

const struct contestant contestant_kreg_ref = {
	.name = "kreg_ref_lookup",
	.open = kreg_table_open,
	.hit = ref_look,
	.close = kreg_table_close,
	.hit_goal = "<= 0.6",
};

const struct contestant contestant_kreg_ref_far = {
	.name = "kreg_ref_lookup, references anywhere",
	.open = ref_far_open,
	.hit = ref_far_look,
	.close = ref_far_close,
};

const struct contestant contestant_kreg_section = {
	.name = "kreg: enter, read, leave",
	.open = kreg_table_open,
	.hit = section_look,
	.miss = section_look,
	.close = kreg_table_close,
};

const struct contestant contestant_kreg_read = {
	.name = "kreg_read, 64 in a section",
	.open = kreg_table_open,
	.hit = read_look,
	.miss = read_look,
	.close = kreg_table_close,
	.hit_goal = "<= 1.2",
	.miss_goal = "<= 1.3",
};

const struct contestant contestant_kreg_many = {
	.name = "kreg_lookup_many, 32 at a time",
	.open = kreg_table_open,
	.hit = many_look,
	.miss = many_look,
	.close = kreg_table_close,
	.hit_goal = "<= 0.24 at 1M",
	.miss_goal = "",
};
