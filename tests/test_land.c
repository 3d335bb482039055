/* SPDX-License-Identifier: MIT */
/*
 * Land and heap: a slab has one owner at a time, and a block is reused after its grace
 * period.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define SLABS 64u
#define HEIRS 4
#define DEAD_SEAT 9u

static struct kreg *k;
static struct heap heap;

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .slots = 16,
		     .seats = 16, .max_bytes = SLABS * SLAB_BYTES);

	ck_assert_int_eq(kreg_open(&k, "land", &options), 0);
	heap_init(&heap, &k->segment, &k->lives, k->self.owner);
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	heap_deinit(&heap);
	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("land", &options, KREG_DESTROY_FORCE), 0);
}

static owner_t dead_owner(void)
{
	return owner_of((uint64_t)77 << 32, DEAD_SEAT);
}

static void advance_twice(void)
{
	ck_assert_int_eq(grace_advance(&k->segment, &k->lives, GRACE_PATIENT, NULL), 0);
	ck_assert_int_eq(grace_advance(&k->segment, &k->lives, GRACE_PATIENT, NULL), 0);
}

START_TEST(a_slab_that_was_taken_is_not_given_to_another)
{
	uint32_t from = 0, slab, i;
	bool given[SLABS] = { false };

	for (i = 0; i < SLABS; i++) {
		ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab),
				 0);
		ck_assert_uint_lt(slab, SLABS);
		ck_assert(!given[slab]);
		given[slab] = true;
	}
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab),
			 -ENOSPC);
	land_return(&k->segment, 17);
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab), 0);
	ck_assert_uint_eq(slab, 17);
	for (i = 0; i < SLABS; i++)
		land_return(&k->segment, i);
}
END_TEST

START_TEST(an_allocation_is_refused_when_a_damaged_count_stops_growth)
{
	uint64_t *count = &k->segment.header->slabs, before;
	uint32_t from = 0, slab, slabs, i;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 2, &from, &slab), 0);
	slabs = land_slabs(&k->segment);
	before = load_relaxed(count); /* relaxed: nobody else is here */
	ck_assert_uint_eq(before, slabs);
	store_relaxed(count, before - 1); /* relaxed: as above */
	for (i = 0; i < slabs - 2; i++)
		ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab),
				 0);
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab),
			 -EUCLEAN);
	store_relaxed(count, before); /* relaxed: as above */
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab), 0);
	for (i = 0; i <= slabs; i++)
		land_return(&k->segment, i);
}
END_TEST

START_TEST(slabs_for_a_large_value_are_adjacent_or_refused)
{
	uint32_t from = 0, slab, i;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, SLABS, &from, &slab), 0);
	ck_assert_uint_eq(slab, 0);
	for (i = 0; i < SLABS; i += 2)
		land_return(&k->segment, i);
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 2, &from, &slab),
			 -ENOSPC);
	/* What it took before the failure is free again. */
	for (i = 0; i < SLABS; i += 2)
		ck_assert_uint_eq(land_owner(&k->segment, i), 0);
	land_return(&k->segment, 21);
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 3, &from, &slab), 0);
	ck_assert_uint_eq(slab, 20);
	for (i = 0; i < SLABS; i++)
		land_return(&k->segment, i);
}
END_TEST

START_TEST(a_retired_slab_waits_for_its_grace_period)
{
	uint32_t from = 0, slab, again;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, SLABS, &from, &slab), 0);
	/* A section that could still be in it. */
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert(land_retire_from(&k->segment, 5, k->self.owner));
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &again),
			 -ENOSPC);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	/* The call that needs it begins the epochs. */
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &again), 0);
	ck_assert_uint_eq(again, 5);
	for (slab = 0; slab < SLABS; slab++)
		land_return(&k->segment, slab);
}
END_TEST

static void *retire(void *count)
{
	uint32_t slab;

	for (slab = 0; slab < SLABS; slab++)
		*(int *)count += land_retire_from(&k->segment, slab, dead_owner());
	return NULL;
}

START_TEST(one_of_many_sweepers_retires_a_dead_owners_slab)
{
	pthread_t threads[HEIRS];
	int counts[HEIRS] = { 0 }, i, sum = 0;
	uint32_t from = 0, slab;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, dead_owner(), SLABS, &from, &slab), 0);
	for (i = 0; i < HEIRS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, retire, &counts[i]), 0);
	for (i = 0; i < HEIRS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		sum += counts[i];
	}
	ck_assert_int_eq(sum, SLABS);
	for (slab = 0; slab < SLABS; slab++)
		land_return(&k->segment, slab);
}
END_TEST

START_TEST(living_owners_keep_their_slabs)
{
	uint32_t from = 0, slab;
	owner_t owner;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, 1, &from, &slab), 0);
	owner = land_owner(&k->segment, slab);
	ck_assert_uint_eq(owner, k->self.owner);
	ck_assert(!land_is_dead(&k->lives, owner));
	ck_assert(!land_retire_from(&k->segment, slab, dead_owner()));
	ck_assert_uint_eq(land_owner(&k->segment, slab), owner);
	land_return(&k->segment, slab);
}
END_TEST

START_TEST(blocks_of_all_sizes_do_not_overlap)
{
	static unsigned char used[SLABS * SLAB_BYTES / LINE_BYTES];
	static const uint32_t sizes[] = { 1, 64, 65, 200, 512, 1000, 4000, 9000, 16384, 40000 };
	uint32_t i, line, first;
	place_t place;

	memset(used, 0, sizeof(used));
	for (i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t size = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];

		ck_assert_int_eq(heap_take(&heap, size, i & 1, &place), 0);
		ck_assert_ptr_nonnull(segment_at(&k->segment, place, size));
		first = place - k->segment.land_place;
		for (line = first; line < first + (size + LINE_BYTES - 1) / LINE_BYTES; line++)
			ck_assert_uint_eq(used[line]++, 0);
	}
}
END_TEST

/*
 * Where in its page each of eight adjacent slabs begins to be used, for blocks of @size. All
 * blocks of the eight are taken, and none twice.
 */
static void assert_slabs_begin_apart(uint32_t size)
{
	const uint32_t lines = size / LINE_BYTES, blocks = SLAB_BYTES / size;
	bool used[8 * SLAB_BYTES / LINE_BYTES] = { false }, begun[8] = { false };
	place_t place, first = 0;
	uint32_t i, at;

	for (i = 0; i < 8 * blocks; i++) {
		ck_assert_int_eq(heap_take(&heap, size, 1, &place), 0);
		if (!i)
			first = segment_slab_place(&k->segment,
						   segment_slab_of(&k->segment, place));
		at = place - first;
		ck_assert_uint_lt(at, sizeof(used));
		ck_assert(!used[at]);
		used[at] = true;
		ck_assert_uint_le(at % (SLAB_BYTES / LINE_BYTES) + lines, SLAB_BYTES / LINE_BYTES);
		if (i % blocks)
			continue;
		at = at * LINE_BYTES % SEGMENT_PAGE / (SEGMENT_PAGE / 8);
		ck_assert(!begun[at]);
		begun[at] = true;
	}
}

START_TEST(slabs_begin_to_be_used_at_different_places_of_a_page)
{
	assert_slabs_begin_apart(64);
	assert_slabs_begin_apart(128);
}
END_TEST

START_TEST(a_retired_block_is_reused_only_after_its_grace_period)
{
	place_t first, place;
	int i;

	ck_assert_int_eq(heap_take(&heap, 64, true, &first), 0);
	ck_assert_int_eq(heap_take(&heap, 64, true, &place), 0);
	heap_retire(&heap, first, first);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(heap_take(&heap, 64, true, &place), 0);
		ck_assert_uint_ne(place, first);
	}
	advance_twice();
	heap_collect(&heap, false);
	ck_assert_int_eq(heap_take(&heap, 64, true, &place), 0);
	ck_assert_uint_eq(place, first);
}
END_TEST

START_TEST(a_block_freed_twice_is_allocated_once)
{
	place_t first, second, place;

	ck_assert_int_eq(heap_take(&heap, 64, true, &place), 0);
	ck_assert_int_eq(heap_take(&heap, 64, true, &first), 0);
	heap_return(&heap, first);
	heap_return(&heap, first);
	heap_return(&heap, first + 100000);
	ck_assert_int_eq(heap_take(&heap, 64, true, &first), 0);
	ck_assert_int_eq(heap_take(&heap, 64, true, &second), 0);
	ck_assert_uint_ne(first, second);
}
END_TEST

START_TEST(an_empty_heap_has_no_slab)
{
	place_t places[600];
	uint32_t i, slab;

	for (i = 0; i < 600; i++)
		ck_assert_int_eq(heap_take(&heap, 64, true, &places[i]), 0);
	for (i = 0; i < 600; i++)
		heap_return(&heap, places[i]);
	for (slab = 0; slab < land_slabs(&k->segment); slab++)
		ck_assert_uint_eq(land_owner(&k->segment, slab), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_slab_that_was_taken_is_not_given_to_another,
		an_allocation_is_refused_when_a_damaged_count_stops_growth,
		slabs_for_a_large_value_are_adjacent_or_refused,
		a_retired_slab_waits_for_its_grace_period,
		one_of_many_sweepers_retires_a_dead_owners_slab,
		living_owners_keep_their_slabs,
		blocks_of_all_sizes_do_not_overlap,
		slabs_begin_to_be_used_at_different_places_of_a_page,
		a_retired_block_is_reused_only_after_its_grace_period,
		a_block_freed_twice_is_allocated_once,
		an_empty_heap_has_no_slab,
		NULL,
	};

	return unit_run("land", set_up, tear_down, tests);
}
