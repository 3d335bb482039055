/* SPDX-License-Identifier: MIT */
/*
 * Counters: values of 8 bytes that their owner adds to in place.
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

int kreg_counter_add(struct kreg *k, const void *key, size_t key_size, int64_t delta, int64_t *now)
{
	UNCANCELLABLE;
	struct change change;
	struct found own;
	struct query q;
	uint64_t before;
	int64_t *word;
	int err = k ? key_check(key, &key_size) : -EINVAL;

	if (err)
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	err = change_enter(&change, k, &q);
	if (err)
		return err;
	err = change_find_own(&change, &own);
	if (!err) {
		word = counter_word(k, &own);
		if (word) {
			/* relaxed: a number with no other data behind it */
			before = (uint64_t)fetch_add_relaxed(word, delta);
			if (now)
				*now = (int64_t)(before + (uint64_t)delta);
		} else {
			err = -EINVAL;
		}
	}
	change_leave(&change);
	return change_whose(k, &q, err);
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
	int err = sum ? kreg_each_of_key(k, key, key_size, sum_entry, &all) : -EINVAL;

	if (!err)
		*sum = (int64_t)all;
	return err;
}
