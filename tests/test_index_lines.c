/* SPDX-License-Identifier: MIT */
/*
 * Lines of the index from inside: what killed processes leave in them, when and from what
 * they are built, and hostile ones.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/child.h"
#include "tests/support/indexed.h"
#include "tests/support/lines.h"
#include "tests/support/unit.h"

/* Called once, when a builder has read the control word and goes on to the list. */
static void (*before_building)(void);

bool __real_index_level_is_settled(const struct writer *w, uint64_t number);
bool __wrap_index_level_is_settled(const struct writer *w, uint64_t number);
bool __wrap_index_level_is_settled(const struct writer *w, uint64_t number)
{
	bool settled = __real_index_level_is_settled(w, number);
	void (*call)(void) = before_building;

	before_building = NULL;
	if (call)
		call();
	return settled;
}

static void fill_bucket(int names)
{
	int i;

	for (i = 0; i < names; i++)
		register_as(name_in(BUCKET, i), 0);
}

static uint64_t *free_cell(void)
{
	struct index_line *line = &k->segment.lines[BUCKET];
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		if (!line->cells[i])
			return &line->cells[i];
	}
	ck_abort_msg("the line is full");
}

/* The word of a dead process: a seat whose life is over, with this incarnation. */
static owner_t dead_owner(void)
{
	return owner_of((uint64_t)0x1234 << 32, 9);
}

enum stale { OF_A_BUILDER, OF_THE_DEAD, OF_THE_DEAD_LOOK, OF_THE_ENDED, OF_ANOTHER_LINE, STALE };

/* Of some names of the bucket the first in the list, @last: or the last. */
static const char *name_at(bool last)
{
	const char *found = name_in(BUCKET, 6), *name;
	int i;

	for (i = 7; i < 14; i++) {
		name = name_in(BUCKET, i);
		if (order_is_before(query_of(last ? found : name).order,
				    query_of(last ? name : found).order))
			found = name;
	}
	return found;
}

/* The name that the test registers. */
#define NEWCOMER name_at(false)

static uint64_t stale_cell(int kind, place_t place)
{
	struct entry *entry = segment_entry(&k->segment, place);
	/*
	 * Behind the newcomer's: what a stale cell leads to is not in the list, as no such
	 * entry without a mark is, so no seek may start there.
	 */
	order_t order = query_of(name_at(true)).order;

	memset(entry, 0, sizeof(*entry));
	entry->owner = kind == OF_THE_ENDED ? k->self.owner : dead_owner();
	entry->info = entry_info(ENTRY_NAME, 0, 0, 8);
	entry->next = kind == OF_THE_ENDED ? REF_END | REF_MARK : REF_END;
	switch (kind) {
	case OF_A_BUILDER:
		return ref_make(place, 0) | 5 << 1 | CELL_BUILT;
	case OF_THE_DEAD_LOOK:
		return ref_make(place, order) | CELL_LOOK;
	case OF_ANOTHER_LINE:
		entry->owner = k->self.owner;
		return ref_make(place, order_of_entry(BUCKET + 1));
	default:
		return ref_make(place, order);
	}
}

START_TEST(a_stale_cell_gives_way_where_the_line_is_full)
{
	uint64_t *cell;
	place_t place;

	fill_bucket(6);
	ck_assert_int_eq(heap_take(k->heap, 64, 1, &place), 0);
	cell = free_cell();
	*cell = stale_cell(_i, place);
	register_as(NEWCOMER, 0);
	ck_assert(is_complete(NEWCOMER));
	ck_assert(is_settled(NEWCOMER));
	ck_assert_int_eq(probe(NEWCOMER), 0);
	lines_check(k);
}
END_TEST

/*
 * Such a cell leads to a block that may be another entry by now: here one of a bucket that
 * comes later in the list. A writer that went on from there would link behind its bucket's
 * end, where no search along the list comes.
 */
START_TEST(a_cell_from_before_the_table_grew_is_no_start_for_a_writer)
{
	struct query q = query_of(name_in(BUCKET + 2, 0));
	struct found found;

	register_as(name_in(BUCKET + 2, 0), 0);
	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	ck_assert(order_is_before(BUCKET + 1, BUCKET) && order_is_before(BUCKET, BUCKET + 2));
	*free_cell() = ref_make(found.place, order_of_entry(BUCKET + 1));
	register_as(name_in(BUCKET, 0), 0);
	q = query_of(name_in(BUCKET, 0));
	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	lines_check(k);
}
END_TEST

/*
 * The last entry in front of @name that has a cell, by the list; NULL: it has none. All entries of
 * BUCKET that have one are in the list, and none of them has a mark.
 */
static struct entry *in_front_of(const char *name)
{
	struct query q = query_of(name);
	struct entry *entry, *last = NULL;
	ref_t at, next;

	for (at = k->segment.buckets[BUCKET]; order_is_before(ref_order(at), q.order); at = next) {
		entry = segment_entry(&k->segment, ref_place(at));
		next = entry->next;
		if (index_is_settled(&k->segment, ref_order(at), ref_place(at)))
			last = entry;
	}
	return last;
}

/* A name that is not the first of its bucket, and may be none that is registered. */
static const char *some_name_behind(void)
{
	int i = 0;

	while (!in_front_of(name_in(BUCKET, i)))
		i++;
	return name_in(BUCKET, i);
}

START_TEST(lookups_by_the_list_start_at_the_last_entry_that_has_a_cell)
{
	struct entry *entry;
	int i, started = 0;
	ref_t at;

	fill_bucket(12);
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	for (i = 0; i < 40; i++) {
		entry = in_front_of(name_in(BUCKET, i));
		ck_assert_int_eq(index_start(&k->segment, query_of(name_in(BUCKET, i)).order, &at),
				 !!entry);
		if (entry)
			ck_assert_uint_eq(at, entry->next);
		started += !!entry;
		ck_assert_int_eq(is_found(name_in(BUCKET, i)), i < 12);
	}
	ck_assert_int_ge(started, 10);
}
END_TEST

/* Its writer was stopped before it cleared the cell: what it leads to is behind, or reused. */
START_TEST(an_entry_that_has_ended_is_no_start_for_a_lookup)
{
	const char *name;
	ref_t at;

	fill_bucket(12);
	name = some_name_behind();
	in_front_of(name)->next |= REF_MARK;
	ck_assert(!index_start(&k->segment, query_of(name).order, &at));
}
END_TEST

/* As for a writer. */
START_TEST(a_cell_from_before_the_table_grew_is_no_start_for_a_lookup)
{
	struct query q = query_of(name_in(BUCKET + 2, 0));
	struct found found;

	register_as(name_in(BUCKET + 2, 0), 0);
	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	register_as(name_in(BUCKET, 0), 0);
	memset(&k->segment.lines[BUCKET], 0, sizeof(struct index_line));
	*free_cell() = ref_make(found.place, order_of_entry(BUCKET + 1));
	ck_assert(is_found(name_in(BUCKET, 0)));
	ck_assert(!is_found(name_in(BUCKET, 1)));
}
END_TEST

START_TEST(a_claim_of_a_living_process_is_left_alone)
{
	struct entry *entry;
	uint64_t *cell, word;
	place_t place;

	fill_bucket(6);
	ck_assert_int_eq(heap_take(k->heap, 64, 1, &place), 0);
	cell = free_cell();
	*cell = word = stale_cell(OF_THE_DEAD_LOOK, place);
	entry = segment_entry(&k->segment, place);
	entry->owner = k->self.owner;
	register_as(NEWCOMER, 0);
	ck_assert_uint_eq(*cell, word);
	ck_assert(!is_complete(NEWCOMER));
	ck_assert(is_found(NEWCOMER));
}
END_TEST

/* Takes the line of BUCKET away, as if growth had just added it. */
static void forget_line(void)
{
	struct index_line *line = &k->segment.lines[BUCKET];
	uint32_t i;

	line->control &= ~(INDEX_VERSION - 1);
	for (i = 0; i < INDEX_CELLS; i++)
		line->cells[i] = 0;
}

START_TEST(a_line_is_built_from_the_list)
{
	struct child holder = child_start_ready(other, (void *)name_in(BUCKET, 0));
	int i;

	ck_assert_int_eq(child_ask(&holder, REGISTER), 0);
	ck_assert_int_eq(kreg_register_with(k, name_in(BUCKET, 0), KREG_STRING, "v", 1,
					    KREG_REGISTER_QUEUE, NULL),
			 KREG_WAITING);
	register_as(name_in(BUCKET, 1), KREG_REGISTER_RESERVED);
	register_as(name_in(BUCKET, 2), KREG_REGISTER_REPLACEABLE);
	register_as(name_in(BUCKET, 3), 0);
	register_as(name_in(BUCKET, 4), 0);
	unregister(name_in(BUCKET, 4));
	forget_line();
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(probe(name_in(BUCKET, i)), -EAGAIN);
		ck_assert_int_eq(is_found(name_in(BUCKET, i)), i == 0 || i == 2 || i == 3);
	}
	build_line();
	lines_check(k);
	ck_assert(is_complete(name_in(BUCKET, 0)));
	ck_assert_int_eq(probe(name_in(BUCKET, 0)), 0);
	ck_assert(!is_settled(name_in(BUCKET, 1)));
	ck_assert(!is_settled(name_in(BUCKET, 2)));
	ck_assert(is_settled(name_in(BUCKET, 3)));
	ck_assert_int_eq(probe(name_in(BUCKET, 4)), -ENOENT);
	ck_assert_int_eq(probe(name_in(BUCKET, 5)), -ENOENT);
	child_kill(&holder);
}
END_TEST

START_TEST(more_names_than_cells_are_not_built)
{
	int i;

	fill_bucket(8);
	forget_line();
	build_line();
	lines_check(k);
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(is_found(name_in(BUCKET, i)), i < 8);
}
END_TEST

static void overflow(void)
{
	struct index_line *line = &k->segment.lines[BUCKET];

	line->control = (line->control & ~(INDEX_VERSION - 1)) + INDEX_VERSION +
			((k->segment.header->epoch | 1) << INDEX_OVERFLOW_SHIFT);
}

static void clear_a_cell(void)
{
	unregister(name_in(BUCKET, 1));
}

START_TEST(a_line_that_changes_while_it_is_built_is_not_complete)
{
	int i;

	fill_bucket(3);
	forget_line();
	before_building = clear_a_cell;
	/* Nothing has a cell yet, so no version is raised, and the list is walked after it. */
	build_line();
	ck_assert(is_complete(name_in(BUCKET, 0)));
	ck_assert_int_eq(probe(name_in(BUCKET, 1)), -ENOENT);
	forget_line();
	before_building = overflow;
	build_line();
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	lines_check(k);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(is_complete(name_in(BUCKET, 0)), 0);
		build_line();
		next_epoch();
	}
	build_line();
	ck_assert(is_complete(name_in(BUCKET, 0)));
}
END_TEST

START_TEST(a_line_is_built_two_epochs_after_its_level_was_seen)
{
	uint64_t level = segment_level(buckets());

	fill_bucket(3);
	forget_line();
	k->segment.header->level = (level - 1) << LEVEL_SHIFT | LEVEL_SETTLED;
	build_line();
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	ck_assert_uint_eq(k->segment.header->level >> LEVEL_SHIFT & LEVEL_MASK, level);
	next_epoch();
	build_line();
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	next_epoch();
	build_line();
	ck_assert(is_complete(name_in(BUCKET, 0)));
	lines_check(k);
}
END_TEST

/* A thread of a process that was stopped between its check and its CAS. */
START_TEST(a_level_is_not_settled_while_somebody_may_link_late)
{
	struct slot *slot = &k->segment.slots[20];
	uint64_t high = k->segment.header->slots_high;
	uint64_t level = segment_level(buckets());

	fill_bucket(3);
	forget_line();
	k->segment.header->slots_high = 21;
	k->segment.header->level = level << LEVEL_SHIFT;
	slot->owner = k->self.owner;
	slot->hazards[HAZARD_NEW] = k->segment.land_place;
	slot->writing = SLOT_EXPELLED;
	build_line();
	ck_assert(!is_complete(name_in(BUCKET, 0)));
	/* One that names nothing to be linked does not count, nor does one of the dead. */
	slot->hazards[HAZARD_NEW] = 0;
	build_line();
	ck_assert(is_complete(name_in(BUCKET, 0)));
	forget_line();
	k->segment.header->level = level << LEVEL_SHIFT;
	slot->hazards[HAZARD_NEW] = k->segment.land_place;
	slot->owner = dead_owner();
	build_line();
	ck_assert(is_complete(name_in(BUCKET, 0)));
	lines_check(k);
	memset(slot, 0, sizeof(*slot));
	k->segment.header->slots_high = high;
}
END_TEST

START_TEST(without_the_index_lookups_ask_the_list)
{
	uint64_t before = buckets();
	char key[KEY];
	int i;

	fill_bucket(3);
	k->segment.header->buckets |= BUCKETS_UNINDEXED;
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(is_found(name_in(BUCKET, i)), i < 3);
	unregister(name_in(BUCKET, 0));
	register_as(name_in(BUCKET, 3), 0);
	register_as(name_in(BUCKET, 0), KREG_REGISTER_RESERVED);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(probe(name_in(BUCKET, i)), -EAGAIN);
		ck_assert_int_eq(is_found(name_in(BUCKET, i)), i && i < 4);
	}
	for (i = 0; i < 4000; i++) {
		snprintf(key, sizeof(key), "other-%d", i);
		register_as(key, 0);
	}
	ck_assert_uint_ge(buckets(), 2 * before);
	ck_assert(k->segment.header->buckets & BUCKETS_UNINDEXED);
	for (i = 0; i < 8000; i++) {
		snprintf(key, sizeof(key), "other-%d", i);
		ck_assert_int_eq(is_found(key), i < 4000);
	}
}
END_TEST

/*
 * A key of @size bytes, of which the last line of the land that is accessible has those that a line
 * has room for, and a cell that leads there.
 */
static void name_at_the_end(unsigned char *key, size_t size)
{
	const struct segment *s = &k->segment;
	place_t lines = (place_t)(load_relaxed(&s->view->slabs) * (SLAB_BYTES / LINE_BYTES));
	struct entry *entry = segment_entry(s, s->land_place + lines - 1);
	struct query q;

	if (!entry)
		ck_abort_msg("the last line is not accessible");
	memset(key, 'a', size);
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->bytes, key, size < sizeof(entry->bytes) ? size : sizeof(entry->bytes));
	entry->next = REF_END;
	entry->owner = k->self.owner;
	entry->info = entry_info(ENTRY_NAME, 0, 0, (uint32_t)size);
	q = table_query(s, key, size);
	s->lines[q.hash & (buckets() - 1)].cells[0] = ref_make(s->land_place + lines - 1, q.order);
}

START_TEST(a_cell_leads_no_lookup_beyond_the_end_of_the_land)
{
	static unsigned char key[KREG_KEY_MAX], value[KREG_VALUE_MAX];
	struct kreg_found found = { .value = value, .capacity = sizeof(value) };
	const void *read;
	char *behind;
	size_t size;

	register_as("name", 0);
	ck_assert(is_found("name"));
	behind = (char *)k->segment.land_base + k->segment.land_offset +
		 load_relaxed(&k->segment.view->slabs) * SLAB_BYTES;
	/* A page that no slab has is accessible as well, as access comes in steps. */
	ck_assert_int_eq(mprotect(behind, 4096, PROT_NONE), 0);
	for (size = 1; size <= KREG_KEY_MAX; size++) {
		struct kreg_key wanted = { key, size };
		bool fits = size <= SHORT_KEY_MAX;

		name_at_the_end(key, size);
		ck_assert_int_eq(!kreg_lookup(k, key, size, value, sizeof(value), NULL), fits);
		ck_assert_int_eq(kreg_lookup_many(k, &wanted, 1, &found), fits);
		ck_assert_int_eq(kreg_read_enter(k), 0);
		ck_assert_int_eq(!kreg_read(k, key, size, &read, NULL), fits);
		ck_assert_int_eq(kreg_read_leave(k), 0);
	}
}
END_TEST

static uint64_t noise(unsigned int *seed)
{
	return (uint64_t)rand_r(seed) << 42 ^ (uint64_t)rand_r(seed) << 21 ^ (uint64_t)rand_r(seed);
}

/* A word as a hostile process would make it: the order of a name that is looked for. */
static uint64_t crafted(unsigned int *seed)
{
	const struct segment *s = &k->segment;
	place_t place = s->land_place + (place_t)rand_r(seed) % (land_slabs(s) * 256);
	order_t order;
	int key = rand_r(seed) % 500;

	order = table_query(s, &key, sizeof(key)).order;
	switch (rand_r(seed) % 8) {
	case 0:
		place = (place_t)noise(seed) & PLACE_MAX;
		break;
	case 1:
		place = 0;
		break;
	case 2:
		return ref_make(place, (order_t)rand_r(seed) % 64) | CELL_BUILT;
	case 3:
		return noise(seed);
	case 4:
		return 0;
	}
	return ref_make(place, order) | (rand_r(seed) % 2 ? CELL_LOOK : 0);
}

static void damage_lines(unsigned int *seed)
{
	struct segment *s = &k->segment;
	int i, key;

	for (i = 0; i < 300; i++) {
		struct index_line *line;
		uint32_t word = (uint32_t)rand_r(seed) % 8;

		key = rand_r(seed) % 500;
		line = &s->lines[table_query(s, &key, sizeof(key)).hash & (buckets() - 1)];
		if (word == INDEX_CELLS)
			line->control = rand_r(seed) % 2 ? noise(seed) : crafted(seed);
		else
			line->cells[word] = crafted(seed);
	}
	if (!(rand_r(seed) % 4))
		s->header->level = noise(seed) >> rand_r(seed) % 64;
}

START_TEST(hostile_lines_neither_crash_nor_block_a_call)
{
	unsigned int seed = unit_seed();
	char value[512];
	int round, i;

	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	register_as("name", 0);
	for (round = 0; round < 300; round++) {
		damage_lines(&seed);
		for (i = 0; i < 200; i++) {
			int key = rand_r(&seed) % 500;

			kreg_lookup(k, &key, sizeof(key), value, sizeof(value), NULL);
			switch (rand_r(&seed) % 6) {
			case 0:
				kreg_unregister(k, &key, sizeof(key));
				break;
			case 1:
				kreg_update(k, &key, sizeof(key), value, 8, NULL, 0);
				break;
			case 2:
				damage_lines(&seed);
				break;
			default:
				kreg_register(k, &key, sizeof(key), value, (size_t)key % 100, NULL);
			}
		}
		kreg_sweep(k);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_cell_from_before_the_table_grew_is_no_start_for_a_writer,
		lookups_by_the_list_start_at_the_last_entry_that_has_a_cell,
		an_entry_that_has_ended_is_no_start_for_a_lookup,
		a_cell_from_before_the_table_grew_is_no_start_for_a_lookup,
		a_claim_of_a_living_process_is_left_alone,
		a_line_is_built_from_the_list,
		more_names_than_cells_are_not_built,
		a_line_that_changes_while_it_is_built_is_not_complete,
		a_line_is_built_two_epochs_after_its_level_was_seen,
		a_level_is_not_settled_while_somebody_may_link_late,
		without_the_index_lookups_ask_the_list,
		a_cell_leads_no_lookup_beyond_the_end_of_the_land,
		hostile_lines_neither_crash_nor_block_a_call,
	};
	Suite *suite = suite_create("lines");
	TCase *tcase = tcase_create("lines");
	size_t i;

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, open_index, close_index);
	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_stale_cell_gives_way_where_the_line_is_full, 0, STALE);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
