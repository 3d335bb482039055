/* SPDX-License-Identifier: MIT */
/*
 * The index from inside: when an entry has a cell and what the cell says, lines that
 * overflow and are built again, what killed processes leave in them, and hostile lines.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "shm/table_search.h"
#include "tests/support/child.h"
#include "tests/support/lines.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* In the lines of this many buckets the mean is between that of a table that has just grown
 * and that of one that is about to. */
#define MANY 30000
/* Any bucket; one whose number does not change when the table doubles. */
#define BUCKET 77u
#define KEY 32

static struct kreg *k;

static void open_index(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 32 << 20,
		     .slots = 32, .seats = 16);

	/* Of a test that has failed. */
	kreg_destroy("index", &options, 1);
	ck_assert_int_eq(kreg_open(&k, "index", &options), 0);
}

static void close_index(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("index", &options, 1), 0);
}

static struct query query_of(const char *key)
{
	return table_query(&k->segment, key, strlen(key));
}

static uint64_t buckets(void)
{
	return segment_buckets_of(k->segment.header->buckets);
}

/* The @number-th name of @bucket, with the buckets of a new registry. */
static const char *name_in(uint32_t bucket, int number)
{
	static char names[16][KEY];
	char *name = names[number % 16];
	int i, found = -1;

	for (i = 0; found < number; i++) {
		snprintf(name, KEY, "name-%d", i);
		found += (query_of(name).hash & (SEGMENT_BUCKETS_FIRST - 1)) == bucket;
	}
	return name;
}

static void register_as(const char *key, uint32_t flags)
{
	ck_assert_int_eq(kreg_register_with(k, key, KREG_STRING, "v", 1, flags, NULL), 0);
}

static void unregister(const char *key)
{
	ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
}

static bool is_found(const char *key)
{
	ssize_t got = kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL);

	unit_assert(got >= 0 || got == -ENOENT);
	return got >= 0;
}

static int probe(const char *key)
{
	struct query q = query_of(key);
	struct found found;

	return index_find(&k->segment, &k->lives, &q, &found);
}

static struct index_line *line_of_name(const char *key)
{
	return &k->segment.lines[query_of(key).hash & (uint32_t)(buckets() - 1)];
}

/* What the cell of the only entry of @key says; 0: it has none. */
static uint64_t cell_of(const char *key)
{
	const struct index_line *line = line_of_name(key);
	struct query q = query_of(key);
	uint64_t cell = 0;
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		if (ref_order(line->cells[i]) != q.order || line->cells[i] & CELL_BUILT)
			continue;
		ck_assert_uint_eq(cell, 0);
		cell = line->cells[i];
	}
	return cell;
}

static bool is_settled(const char *key)
{
	uint64_t cell = cell_of(key);

	ck_assert_uint_ne(cell, 0);
	return !(cell & CELL_LOOK);
}

static uint32_t version_of(const char *key)
{
	return (uint32_t)(line_of_name(key)->control / INDEX_VERSION);
}

static bool is_complete(const char *key)
{
	return line_of_name(key)->control & INDEX_COMPLETE;
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

/* Another process, which registers, gives up, or ends. */
enum order { REGISTER, TAKE_OVER, UNREGISTER };

static int other(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	const char *key = data;
	struct kreg *own;
	int64_t order;

	if (kreg_open(&own, "index", &options))
		return 1;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		uint32_t flags = order == TAKE_OVER ? KREG_REGISTER_REPLACE : 0;

		link_say(link, order == UNREGISTER ? kreg_unregister(own, key, KREG_STRING)
						   : kreg_register_with(own, key, KREG_STRING, "o",
									1, flags, NULL));
	}
	return 0;
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

static void next_epoch(void)
{
	uint64_t epoch = k->segment.header->epoch;

	while (k->segment.header->epoch == epoch)
		grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL);
}

static void build_line(void)
{
	struct thread *thread;

	ck_assert_int_eq(handle_enter(k, &thread), 0);
	index_build(&thread->writer, BUCKET);
	handle_leave(thread);
}

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

static uint64_t stale_cell(int kind, place_t place)
{
	struct entry *entry = segment_entry(&k->segment, place);
	order_t order = query_of(name_in(BUCKET, 9)).order;

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
	register_as(name_in(BUCKET, 6), 0);
	ck_assert(is_complete(name_in(BUCKET, 6)));
	ck_assert(is_settled(name_in(BUCKET, 6)));
	ck_assert_int_eq(probe(name_in(BUCKET, 6)), 0);
	lines_check(k);
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
	register_as(name_in(BUCKET, 6), 0);
	ck_assert_uint_eq(*cell, word);
	ck_assert(!is_complete(name_in(BUCKET, 6)));
	ck_assert(is_found(name_in(BUCKET, 6)));
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
		a_cell_comes_before_the_entry_and_goes_after_it,
		a_claim_is_taken_back_without_a_trace,
		names_beyond_the_line_of_their_bucket_are_found_by_the_list,
		after_growth_lookups_are_answered_by_the_index,
		a_reserved_name_has_no_answer_before_it_is_published,
		a_replaceable_name_is_never_settled_and_its_successor_is,
		a_waiting_name_is_settled_only_when_it_is_first,
		no_cell_of_a_block_is_left_when_it_is_retired,
		a_claim_of_a_living_process_is_left_alone,
		a_line_is_built_from_the_list,
		more_names_than_cells_are_not_built,
		a_line_that_changes_while_it_is_built_is_not_complete,
		a_line_is_built_two_epochs_after_its_level_was_seen,
		a_level_is_not_settled_while_somebody_may_link_late,
		without_the_index_lookups_ask_the_list,
		hostile_lines_neither_crash_nor_block_a_call,
	};
	Suite *suite = suite_create("index");
	TCase *tcase = tcase_create("index");
	size_t i;

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, open_index, close_index);
	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_stale_cell_gives_way_where_the_line_is_full, 0, STALE);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
