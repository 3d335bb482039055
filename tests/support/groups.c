/* SPDX-License-Identifier: MIT */
#include "tests/support/groups.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/find/visit.h"
#include "shm/group.h"
#include "shm/table.h"

static void count_cell(const struct kreg *k, struct groups *sum, uint64_t cell)
{
	const struct entry *entry = segment_entry(&k->segment, ref_place(cell));

	if (!cell)
		return;
	sum->cells++;
	ck_assert_ptr_nonnull(entry);
	sum->ended += entry->next & REF_MARK || !entry_is_of(entry->info, KINDS_OF_NAMES) ||
		      !life_word_is_alive(&k->lives, entry->owner);
}

static void count_names(const struct kreg *k, struct groups *sum)
{
	const struct segment *s = &k->segment;
	struct table_walk walk;
	struct found found;
	order_t order;

	table_first(s, 0, ORDER_LAST, &walk);
	while (!table_next(s, &k->lives, &walk, &found, &order)) {
		uint32_t size = entry_key_size(found.info);
		struct query q = table_query(s, found.entry->bytes, size);

		q.kinds = KINDS_OF_NAMES;
		if (!entry_is_of(found.info, KINDS_OF_NAMES))
			continue;
		sum->names += !!group_size(found.entry->bytes, size);
		ck_assert_msg(group_has(s, &q, found.place), "no cell: %.*s", (int)size,
			      (const char *)found.entry->bytes);
	}
}

struct groups groups_check(const struct kreg *k)
{
	uint64_t groups = k->segment.header->groups, block;
	struct groups sum = { .lost = groups & GROUPS_LOST };
	uint32_t line, i;

	count_names(k, &sum);
	groups &= ~GROUPS_LOST;
	sum.lines = k->segment.header->group_next * GROUP_LINES;
	for (block = 0; block < groups; block++) {
		for (line = 0; line < GROUP_LINES; line++) {
			const struct group_line *at = &k->segment.groups[block].lines[line];

			for (i = 0; i < GROUP_CELLS; i++)
				count_cell(k, &sum, at->cells[i]);
		}
	}
	return sum;
}

struct listed {
	char keys[4096][64];
	int count;
};

static int note(const struct kreg_entry *entry, void *data)
{
	struct listed *listed = data;

	ck_assert_int_lt(listed->count, 4096);
	ck_assert_uint_lt(entry->key_size, 64);
	memcpy(listed->keys[listed->count++], entry->key, entry->key_size);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(a, b);
}

int groups_list(struct kreg *k, const char *prefix)
{
	KREG_PATTERN(pattern, .prefix = prefix, .prefix_size = strlen(prefix));
	struct listed *by_list = calloc(1, sizeof(*by_list)),
		      *by_group = calloc(1, sizeof(*by_group));
	int i, count;

	ck_assert(by_list && by_group);
	ck_assert_int_eq(visit_all(&(struct visit){
				 .k = k, .pattern = &pattern, .visit = note, .data = by_list }),
			 0);
	ck_assert_int_eq(kreg_each(k, prefix, KREG_STRING, note, by_group), 0);
	qsort(by_list->keys, (size_t)by_list->count, sizeof(by_list->keys[0]), by_key);
	qsort(by_group->keys, (size_t)by_group->count, sizeof(by_group->keys[0]), by_key);
	ck_assert_int_eq(by_group->count, by_list->count);
	for (i = 0; i < by_list->count; i++)
		ck_assert_str_eq(by_group->keys[i], by_list->keys[i]);
	count = by_group->count;
	free(by_list);
	free(by_group);
	return count;
}
