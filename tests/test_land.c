/* SPDX-License-Identifier: MIT */
/*
 * Land and heap: a slab has one owner at a time, and a block is reused after its grace
 * period.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define SLABS 512u
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

/* Another owner's heap. */
static struct heap other;

START_TEST(small_owners_share_a_page)
{
	place_t places[8], place;
	uint32_t i;

	for (i = 0; i < 8; i++) {
		heap_init(&other, &k->segment, &k->lives, owner_of((uint64_t)77 << 32, i + 2));
		ck_assert_int_eq(heap_take(&other, 64, 1, &places[i]), 0);
		ck_assert_uint_eq(land_owner(&k->segment, segment_slab_of(&k->segment, places[i])),
				  other.self);
		heap_forget(&other);
	}
	for (i = 0; i < 8; i++) {
		ck_assert_uint_eq(places[i], places[0] + i * (SLAB_BYTES / LINE_BYTES));
		/* The life of that owner is over; nothing was linked. */
		land_return(&k->segment, segment_slab_of(&k->segment, places[i]));
	}
	ck_assert_int_eq(heap_take(&heap, 64, 1, &place), 0);
	ck_assert_uint_eq(place, places[0]);
}
END_TEST

/* Takes @count blocks of @size; the slabs that they lie in, in order, without repetitions. */
static uint32_t take_blocks(uint32_t size, uint32_t count, uint32_t *slabs)
{
	const uint32_t lines = size / LINE_BYTES, each = SLAB_BYTES / size;
	uint32_t i, slab, found = 0;
	place_t place, first;

	for (i = 0; i < count; i++) {
		ck_assert_int_eq(heap_take(&heap, size, 1, &place), 0);
		slab = segment_slab_of(&k->segment, place);
		first = segment_slab_place(&k->segment, slab);
		/* Where a sweep will look for it, and all of it in that slab. */
		ck_assert_uint_eq((place - first) % lines, 0);
		ck_assert_uint_lt((place - first) / lines, each);
		ck_assert_uint_eq(heap_cut_of_slab(&k->segment, slab).bytes, size);
		ck_assert_uint_eq(heap_cut_of_slab(&k->segment, slab).blocks, each);
		if (!found || slabs[found - 1] != slab)
			slabs[found++] = slab;
	}
	return found;
}

START_TEST(an_owner_that_grows_takes_runs_of_slabs)
{
	static const uint32_t sizes[] = { 64, 192, 320, 512 };
	uint32_t slabs[SLABS], i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint32_t each = SLAB_BYTES / sizes[i];

		ck_assert_uint_eq(take_blocks(sizes[i], 4 * each, slabs), 4);
		ck_assert_uint_eq(take_blocks(sizes[i], SLAB_RUN * each, slabs), SLAB_RUN);
		ck_assert_uint_eq(slabs[0] % SLAB_RUN, 0);
		for (j = 0; j < SLAB_RUN; j++)
			ck_assert_uint_eq(slabs[j], slabs[0] + j);
	}
}
END_TEST

START_TEST(an_owner_that_grows_uses_single_slabs_where_no_run_is_left)
{
	uint32_t from = 0, slabs[SLABS], slab, i;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, dead_owner(), SLABS, &from, &slab), 0);
	for (i = 0; i < SLABS; i += 2)
		land_return(&k->segment, i);
	ck_assert_uint_eq(take_blocks(64, SLABS / 2 * (SLAB_BYTES / 64), slabs), SLABS / 2);
	ck_assert_int_eq(heap_take(&heap, 64, 1, &slab), -ENOSPC);
	for (i = 1; i < SLABS; i += 2)
		land_return(&k->segment, i);
}
END_TEST

START_TEST(a_run_is_taken_aligned_and_whole_or_not_at_all)
{
	const uint32_t apart = SLAB_RUN + 1;
	uint32_t from = 0, slab, i;

	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, SLABS, &from, &slab), 0);
	/* So many are free between two that are not; once they begin where a run does. */
	for (i = 0; i < SLABS; i++) {
		if (i % apart)
			land_return(&k->segment, i);
	}
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, SLAB_RUN, &from, &slab),
			 0);
	ck_assert_uint_eq(slab, (SLAB_RUN - 1) * apart + 1);
	ck_assert_int_eq(land_take(&k->segment, &k->lives, k->self.owner, SLAB_RUN, &from, &i),
			 -ENOSPC);
	for (i = 0; i < SLABS; i++)
		ck_assert_uint_eq(land_owner(&k->segment, i),
				  i % apart && i - slab >= SLAB_RUN ? 0 : k->self.owner);
	for (i = 0; i < SLABS; i++)
		land_return(&k->segment, i);
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

static uint64_t epoch(void)
{
	return load_relaxed(&k->segment.header->epoch); /* relaxed: nobody else is here */
}

/* As a name is registered and unregistered. */
static void take_and_retire(uint32_t times)
{
	place_t place;
	uint32_t i;

	for (i = 0; i < times; i++) {
		ck_assert_int_eq(heap_take(&heap, 64, 1, &place), 0);
		heap_retire(&heap, place, place);
		if (heap_is_due(&heap))
			heap_collect(&heap, false);
	}
}

/* Epochs interrupt the CPUs. Beyond what it begins with, in which it has few slabs. */
START_TEST(a_heap_in_a_hurry_begins_an_epoch_for_2000_blocks_in_the_same_slabs)
{
	uint64_t begun;
	uint32_t slabs;

	take_and_retire(10000);
	begun = epoch();
	slabs = land_slabs(&k->segment);
	take_and_retire(100000);
	printf("# %u epochs, %u slabs\n", (unsigned)(epoch() - begun), slabs);
	ck_assert_uint_le(epoch() - begun, 100000 / 2000);
	ck_assert_uint_ge(epoch() - begun, 100000 / 10000);
	ck_assert_uint_eq(land_slabs(&k->segment), slabs);
	ck_assert_uint_le(slabs, 400);
}
END_TEST

/* Another owner gets all that a heap has not in use, but for what waits in its ring. */
START_TEST(what_a_heap_has_vacated_is_anybodys)
{
	uint32_t count = 0, single = 0;
	place_t place, first;
	int err;

	ck_assert_int_eq(heap_take(&heap, 64, 1, &first), 0);
	take_and_retire(20000);
	ck_assert_uint_ge(heap.vacated_slabs, 100);
	ck_assert_uint_le(heap.quota.slabs, (512 + 16 * 16) / 16 + 1);
	heap_init(&other, &k->segment, &k->lives, owner_of((uint64_t)77 << 32, 2));
	while (!(err = heap_take(&other, 64, 1, &place)))
		count++;
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_eq(heap.quota.slabs + other.quota.slabs, SLABS);
	ck_assert_uint_eq(count, other.quota.slabs * SLAB_BYTES / 64);
	/* It is refused what is not its own any more, and has what is. */
	while (!(err = heap_take(&heap, 64, 1, &place)))
		single++;
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_le(single, heap.quota.slabs * SLAB_BYTES / 64);
	ck_assert_uint_eq(heap_tag_of(&heap, first), 1);
	heap_deinit(&other);
}
END_TEST

/* A section that stays open holds the epoch: nothing is used again under it. */
START_TEST(vacated_slabs_wait_for_their_grace_period)
{
	place_t first, place;
	uint32_t i;

	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(heap_take(&heap, 64, 1, &first), 0);
	heap_retire(&heap, first, first);
	for (i = 1; i < 5000; i++) {
		ck_assert_int_eq(heap_take(&heap, 64, 1, &place), 0);
		ck_assert_uint_ne(place, first);
		heap_retire(&heap, place, place);
		if (heap_is_due(&heap))
			heap_collect(&heap, false);
	}
	ck_assert_uint_gt(heap.vacated_slabs, 0);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	for (i = 0; i < 10000 && place != first; i++) {
		ck_assert_int_eq(heap_take(&heap, 64, 1, &place), 0);
		heap_retire(&heap, place, place);
		if (heap_is_due(&heap))
			heap_collect(&heap, false);
	}
	ck_assert_uint_eq(place, first);
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
		small_owners_share_a_page,
		an_owner_that_grows_takes_runs_of_slabs,
		an_owner_that_grows_uses_single_slabs_where_no_run_is_left,
		a_run_is_taken_aligned_and_whole_or_not_at_all,
		a_retired_block_is_reused_only_after_its_grace_period,
		a_block_freed_twice_is_allocated_once,
		an_empty_heap_has_no_slab,
		a_heap_in_a_hurry_begins_an_epoch_for_2000_blocks_in_the_same_slabs,
		what_a_heap_has_vacated_is_anybodys,
		vacated_slabs_wait_for_their_grace_period,
		NULL,
	};

	return unit_run("land", set_up, tear_down, tests);
}
