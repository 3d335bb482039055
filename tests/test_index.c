/* SPDX-License-Identifier: MIT */
/*
 * The index from inside: when an entry has a cell, and what the cell says.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/indexed.h"
#include "tests/support/lines.h"
#include "tests/support/unit.h"

/* In the lines of this many buckets the mean is between that of a table that has just grown
 * and that of one that is about to. */
#define MANY 30000

static uint32_t version_of(const char *key)
{
	return (uint32_t)(line_of_name(key)->control / INDEX_VERSION);
}

/*
 * The CASes of links that lead to an entry of the order @watched: each one that puts an entry
 * into the list is among them.
 */
static order_t watched;
static int links;

static void see_link(ref_t seen, ref_t next)
{
	const struct index_line *line;
	uint32_t i;

	if (!watched || ref_order(next) != watched || ref_place(seen) == ref_place(next))
		return;
	links++;
	line = &k->segment.lines[order_hash(watched) & (uint32_t)(buckets() - 1)];
	for (i = 0; i < INDEX_CELLS; i++) {
		if (((line->cells[i] ^ next) & ~(CELL_LOOK | REF_MARK)) == 0)
			return;
	}
	ck_abort_msg("an entry without a cell is about to be linked");
}

bool __real_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next);
bool __wrap_table_cas(uint64_t *link, ref_t *seen, ref_t next)
{
	see_link(*seen, next);
	return __real_table_cas(link, seen, next);
}

bool __real_table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen,
			 ref_t next);
bool __wrap_table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen,
			 ref_t next);
bool __wrap_table_cas_in(const struct writer *w, place_t in, uint64_t *link, ref_t *seen,
			 ref_t next)
{
	see_link(*seen, next);
	return __real_table_cas_in(w, in, link, seen, next);
}

/* That no line has a cell of what is in the @count lines of land from @place on. */
static int retired;

static void see_retired(place_t place, uint32_t count)
{
	const struct segment *s = &k->segment;
	uint32_t i, j;

	retired++;
	for (i = 0; i < buckets(); i++) {
		for (j = 0; j < INDEX_CELLS; j++) {
			uint64_t cell = s->lines[i].cells[j];

			unit_assert(!cell || ref_place(cell) - place >= count ||
				    (order_hash(ref_order(cell)) & (buckets() - 1)) != i);
		}
	}
}

void __real_heap_retire(struct heap *heap, place_t place, place_t entry);
void __wrap_heap_retire(struct heap *heap, place_t place, place_t entry);
void __wrap_heap_retire(struct heap *heap, place_t place, place_t entry)
{
	if (watched)
		see_retired(place, 1);
	__real_heap_retire(heap, place, entry);
}

bool __real_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);
bool __wrap_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen);
bool __wrap_land_retire_from(const struct segment *s, uint32_t slab, owner_t seen)
{
	if (watched)
		see_retired(segment_slab_place(s, slab), SLAB_BYTES / LINE_BYTES);
	return __real_land_retire_from(s, slab, seen);
}

START_TEST(a_cell_comes_before_the_entry_and_goes_after_it)
{
	uint32_t version;

	watched = query_of("name").order;
	ck_assert_int_eq(probe("name"), -ENOENT);
	version = version_of("name");
	register_as("name", 0);
	ck_assert_int_eq(links, 1);
	ck_assert(is_settled("name"));
	ck_assert_int_eq(probe("name"), 0);
	/* What is linked makes no lookup wrong that began before. */
	ck_assert_uint_eq(version_of("name"), version);

	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "w", 1, NULL, 0), 1);
	ck_assert_int_ge(links, 2);
	ck_assert_int_eq(retired, 1);
	ck_assert(is_settled("name"));
	ck_assert_uint_eq(version_of("name"), version + 1);
	ck_assert_int_eq(probe("name"), 0);

	unregister("name");
	ck_assert_int_eq(retired, 2);
	ck_assert_uint_eq(cell_of("name"), 0);
	ck_assert_uint_eq(version_of("name"), version + 2);
	ck_assert_int_eq(probe("name"), -ENOENT);
	ck_assert_uint_eq(lines_check(k).cells, 0);
}
END_TEST

START_TEST(a_claim_is_taken_back_without_a_trace)
{
	struct query q = query_of("name");
	struct index_claim claim = { 0 };
	struct thread *thread;
	uint64_t control;
	place_t place;

	ck_assert_int_eq(heap_take(k->heap, 64, 1, &place), 0);
	ck_assert_int_eq(handle_enter(k, &thread), 0);
	grace_name(&thread->writer, HAZARD_NEW, place);
	control = line_of_name("name")->control;
	ck_assert_int_eq(index_claim(&thread->writer, &q, place, &claim), 0);
	ck_assert_uint_eq(cell_of("name"), ref_make(place, q.order) | CELL_LOOK);
	ck_assert_int_eq(probe("name"), -EAGAIN);
	/* The next try finds it there. */
	ck_assert_int_eq(index_claim(&thread->writer, &q, place, &claim), 0);
	ck_assert_uint_eq(cell_of("name"), ref_make(place, q.order) | CELL_LOOK);
	index_unclaim(&claim);
	ck_assert_uint_eq(cell_of("name"), 0);
	ck_assert_uint_eq(line_of_name("name")->control, control);
	ck_assert_int_eq(probe("name"), -ENOENT);
	handle_leave(thread);
	heap_return(k->heap, place);
}
END_TEST

START_TEST(names_beyond_the_line_of_their_bucket_are_found_by_the_list)
{
	char names[10][KEY];
	int i;

	for (i = 0; i < 10; i++)
		memcpy(names[i], name_in(BUCKET, i), KEY);
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(is_complete(names[0]), i < 8);
		register_as(names[i], 0);
	}
	ck_assert(!is_complete(names[0]));
	lines_check(k);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(probe(names[i]), 0);
	for (; i < 10; i++)
		ck_assert_int_eq(probe(names[i]), -EAGAIN);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(is_found(names[i]), i < 8);
	for (i = 0; i < 8; i += 2)
		unregister(names[i]);
	register_as(names[8], 0);
	lines_check(k);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(is_found(names[i]), i % 2 ? i < 8 : i == 8);
	ck_assert(!is_complete(names[0]));
	/* Until it has room again, and nobody can be about to link one without a cell. */
	for (i = 0; i < 3; i++)
		next_epoch();
	build_line();
	ck_assert(is_complete(names[0]));
	lines_check(k);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(probe(names[i]), is_found(names[i]) ? 0 : -ENOENT);
}
END_TEST

/* How many of the MANY names with @prefix the index has the @expected answer for. */
static int64_t percent_answered(const char *prefix, int expected)
{
	int i, answered = 0;
	char key[KEY];

	for (i = 0; i < MANY; i++) {
		int got;

		snprintf(key, sizeof(key), "%s-%d", prefix, i);
		got = probe(key);
		unit_assert(got == expected || got == -EAGAIN);
		answered += got == expected;
		unit_assert(is_found(key) == (expected == 0));
	}
	return answered * 100ll / MANY;
}

START_TEST(after_growth_lookups_are_answered_by_the_index)
{
	struct lines lines;
	char key[KEY];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		register_as(key, 0);
	}
	ck_assert_uint_ge(buckets(), 8 * SEGMENT_BUCKETS_FIRST);
	/* Each new line has been looked at. */
	ck_assert_uint_ge(k->segment.header->prepare, buckets());
	lines = lines_check(k);
	ck_assert_uint_eq(lines.names, MANY);
	ck_assert_uint_eq(lines.built, 0);
	ck_assert_uint_eq(lines.ended, 0);
	ck_assert_uint_eq(lines.lost, 0);
	ck_assert_uint_ge(lines.complete * 100, 95 * lines.buckets);
	ck_assert_uint_le(lines.looks * 1000, lines.names);
	ck_assert_int_ge(percent_answered("name", 0), 95);
	ck_assert_int_ge(percent_answered("none", -ENOENT), 95);

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		unregister(key);
	}
	lines = lines_check(k);
	ck_assert_uint_eq(lines.cells, 0);
	ck_assert_int_ge(percent_answered("name", -ENOENT), 90);
}
END_TEST

/* How often the list had to be asked, of a thousand lookups. */
static uint32_t per_mille(uint32_t listed, uint32_t all)
{
	return (uint32_t)(listed * 1000ull / all);
}

/*
 * After a doubling the new lines are built a few with each registration. KREG_GROWTH=1000000
 * is for a long run.
 */
START_TEST(while_the_table_grows_few_lookups_ask_the_list)
{
	uint32_t i, hits = 0, misses = 0, entries = unit_many("KREG_GROWTH", 40000);
	unsigned int seed = 1;
	char key[KEY];

	for (i = 0; i < entries; i++) {
		int got;

		snprintf(key, sizeof(key), "name-%u", i);
		register_as(key, 0);
		snprintf(key, sizeof(key), "name-%u", (uint32_t)rand_r(&seed) % (i + 1));
		got = probe(key);
		unit_assert(!got || got == -EAGAIN);
		hits += !!got;
		snprintf(key, sizeof(key), "none-%d", rand_r(&seed));
		got = probe(key);
		unit_assert(got == -ENOENT || got == -EAGAIN);
		misses += got == -EAGAIN;
	}
	printf("# %u entries: by the list %u hits and %u misses\n", entries, hits, misses);
	ck_assert_uint_le(per_mille(hits, entries), 30);
	ck_assert_uint_le(per_mille(misses, entries), 62);
}
END_TEST

START_TEST(a_reserved_name_has_no_answer_before_it_is_published)
{
	const struct kreg_item item = { "name", KREG_STRING, "v", 1 };

	register_as("name", KREG_REGISTER_RESERVED);
	ck_assert(!is_settled("name"));
	ck_assert(!is_found("name"));
	lines_check(k);
	/* By another entry, and as it is. */
	ck_assert_int_eq(kreg_publish(k, "name", KREG_STRING, "new", 3), 0);
	ck_assert(is_settled("name"));
	ck_assert(is_found("name"));
	lines_check(k);
	unregister("name");
	ck_assert_int_eq(kreg_register_many(k, &item, 1, NULL), 0);
	ck_assert(is_settled("name"));
	ck_assert(is_found("name"));
	lines_check(k);
}
END_TEST

START_TEST(a_replaceable_name_is_never_settled_and_its_successor_is)
{
	struct child taker;
	struct lines lines;

	register_as("name", KREG_REGISTER_REPLACEABLE);
	ck_assert(!is_settled("name"));
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "w", 1, NULL, 0), 1);
	ck_assert(!is_settled("name"));
	ck_assert(is_found("name"));
	taker = child_start_ready(other, (void *)"name");
	ck_assert_int_eq(child_ask(&taker, TAKE_OVER), 0);
	/* Theirs is settled, ours, which is behind it, is not. */
	lines = lines_check(k);
	ck_assert_uint_eq(lines.cells, 2);
	ck_assert_uint_eq(lines.looks, 1);
	child_kill(&taker);
	ck_assert(is_found("name"));
	lines = lines_check(k);
	ck_assert_uint_eq(lines.ended, 1);
	ck_assert_int_ge(kreg_sweep(k), 0);
	lines = lines_check(k);
	ck_assert_uint_eq(lines.cells, 1);
	ck_assert_uint_eq(lines.looks, 1);
}
END_TEST

/* Whether a lookup goes by the cell of @key, though it has LOOK. */
static bool is_alone(const char *key)
{
	struct query q = query_of(key);
	struct found found;

	return index_find_alone(&k->segment, &k->lives, &q, &found);
}

START_TEST(a_replaceable_name_is_found_by_its_cell_while_that_is_alone)
{
	struct entry *entry;
	struct child taker;
	int i;

	register_as("name", KREG_REGISTER_REPLACEABLE);
	ck_assert(is_alone("name"));
	ck_assert_int_eq(kreg_update(k, "name", KREG_STRING, "w", 1, NULL, 0), 1);
	ck_assert(is_alone("name"));
	/* What another one holds is in front of it, until that has ended and is swept. */
	taker = child_start_ready(other, (void *)"name");
	ck_assert_int_eq(child_ask(&taker, TAKE_OVER), 0);
	ck_assert(!is_alone("name"));
	child_kill(&taker);
	ck_assert(!is_alone("name"));
	ck_assert(is_found("name"));
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert(is_alone("name"));
	/* An entry that has not said that it was linked may not be. */
	entry = segment_entry(&k->segment, ref_place(cell_of("name")));
	entry->info &= ~((uint64_t)ENTRY_LISTED << ENTRY_KIND_SHIFT);
	ck_assert(!is_alone("name"));
	ck_assert(is_found("name"));
	unregister("name");
	ck_assert(!is_alone("name"));
	/* One that became a name when it was published. */
	register_as("name", KREG_REGISTER_RESERVED | KREG_REGISTER_REPLACEABLE);
	ck_assert(!is_alone("name"));
	ck_assert_int_eq(kreg_publish(k, "name", KREG_STRING, "new", 3), 0);
	ck_assert(is_alone("name"));
	ck_assert_int_eq(kreg_set_flags(k, "name", KREG_STRING, 0), 0);
	ck_assert_int_eq(probe("name"), 0);
	ck_assert(!is_alone("name"));
	/* In a line that is not complete another one may be in front. */
	register_as(name_in(BUCKET, 0), KREG_REGISTER_REPLACEABLE);
	ck_assert(is_alone(name_in(BUCKET, 0)));
	for (i = 1; i < 8; i++)
		register_as(name_in(BUCKET, i), 0);
	ck_assert(!is_alone(name_in(BUCKET, 0)));
	ck_assert(is_found(name_in(BUCKET, 0)));
}
END_TEST

START_TEST(a_waiting_name_is_settled_only_when_it_is_first)
{
	struct child holder = child_start_ready(other, (void *)"name");
	struct lines lines;

	ck_assert_int_eq(child_ask(&holder, REGISTER), 0);
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, "v", 1, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	lines = lines_check(k);
	ck_assert_uint_eq(lines.cells, 2);
	ck_assert_uint_eq(lines.looks, 1);
	ck_assert_int_eq(probe("name"), 0);
	ck_assert_int_eq(child_ask(&holder, UNREGISTER), 1);
	ck_assert(is_found("name"));
	ck_assert(!is_settled("name"));
	ck_assert_int_eq(kreg_await_turn(k, "name", KREG_STRING, 1000), 0);
	ck_assert(is_settled("name"));
	lines_check(k);
	child_kill(&holder);
}
END_TEST

START_TEST(no_cell_of_a_block_is_left_when_it_is_retired)
{
	struct child holder = child_start_ready(other, (void *)"theirs");
	struct kreg_owner theirs;
	char key[KEY];
	int i;

	watched = query_of("theirs").order;
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		register_as(key, i % 3 ? 0 : KREG_REGISTER_REPLACEABLE);
		ck_assert_int_eq(kreg_update(k, key, KREG_STRING, "w", 1, NULL, 0), 1);
	}
	ck_assert_int_eq(retired, 200);
	ck_assert_int_eq(child_ask(&holder, REGISTER), 0);
	ck_assert_int_ge(kreg_lookup(k, "theirs", KREG_STRING, NULL, 0, &theirs), 0);
	ck_assert_int_eq(kreg_give(k, "name-1", KREG_STRING, &theirs), 0);
	ck_assert_int_eq(retired, 201);
	child_kill(&holder);
	retired = 0;
	ck_assert_int_ge(kreg_sweep(k), 0);
	/* The slab of the dead, and the gift. */
	ck_assert_int_ge(retired, 2);
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), i != 1);
	}
	ck_assert_uint_eq(lines_check(k).cells, 0);
}
END_TEST

/*
 * A lookup that has seen fewer buckets than there are now goes by the line of the lower half,
 * in which the name has no cell.
 */
START_TEST(a_name_is_found_at_once_however_the_table_has_grown_since_the_last_lookup)
{
	char key[32], value[32];
	int i, j;

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "grown-%d", i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "v", 1, NULL), 0);
		ck_assert_int_eq(kreg_lookup(k, key, strlen(key), value, sizeof(value), NULL), 1);
		/* Most of these are hits, which leave what was seen as it is. */
		for (j = 0; j < 3; j++)
			kreg_lookup(k, "grown-0", 7, value, sizeof(value), NULL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_cell_comes_before_the_entry_and_goes_after_it,
		a_claim_is_taken_back_without_a_trace,
		names_beyond_the_line_of_their_bucket_are_found_by_the_list,
		after_growth_lookups_are_answered_by_the_index,
		while_the_table_grows_few_lookups_ask_the_list,
		a_name_is_found_at_once_however_the_table_has_grown_since_the_last_lookup,
		a_reserved_name_has_no_answer_before_it_is_published,
		a_replaceable_name_is_never_settled_and_its_successor_is,
		a_replaceable_name_is_found_by_its_cell_while_that_is_alone,
		a_waiting_name_is_settled_only_when_it_is_first,
		no_cell_of_a_block_is_left_when_it_is_retired,
		NULL,
	};

	return unit_run("index", open_index, close_index, tests);
}
