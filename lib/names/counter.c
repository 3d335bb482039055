/* SPDX-License-Identifier: MIT */
/*
 * Counters: values of 8 bytes that their owner counts in, in place.
 *
 * The word is behind the key, aligned, so a lookup copies it whole. The counts of the
 * dead go with their entries: a sum covers the living only.
 */
#include <errno.h>
#include <string.h>

#include "lib/names/change.h"
#include "shm/query.h"

/* The counter's word; NULL if the value is not a counter. */
static int64_t *counter_word(const struct kreg *k, const struct found *found)
{
	uint32_t size;
	const void *value = entry_value(&k->segment, found->entry, found->info, &size);

	if (!value || size != sizeof(int64_t) || (uintptr_t)value % sizeof(int64_t))
		return NULL;
	return (int64_t *)(uintptr_t)value;
}

/* What a call makes of a counter. */
struct counting {
	int64_t delta, threshold, to;
	enum { COUNT_ADD, COUNT_BOUNDED, COUNT_RESET } how;
};

static inline int64_t count_on(const struct counting *c, int64_t before)
{
	int64_t sum;

	if (c->how == COUNT_RESET)
		return c->to;
	if (c->how == COUNT_ADD)
		return (int64_t)((uint64_t)before + (uint64_t)c->delta);
	/* A sum that is too large for an int64_t is past each threshold. */
	if (__builtin_add_overflow(before, c->delta, &sum))
		return c->to;
	return (c->delta >= 0 ? sum > c->threshold : sum < c->threshold) ? c->to : sum;
}

/* Counts in the caller's counter of @q. Returns 0 with its number before and afterwards. */
static int count_own(struct kreg *k, const struct query *q, const struct counting *c,
		     int64_t *before, int64_t *now)
{
	struct change change;
	struct found own;
	bool is_counter = true;
	int64_t *word;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	err = change_find_own(&change, &own);
	if (!err && entry_is_remote(own.info))
		err = -EREMOTE;
	if (!err) {
		word = counter_word(k, &own);
		is_counter = word;
		if (word) {
			/*
			 * Nobody else writes the word: it is the caller's own, and other threads
			 * wait for the lock of the key. relaxed: a number with no other data
			 * behind it
			 */
			*before = load_relaxed(word);
			*now = count_on(c, *before);
			store_relaxed(word, *now); /* relaxed: as above */
		}
	}
	change_leave(&change);
	if (!is_counter)
		return refuse(k, "the value of the key is no counter: a counter has 8 bytes");
	return change_whose(k, q, err);
}

static int count_key(struct kreg *k, const void *key, size_t key_size, const struct counting *c,
		     int64_t *before, int64_t *now)
{
	struct query q;
	int64_t old = 0, new = 0;
	int err = key_of_call(k, key, &key_size);

	if (err)
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	err = count_own(k, &q, c, &old, &new);
	if (!err && before)
		*before = old;
	if (!err && now)
		*now = new;
	return err;
}

int kreg_counter_add(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t *now)
{
	UNCANCELLABLE;
	const struct counting c = { .how = COUNT_ADD, .delta = delta };

	return count_key(k, key, key_size, &c, NULL, now);
}

int kreg_counter_add_bounded(struct kreg *k, const void *key, size_t key_size, int64_t delta,
			     int64_t threshold, int64_t to, int64_t *now)
{
	UNCANCELLABLE;
	const struct counting c = {
		.how = COUNT_BOUNDED, .delta = delta, .threshold = threshold, .to = to
	};

	return count_key(k, key, key_size, &c, NULL, now);
}

int kreg_counter_reset(struct kreg *k, const void *key, size_t key_size, int64_t to,
		       int64_t *before)
{
	UNCANCELLABLE;
	const struct counting c = { .how = COUNT_RESET, .to = to };

	return count_key(k, key, key_size, &c, before, NULL);
}

int64_t kreg_counter_add_many(struct kreg *k, struct kreg_counter_item *items, size_t count)
{
	UNCANCELLABLE;
	int64_t counted = 0;
	size_t i;

	if (!k)
		return refuse(k, K_IS_NULL);
	if (!items && count)
		return refuse(k, "items is NULL, but count is not 0");
	for (i = 0; i < count; i++) {
		const struct counting c = { .how = COUNT_ADD, .delta = items[i].delta };

		items[i].error =
			count_key(k, items[i].key, items[i].key_size, &c, NULL, &items[i].now);
		counted += !items[i].error;
	}
	return counted;
}

static int sum_entry(const struct kreg_entry *entry, void *data)
{
	uint64_t *sum = data, value;

	if (entry->value_size == sizeof(value) && !entry->position) {
		memcpy(&value, entry->value, sizeof(value));
		*sum += value;
	}
	return 0;
}

int kreg_counter_sum(struct kreg *k, const void *key, size_t key_size, int64_t *sum)
{
	UNCANCELLABLE;
	uint64_t all = 0;
	int err = sum ? kreg_each_of_key(k, key, key_size, sum_entry, &all)
		      : refuse(k, "sum is NULL");

	if (!err)
		*sum = (int64_t)all;
	return err;
}
