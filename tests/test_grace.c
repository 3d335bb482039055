/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: which sections delay an epoch and for how long, and what a dead reader
 * delays.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define PATIENCE_MS 20
#define PLACE 4711u

static struct kreg *k;
static struct slot *slot;

static double now_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .slots = 4,
		     .max_bytes = 16 << 20, .patience_ms = PATIENCE_MS);

	ck_assert_int_eq(kreg_open(&k, "grace", &options), 0);
	ck_assert_int_eq(grace_slot_take(&k->segment, &k->lives, &k->self, k->joined, &slot), 0);
	ck_assert_ptr_nonnull(slot);
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	grace_slot_return(slot);
	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("grace", &options, KREG_DESTROY_FORCE), 0);
}

static int advance(const struct slot **holder)
{
	return grace_advance(&k->segment, &k->lives, GRACE_PATIENT, holder);
}

static int advance_at_once(void)
{
	return grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL);
}

static struct writer writer(void)
{
	return (struct writer){
		.s = &k->segment, .lives = &k->lives, .self = k->self.owner, .slot = slot
	};
}

START_TEST(two_epochs_after_its_stamp_memory_is_free)
{
	uint64_t stamp = grace_stamp(&k->segment);

	ck_assert(!grace_is_past(&k->segment, stamp));
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert(!grace_is_past(&k->segment, stamp));
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert(grace_is_past(&k->segment, stamp));
}
END_TEST

START_TEST(a_peek_holds_through_one_epoch_and_not_through_two)
{
	uint64_t before = grace_peek(&k->segment);

	ck_assert(grace_peek_held(&k->segment, before));
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert(grace_peek_held(&k->segment, before));
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert(!grace_peek_held(&k->segment, before));
}
END_TEST

START_TEST(a_writer_lets_one_epoch_begin_and_briefly_delays_the_next)
{
	struct writer w = writer();
	double start;
	int err;

	grace_write_enter(&k->segment, slot);
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert_int_eq(advance(NULL), -EAGAIN);
	ck_assert(!grace_again(&w));
	start = now_ms();
	do {
		err = advance(NULL);
	} while (err == -EAGAIN);
	ck_assert_int_eq(err, 0);
	printf("# a writer is expelled after %.1f ms\n", now_ms() - start);
	ck_assert(now_ms() - start < 5000);
	ck_assert_uint_ne(slot->writing, 0);
	grace_write_leave(slot);
}
END_TEST

START_TEST(an_expelled_writer_learns_it_once_and_is_in_a_section_again)
{
	struct writer w = writer();
	uint64_t epoch;

	grace_write_enter(&k->segment, slot);
	ck_assert(!grace_again(&w));
	ck_assert_int_eq(advance_at_once(), 0);
	ck_assert_int_eq(advance_at_once(), 0);
	epoch = k->segment.header->epoch;
	ck_assert(grace_again(&w));
	ck_assert_uint_eq(slot->writing, epoch << 2 | 1);
	ck_assert(!grace_again(&w));
	grace_write_leave(slot);
	ck_assert_uint_eq(slot->writing, 0);
}
END_TEST

START_TEST(a_writer_expelled_repeatedly_gets_more_time)
{
	struct writer w = writer();
	int tries, err = 0;

	grace_write_enter(&k->segment, slot);
	for (tries = 0; !err && tries < 100; tries++) {
		grace_again(&w);
		err = advance_at_once();
	}
	ck_assert_int_eq(err, -EAGAIN);
	grace_write_leave(slot);
	ck_assert_int_eq(advance_at_once(), 0);
}
END_TEST

/* Retires a block, and lets two epochs begin. */
static uint64_t retire(void)
{
	uint64_t stamp = grace_stamp(&k->segment);

	ck_assert_int_eq(advance_at_once(), 0);
	ck_assert_int_eq(advance_at_once(), 0);
	ck_assert(grace_is_past(&k->segment, stamp));
	return stamp;
}

static bool is_free(uint64_t stamp, place_t place, uint32_t size)
{
	struct grace_named named = { .epoch = 0 };

	return grace_is_free(&k->segment, &k->lives, &named, stamp, place, size);
}

START_TEST(memory_under_a_hazard_is_not_reused_although_the_section_was_expelled)
{
	struct writer w = writer();
	uint64_t stamp;

	grace_write_enter(&k->segment, slot);
	ck_assert(grace_protect(&w, HAZARD_NEXT, PLACE));
	stamp = retire();
	ck_assert(!is_free(stamp, PLACE, 1));
	ck_assert(!is_free(stamp, PLACE - 3, 4));
	ck_assert(is_free(stamp, PLACE - 3, 3));
	ck_assert(is_free(stamp, PLACE + 1, 100));
	ck_assert(!grace_protect(&w, HAZARD_NEXT, PLACE + 1));
	ck_assert(is_free(stamp, PLACE, 1));
	grace_write_leave(slot);
	ck_assert(is_free(stamp, PLACE, 100));
}
END_TEST

START_TEST(each_of_many_hazards_counts)
{
	struct grace_named named = { .count = NAMED_MAX + 1 };
	struct writer w = writer();
	uint64_t stamp;

	grace_write_enter(&k->segment, slot);
	ck_assert(grace_protect(&w, HAZARD_OWN, PLACE));
	stamp = retire();
	named.epoch = k->segment.header->epoch;
	ck_assert(!grace_is_free(&k->segment, &k->lives, &named, stamp, PLACE, 1));
	ck_assert(grace_is_free(&k->segment, &k->lives, &named, stamp, PLACE + 1, 1));
	grace_write_leave(slot);
}
END_TEST

START_TEST(a_reader_is_expelled_after_the_patience_and_learns_it_at_the_end)
{
	int err;

	grace_read_enter(&k->segment, slot);
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert_int_eq(advance(NULL), -EBUSY);
	do {
		err = advance(NULL);
	} while (err == -EBUSY);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(grace_read_leave(slot), -ESTALE);
	grace_read_enter(&k->segment, slot);
	ck_assert_int_eq(grace_read_leave(slot), 0);
}
END_TEST

START_TEST(a_quick_reader_keeps_what_it_reads)
{
	grace_read_enter(&k->segment, slot);
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert_int_eq(advance(NULL), -EBUSY);
	ck_assert_int_eq(grace_read_leave(slot), 0);
}
END_TEST

START_TEST(a_death_inside_a_section_delays_nothing_and_frees_the_slot)
{
	pid_t child = fork();
	struct slot *slots[8];
	uint64_t stamp;
	int i, taken;

	if (!child) {
		KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
		struct kreg *own;
		struct slot *mine = NULL;

		if (!kreg_open(&own, "grace", &options))
			grace_slot_take(&own->segment, &own->lives, &own->self, own->joined, &mine);
		if (!mine)
			_exit(1);
		grace_write_enter(&own->segment, mine);
		mine->hazards[HAZARD_LINK] = PLACE;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &i, 0), child);
	ck_assert_int_eq(i, 0);
	stamp = grace_stamp(&k->segment);
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert_int_eq(advance(NULL), 0);
	ck_assert(is_free(stamp, PLACE, 1));
	for (taken = 0; taken < 8; taken++) {
		if (grace_slot_take(&k->segment, &k->lives, &k->self, k->joined, &slots[taken]))
			break;
	}
	ck_assert_int_eq(taken, 3);
	while (taken--)
		grace_slot_return(slots[taken]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		two_epochs_after_its_stamp_memory_is_free,
		a_peek_holds_through_one_epoch_and_not_through_two,
		a_writer_lets_one_epoch_begin_and_briefly_delays_the_next,
		an_expelled_writer_learns_it_once_and_is_in_a_section_again,
		a_writer_expelled_repeatedly_gets_more_time,
		memory_under_a_hazard_is_not_reused_although_the_section_was_expelled,
		each_of_many_hazards_counts,
		a_reader_is_expelled_after_the_patience_and_learns_it_at_the_end,
		a_quick_reader_keeps_what_it_reads,
		a_death_inside_a_section_delays_nothing_and_frees_the_slot,
		NULL,
	};

	return unit_run("grace", set_up, tear_down, tests);
}
