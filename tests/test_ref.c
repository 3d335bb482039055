/* SPDX-License-Identifier: MIT */
/*
 * References from inside: when a lookup does without a search, and that it never relies on a
 * block that may be in use for something else.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/child.h"
#include "tests/support/indexed.h"
#include "tests/support/tmp.h"
#include "tests/support/trace.h"
#include "tests/support/unit.h"

#define BIG 4096

static struct kreg_ref ref;
static uint64_t hidden_buckets, hidden_words[SEGMENT_BUCKETS_FIRST];

static void open_ref(void)
{
	open_index();
	ref = (struct kreg_ref)KREG_REF("name", KREG_STRING);
}

/* From now on each search fails: there is neither an index nor a list. */
static void hide_table(void)
{
	hidden_buckets = k->segment.header->buckets;
	memcpy(hidden_words, k->segment.buckets, sizeof(hidden_words));
	k->segment.header->buckets |= BUCKETS_UNINDEXED;
	memset(k->segment.buckets, 0, sizeof(hidden_words));
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -EUCLEAN);
}

static void show_table(void)
{
	k->segment.header->buckets = hidden_buckets;
	memcpy(k->segment.buckets, hidden_words, sizeof(hidden_words));
}

static ssize_t refer(void)
{
	char value[8];

	return kreg_ref_lookup(k, &ref, value, sizeof(value), NULL);
}

static const size_t sizes[] = { 8, 0, 1, 7, 9, 24, 100, 254, 255, 256, BIG };

START_TEST(a_second_lookup_does_without_a_search)
{
	static char written[BIG], value[BIG];
	size_t size = sizes[_i];
	struct kreg_owner owner, self;

	memset(written, 'w', sizeof(written));
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, written, size, NULL), 0);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, NULL, 0, NULL), (ssize_t)size);
	hide_table();
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, value, sizeof(value), &owner), (ssize_t)size);
	ck_assert_mem_eq(value, written, size);
	ck_assert_int_eq(value[size < BIG ? size : 0], size < BIG ? 0 : 'w');
	ck_assert_uint_eq(owner.token, self.token);
	ck_assert_int_eq(owner.pid, self.pid);
	ck_assert_uint_eq(owner.reserved, 0);
	/* What does not fit is not copied, and the owner is known. */
	owner = (struct kreg_owner){ 0 };
	memset(value, 0, sizeof(value));
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, value, size ? size - 1 : 0, &owner),
			 size ? -ERANGE : 0);
	ck_assert_int_eq(owner.pid, self.pid);
	ck_assert_int_eq(value[0], 0);
	show_table();
}
END_TEST

START_TEST(a_reference_that_is_used_in_each_epoch_never_searches)
{
	int i;

	register_as("name", 0);
	ck_assert_int_eq(refer(), 1);
	hide_table();
	for (i = 0; i < 10; i++) {
		next_epoch();
		ck_assert_int_eq(refer(), 1);
	}
	show_table();
}
END_TEST

START_TEST(one_that_was_idle_for_two_epochs_searches)
{
	register_as("name", 0);
	ck_assert_int_eq(refer(), 1);
	next_epoch();
	next_epoch();
	hide_table();
	ck_assert_int_eq(refer(), -EUCLEAN);
	show_table();
	ck_assert_int_eq(refer(), 1);
	hide_table();
	ck_assert_int_eq(refer(), 1);
	show_table();
}
END_TEST

/* The number of an epoch may be anything: a hostile process has written it, or it wraps. */
START_TEST(an_epoch_that_goes_back_is_a_search_and_one_that_wraps_is_none)
{
	register_as("name", 0);
	k->segment.header->epoch = UINT64_MAX;
	ck_assert_int_eq(refer(), 1);
	k->segment.header->epoch = 0;
	hide_table();
	ck_assert_int_eq(refer(), 1);
	k->segment.header->epoch = UINT64_MAX;
	ck_assert_int_eq(refer(), -EUCLEAN);
	show_table();
}
END_TEST

/* The name that reuse() has left in the block. */
static char taken[KEY];

static place_t place_of(const char *key)
{
	struct query q = query_of(key);
	struct found found;

	if (table_find(&k->segment, &k->lives, &q, &found))
		return 0;
	return found.place;
}

/*
 * Registers others after so many @epochs until one of them, with another value of the same size,
 * has that block.
 */
static void reuse(place_t place, int epochs)
{
	int i, others = 0;
	char key[KEY];

	while (epochs--)
		next_epoch();
	do {
		snprintf(taken, sizeof(taken), "%04d", others++);
		ck_assert_int_eq(kreg_register(k, taken, 4, "another", 8, NULL), 0);
		ck_assert_int_lt(others, 1000);
	} while (place_of(taken) != place);
	for (i = 0; i < others - 1; i++) {
		snprintf(key, sizeof(key), "%04d", i);
		unregister(key);
	}
}

START_TEST(a_block_that_is_used_again_is_not_read)
{
	char value[8] = "";
	place_t place;

	ck_assert_int_eq(kreg_register(k, "name", 4, "earlier", 8, NULL), 0);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, value, sizeof(value), NULL), 8);
	place = place_of("name");
	unregister("name");
	reuse(place, 2);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, value, sizeof(value), NULL), -ENOENT);
	ck_assert_int_eq(kreg_register(k, "name", 4, "later..", 8, NULL), 0);
	ck_assert_int_eq(kreg_ref_lookup(k, &ref, value, sizeof(value), NULL), 8);
	ck_assert_str_eq(value, "later..");
}
END_TEST

/* Memory that was given back to the system may not even be touched: the file system may be full. */
START_TEST(a_block_of_two_epochs_ago_is_not_touched)
{
	void *page;

	register_as("name", 0);
	ck_assert_int_eq(refer(), 1);
	page = (void *)((uintptr_t)segment_entry(&k->segment, place_of("name")) &
			~(uintptr_t)(SEGMENT_PAGE - 1));
	unregister("name");
	next_epoch();
	next_epoch();
	ck_assert_int_eq(mprotect(page, SEGMENT_PAGE, PROT_NONE), 0);
	ck_assert_int_eq(refer(), -ENOENT);
	ck_assert_int_eq(mprotect(page, SEGMENT_PAGE, PROT_READ | PROT_WRITE), 0);
}
END_TEST

/* Looks up by a reference that has found the name before, and says what it has read. */
static int look_on(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct kreg_ref own = KREG_REF("name", KREG_STRING);
	char value[8] = "";
	struct kreg *k_own;
	int64_t order;

	(void)data;
	exec_at_will();
	if (kreg_open(&k_own, "index", &options))
		return 1;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		ssize_t got = kreg_ref_lookup(k_own, &own, value, sizeof(value), NULL);

		link_say(link, got == 8 ? value[0] : got);
	}
	kreg_close(k_own);
	return 0;
}

static int steps_left;

static bool has_taken_its_steps(void *data)
{
	(void)data;
	return !steps_left--;
}

/* When the name ends: so many epochs after it was found; whether before the lookup begins. */
static const struct {
	int epochs;
	bool before;
} ends[] = { { 0, false }, { 1, false }, { 1, true } };

/* The name's block is another name's as soon as it may, while a lookup stands at any instruction. */
START_TEST(a_lookup_that_is_stopped_anywhere_is_right_when_it_goes_on)
{
	int steps = 0, tries = 0, epochs, earlier = 0, none = 0;
	struct child child = child_start_ready(look_on, NULL);
	place_t place;
	bool stopped;

	do {
		ck_assert_int_eq(kreg_register(k, "name", 4, "earlier", 8, NULL), 0);
		ck_assert_int_eq(child_ask(&child, 1), 'e');
		place = place_of("name");
		if (ends[_i].before)
			unregister("name");
		for (epochs = 0; epochs < ends[_i].epochs; epochs++)
			next_epoch();
		steps_left = steps;
		stopped = trace_until(&child, 1, has_taken_its_steps, NULL);
		if (!ends[_i].before)
			unregister("name");
		if (stopped) {
			int64_t answer;

			reuse(place, ends[_i].before ? 1 : 2);
			trace_end(&child, TRACE_GO_ON);
			answer = link_hear(child.link);
			earlier += answer == 'e';
			none += answer == -ENOENT;
			tries++;
		}
		if (stopped)
			unregister(taken);
		steps += 3;
	} while (stopped);
	ck_assert_int_eq(earlier + none, tries);
	ck_assert_int_gt(none, 0);
	ck_assert(ends[_i].before ? !earlier : earlier > 0);
	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

int main(void)
{
	TCase *inside = tcase_create("inside");
	Suite *suite = suite_create("ref");

	tcase_add_checked_fixture(inside, open_ref, close_index);
	tcase_set_timeout(inside, 60);
	tcase_add_loop_test(inside, a_second_lookup_does_without_a_search, 0,
			    (int)(sizeof(sizes) / sizeof(sizes[0])));
	tcase_add_test(inside, a_reference_that_is_used_in_each_epoch_never_searches);
	tcase_add_test(inside, one_that_was_idle_for_two_epochs_searches);
	tcase_add_test(inside, an_epoch_that_goes_back_is_a_search_and_one_that_wraps_is_none);
	tcase_add_test(inside, a_block_that_is_used_again_is_not_read);
	tcase_add_test(inside, a_block_of_two_epochs_ago_is_not_touched);
	tcase_add_loop_test(inside, a_lookup_that_is_stopped_anywhere_is_right_when_it_goes_on, 0,
			    (int)(sizeof(ends) / sizeof(ends[0])));
	suite_add_tcase(suite, inside);
	return unit_run_suite(suite);
}
