/* SPDX-License-Identifier: MIT */
#include "tests/support/lines.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shm/index.h"
#include "shm/table.h"

struct listed {
	ref_t ref;
	uint64_t info;
	/* No living name with its key is in front of it. */
	bool first;
};

struct list {
	struct listed *of;
	size_t count, size;
};

static bool has_key_of(const struct segment *s, const struct entry *entry, uint64_t info,
		       ref_t other)
{
	const struct entry *before = segment_entry(s, ref_place(other));
	uint64_t other_info = before ? before->info : 0;

	return entry_key_size(info) == entry_key_size(other_info) &&
	       entry_has_room(s, before, ENTRY_HEAD + entry_key_size(info)) &&
	       !memcmp(entry->bytes, before->bytes, entry_key_size(info));
}

static void list_add(struct list *list, const struct segment *s, ref_t ref,
		     const struct entry *entry)
{
	struct listed listed = { .ref = ref, .info = entry->info, .first = true };
	size_t i;

	for (i = list->count; i && ref_order(list->of[i - 1].ref) == ref_order(ref); i--)
		listed.first &= !has_key_of(s, entry, entry->info, list->of[i - 1].ref);
	if (list->count == list->size) {
		list->size = list->size ? list->size * 2 : 1024;
		list->of = realloc(list->of, list->size * sizeof(*list->of));
		ck_assert_ptr_nonnull(list->of);
	}
	list->of[list->count++] = listed;
}

static struct list list_read(const struct kreg *k)
{
	const struct segment *s = &k->segment;
	struct list list = { 0 };
	uint64_t hops;
	ref_t at, next;

	ck_assert_int_eq(table_bucket_next(s, ref_make(0, order_of_bucket(0)), &at), 0);
	for (hops = 0; !ref_is_end(at); at = next, hops++) {
		struct entry *entry;

		ck_assert_msg(!table_is_lost(s, hops), "the list has no end");
		if (!order_is_entry(ref_order(at))) {
			ck_assert_int_eq(table_bucket_next(s, at, &next), 0);
			continue;
		}
		entry = segment_entry(s, ref_place(at));
		ck_assert_ptr_nonnull(entry);
		next = table_load(&entry->next);
		if (!(next & REF_MARK) && entry_is_of(entry->info, KINDS_OF_NAMES) &&
		    life_word_is_alive(&k->lives, entry->owner))
			list_add(&list, s, at & ~REF_MARK, entry);
	}
	return list;
}

static int by_ref(const void *a, const void *b)
{
	ref_t one = ((const struct listed *)a)->ref, two = ((const struct listed *)b)->ref;

	return one < two ? -1 : one > two;
}

static const struct listed *list_find(const struct list *list, ref_t ref)
{
	struct listed sought = { .ref = ref };

	if (!list->count)
		return NULL;
	return bsearch(&sought, list->of, list->count, sizeof(sought), by_ref);
}

static void check_listed(const struct kreg *k, const struct listed *listed, uint64_t buckets)
{
	uint32_t number = order_hash(ref_order(listed->ref)) & (uint32_t)(buckets - 1), i;
	const struct index_line *line = &k->segment.lines[number];

	if (!(line->control & INDEX_COMPLETE))
		return;
	for (i = 0; i < INDEX_CELLS; i++) {
		if ((line->cells[i] & ~CELL_LOOK) == listed->ref)
			return;
	}
	ck_abort_msg("line %u is complete and has no cell of the entry at %u, kind and flags %#llx",
		     number, ref_place(listed->ref),
		     (unsigned long long)(uint8_t)(listed->info >> ENTRY_KIND_SHIFT));
}

static void check_cell(const struct kreg *k, const struct list *list, struct lines *sum,
		       uint32_t number, uint64_t cell)
{
	const struct listed *listed = list_find(list, cell & ~CELL_LOOK);
	const struct entry *entry;

	if (!cell)
		return;
	if (cell & CELL_BUILT) {
		sum->built++;
		return;
	}
	if ((order_hash(ref_order(cell)) ^ number) & (uint32_t)(sum->buckets - 1)) {
		sum->moved++;
		return;
	}
	sum->cells++;
	sum->looks += !!(cell & CELL_LOOK);
	if (cell & CELL_LOOK) {
		sum->lost += !listed;
		return;
	}
	entry = segment_entry(&k->segment, ref_place(cell));
	ck_assert_msg(entry, "line %u: cell %#llx leads nowhere", number, (unsigned long long)cell);
	if (entry->next & REF_MARK || !life_word_is_alive(&k->lives, entry->owner)) {
		sum->ended++;
		return;
	}
	ck_assert_msg(listed, "line %u: cell %#llx leads to what is not in the list", number,
		      (unsigned long long)cell);
	ck_assert_msg(entry_kind(listed->info) == ENTRY_NAME &&
			      !entry_is_replaceable(listed->info) && listed->first,
		      "line %u: cell %#llx leads to kind and flags %#llx, which is%s the first",
		      number, (unsigned long long)cell,
		      (unsigned long long)(uint8_t)(listed->info >> ENTRY_KIND_SHIFT),
		      listed->first ? "" : " not");
}

static void check_line(const struct kreg *k, const struct list *list, struct lines *sum,
		       uint32_t number)
{
	const struct index_line *line = &k->segment.lines[number];
	bool complete = line->control & INDEX_COMPLETE;
	uint32_t i;

	sum->complete += complete;
	for (i = 0; i < INDEX_CELLS; i++)
		check_cell(k, list, sum, number, line->cells[i]);
}

struct lines lines_check(const struct kreg *k)
{
	uint64_t word = k->segment.header->buckets;
	struct lines sum = { .buckets = segment_buckets_of(word) };
	struct list list = list_read(k);
	size_t i;

	ck_assert_uint_ge(segment_see_buckets(&k->segment), sum.buckets);
	sum.names = list.count;
	/* Otherwise no lookup uses it, and nobody keeps it. */
	if (!(word & BUCKETS_UNINDEXED)) {
		for (i = 0; i < list.count; i++)
			check_listed(k, &list.of[i], sum.buckets);
		if (list.count)
			qsort(list.of, list.count, sizeof(*list.of), by_ref);
		for (i = 0; i < sum.buckets; i++)
			check_line(k, &list, &sum, (uint32_t)i);
	}
	free(list.of);
	return sum;
}
