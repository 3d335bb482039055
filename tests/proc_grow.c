/* SPDX-License-Identifier: MIT */
/*
 * Growth in steps: no registration reserves much at once, what the table needs next is
 * there in time, and a process that ends or stops in the middle of a step is in nobody's
 * way. Counts of bytes and of calls, not times.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/table.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/lines.h"
#include "tests/support/unit.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define NAME "grow"
#define KEY 32
/* The table doubles six times until then, and is about to once more. */
#define ENTRIES 160000u
/* Two runs of slabs, a page of the directory, a page of buckets with their lines. */
#define BYTES_MAX (2 * SLAB_RUN * SLAB_BYTES + 2 * SEGMENT_PAGE + SEGMENT_BUCKETS_FIRST * 64ul)
#define CALLS_MAX 4u

/* What was reserved since this was cleared. */
static size_t bytes, calls;
/* In the victim: how much of the lines is reserved by others; it halts behind that. */
static const struct segment *halts_in;
static int halts_by;

static bool is_of_lines(const unsigned char *at)
{
	const unsigned char *lines = (const unsigned char *)halts_in->lines;

	return at >= lines && at < lines + halts_in->buckets_max * sizeof(struct index_line);
}

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice)
{
	if (advice != MADV_POPULATE_WRITE)
		return __real_madvise(at, size, advice);
	bytes += size;
	calls++;
	if (halts_in && is_of_lines(at)) {
		__real_madvise(at, size / 2, advice);
		halts_in = NULL;
		kill(getpid(), halts_by);
	}
	return __real_madvise(at, size, advice);
}

static struct kreg *open_names(int mode)
{
	KREG_OPTIONS(options, .max_bytes = 64 << 20, .seats = 32, .slots = 64);

	return mode_open_as(mode, NAME, &options);
}

static void add(struct kreg *k, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i++)
		unit_assert(!kreg_register(k, &i, sizeof(i), &i, sizeof(i), NULL));
}

static uint64_t buckets_of(const struct kreg *k)
{
	return segment_buckets_of(k->segment.header->buckets);
}

START_TEST(no_registration_reserves_more_than_a_step)
{
	struct kreg *k = open_names(_i);
	size_t most = 0, most_calls = 0, all = 0;
	uint32_t i;

	for (i = 0; i < ENTRIES; i++) {
		bytes = calls = 0;
		add(k, i, i + 1);
		most = bytes > most ? bytes : most;
		most_calls = calls > most_calls ? calls : most_calls;
		all += bytes;
	}
	printf("# %u entries: at most %zu bytes and %zu calls in a registration\n", i, most,
	       most_calls);
	ck_assert_uint_le(most, BYTES_MAX);
	ck_assert_uint_le(most_calls, CALLS_MAX);
	/* Both land and buckets were among it. */
	ck_assert_uint_ge(all, ENTRIES * 64ul + buckets_of(k) * 64 - (1 << 20));
	ck_assert_uint_eq(buckets_of(k), 64 * SEGMENT_BUCKETS_FIRST);
	kreg_close(k);
}
END_TEST

/* How many entries in a thousand more there are than @buckets should have. */
static uint64_t lateness(uint64_t entries, uint64_t buckets)
{
	uint64_t most = buckets * SEGMENT_BUCKET_ENTRIES;

	ck_assert_uint_ge(entries, most);
	return (entries - most) * 1000 / most;
}

START_TEST(buckets_are_reserved_ahead_and_doubled_in_time)
{
	struct kreg *k = open_names(_i);
	const struct segment_header *header = k->segment.header;
	uint64_t buckets = buckets_of(k), steps = 0, late = 0;
	uint64_t ready = header->buckets_ready;
	uint32_t i;

	for (i = 0; i < ENTRIES; i++) {
		add(k, i, i + 1);
		/* It never shrinks, and what the number of buckets says is there. */
		unit_assert(header->buckets_ready >= ready);
		unit_assert(buckets_of(k) == SEGMENT_BUCKETS_FIRST ||
			    header->buckets_ready >= buckets_of(k) * sizeof(uint64_t));
		steps += header->buckets_ready != ready;
		ready = header->buckets_ready;
		if (buckets_of(k) == buckets)
			continue;
		/* The first few doublings take so few steps that a page more is much. */
		late = lateness(i + 1, buckets);
		ck_assert_uint_eq(buckets_of(k), 2 * buckets);
		ck_assert(late <= 10 || buckets < 16 * SEGMENT_BUCKETS_FIRST);
		buckets = buckets_of(k);
	}
	printf("# %llu steps; the last doubling was late by %llu of 1000 entries\n",
	       (unsigned long long)steps, (unsigned long long)late);
	ck_assert_uint_ge(steps, 63);
	/* A part of the next half, but not all of it before it is due. */
	ck_assert_uint_gt(ready, buckets * sizeof(uint64_t));
	ck_assert_uint_lt(ready, 2 * buckets * sizeof(uint64_t));
	kreg_close(k);
}
END_TEST

struct victim {
	int mode, by;
	uint32_t from;
};

static int victim(int link, void *data)
{
	const struct victim *of = data;
	struct kreg *k = open_names(of->mode);
	uint32_t i;

	link_say(link, 0);
	halts_in = &k->segment;
	halts_by = of->by;
	for (i = of->from; halts_in && i < of->from + ENTRIES; i++) {
		if (kreg_register(k, &i, sizeof(i), &i, sizeof(i), NULL))
			return 1;
	}
	link_say(link, i);
	link_hear(link);
	return 0;
}

START_TEST(a_process_that_halts_in_a_step_is_in_nobodys_way)
{
	struct victim of = { .mode = _i, .from = 1u << 24 };
	struct kreg *k = open_names(_i);
	struct child child;
	uint64_t buckets;
	uint32_t i, count = 5000, theirs = 0;

	for (of.by = SIGKILL;; of.by = SIGSTOP) {
		add(k, 0, count);
		child = child_start_ready(victim, &of);
		if (of.by == SIGSTOP)
			child_await_stop(&child);
		else
			child_end(&child);
		buckets = buckets_of(k);
		/* All that it has registered, and as many again as there were. */
		for (i = count; buckets_of(k) < 4 * buckets; i++)
			add(k, i, i + 1);
		count = i;
		if (of.by == SIGSTOP) {
			kill(child.pid, SIGCONT);
			theirs = (uint32_t)link_hear(child.link) - of.from;
			ck_assert_uint_gt(theirs, 0);
			ck_assert_int_eq(kreg_count(k), count + theirs);
		}
		lines_check(k);
		for (i = 0; i < count; i++)
			unit_assert(kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL) == sizeof(i));
		ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
		if (of.by == SIGSTOP)
			break;
		for (i = 0; i < count; i++)
			unit_assert(kreg_unregister(k, &i, sizeof(i)) == 1);
		of.from *= 2;
		/* With fewer the table would be wide enough for the next victim's. */
		count *= 2;
	}
	child_kill(&child);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { no_registration_reserves_more_than_a_step,
				      buckets_are_reserved_ahead_and_doubled_in_time,
				      a_process_that_halts_in_a_step_is_in_nobodys_way, NULL };

	return modes_run(suite_create("grow"), tcase_create("both"), both, NULL, NULL);
}
