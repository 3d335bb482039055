/* SPDX-License-Identifier: MIT */
/*
 * Groups from inside: which keys are of one, where their cells are, and how many lines and
 * orders a listing reads.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/find/visit.h"
#include "shm/group.h"
#include "shm/table_search.h"
#include "tests/support/child.h"
#include "tests/support/groups.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define KEY 64
#define MANY 20000
#define WAITERS 80

static struct kreg *k;

/* Whether memory for groups can be reserved. */
static bool is_full;

int __real_segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes);
int __wrap_segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes);
int __wrap_segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	if (is_full && offset >= s->groups_offset && offset < s->directory_offset)
		return -ENOSPC;
	return __real_segment_reserve(s, offset, bytes);
}

/* Walks along the whole list. */
static int scans;

int __real_visit_all(const struct visit *v);
int __wrap_visit_all(const struct visit *v);
int __wrap_visit_all(const struct visit *v)
{
	scans++;
	return __real_visit_all(v);
}

static int group_open(struct kreg **out)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 64 << 20,
		     .seats = 128, .slots = 256);

	return kreg_open(out, "group", &options);
}

static void set_up(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	/* Of a test that has failed. */
	kreg_destroy("group", &options, KREG_DESTROY_FORCE);
	is_full = false;
	ck_assert_int_eq(group_open(&k), 0);
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("group", &options, KREG_DESTROY_FORCE), 0);
}

static void take(const char *key)
{
	ck_assert_int_eq(kreg_register(k, key, KREG_STRING, "v", 1, NULL), 0);
}

/* @count names from number @from on: @before, the number, @behind. */
static void take_many(const char *before, int from, int count, const char *behind)
{
	char key[KEY];
	int i;

	for (i = from; i < from + count; i++) {
		snprintf(key, sizeof(key), "%s%d%s", before, i, behind);
		take(key);
	}
}

static int count_order(order_t order, void *data)
{
	(void)order;
	++*(int *)data;
	return 0;
}

/* How many orders a listing of @prefix looks at. */
static int orders_of(const char *prefix)
{
	int count = 0;

	ck_assert_int_eq(
		group_each(&k->segment, prefix, (uint32_t)strlen(prefix), count_order, &count), 0);
	return count;
}

START_TEST(a_key_is_of_the_group_up_to_its_first_slash)
{
	char long_name[KREG_KEY_MAX + 1];

	ck_assert_uint_eq(group_size("web/server", 10), 4);
	ck_assert_uint_eq(group_size("web/", 4), 4);
	ck_assert_uint_eq(group_size("a/b/c", 5), 2);
	ck_assert_uint_eq(group_size("web", 3), 0);
	ck_assert_uint_eq(group_size("", 0), 0);
	ck_assert_uint_eq(group_size("/etc", 4), 0);
	ck_assert_uint_eq(group_size("\x01z/c", 4), 0);
	ck_assert_uint_eq(group_size("z\xff/c", 4), 0);
	memset(long_name, 'n', sizeof(long_name));
	long_name[GROUP_MAX] = '/';
	ck_assert_uint_eq(group_size(long_name, KREG_KEY_MAX), GROUP_MAX + 1);
	ck_assert_uint_eq(group_size(long_name, GROUP_MAX), 0);
	long_name[GROUP_MAX] = 'n';
	long_name[GROUP_MAX + 1] = '/';
	ck_assert_uint_eq(group_size(long_name, KREG_KEY_MAX), 0);
}
END_TEST

START_TEST(a_plain_key_takes_no_memory_for_groups)
{
	take_many("plain-", 0, 100, "");
	ck_assert_uint_eq(k->segment.header->groups, 0);
	ck_assert_int_eq(groups_list(k, "web/"), 0);
}
END_TEST

START_TEST(a_listing_looks_at_its_own_names_only)
{
	take_many("plain-", 0, 1000, "");
	take_many("other-", 0, MANY, "/role");
	take_many("wanted/role-", 0, 3, "");
	ck_assert_int_eq(orders_of("wanted/"), 3);
	ck_assert_int_eq(orders_of("wanted/role-2"), 1);
	ck_assert_int_eq(orders_of("wante/"), 0);
	ck_assert_int_eq(groups_list(k, "wanted/"), 3);
	ck_assert_int_eq(groups_list(k, "wanted/role-2"), 1);
	ck_assert_int_eq(groups_list(k, "want"), 3);
}
END_TEST

START_TEST(a_large_group_has_a_cell_for_each_name)
{
	struct groups groups;
	char key[KEY];
	int i;

	take_many("large/", 0, MANY, "");
	ck_assert_int_eq(orders_of("large/"), MANY);
	groups = groups_check(k);
	ck_assert(!groups.lost);
	ck_assert_uint_eq(groups.names, MANY);
	ck_assert_uint_eq(groups.cells, MANY);
	/* 27 bytes for each name in the mean, of lines of 64. */
	ck_assert_uint_lt(groups.lines, MANY * 40 / 64);
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "large/%d", i);
		ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
	}
	ck_assert_uint_eq(groups_check(k).cells, 0);
	ck_assert_int_eq(groups_list(k, "large/"), 0);
	/* The same lines again. */
	take_many("large/", 0, MANY, "");
	ck_assert_uint_lt(groups_check(k).lines, groups.lines + groups.lines / 8);
}
END_TEST

static int waiter(int link, void *data)
{
	struct kreg_found holder = { 0 };
	struct kreg *own;

	(void)data;
	if (group_open(&own))
		return 1;
	link_say(link, kreg_register_with(own, "queue/head", KREG_STRING, "w", 1,
					  KREG_REGISTER_QUEUE, &holder) == KREG_WAITING
			       ? 0
			       : 1);
	link_hear(link);
	return 0;
}

/* They have one order, so one way, which becomes as long as they need. */
START_TEST(a_line_of_waiters_has_cells_for_all)
{
	struct child children[WAITERS];
	int i;

	take("queue/head");
	for (i = 0; i < WAITERS; i++)
		children[i] = child_start_ready(waiter, NULL);
	ck_assert_uint_eq(groups_check(k).cells, WAITERS + 1);
	ck_assert_int_eq(orders_of("queue/"), WAITERS + 1);
	ck_assert_int_eq(groups_list(k, "queue/"), WAITERS + 1);
	for (i = 0; i < WAITERS; i++)
		child_kill(&children[i]);
	ck_assert_int_eq(groups_list(k, "queue/"), 1);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_uint_eq(groups_check(k).cells, 1);
}
END_TEST

START_TEST(an_update_keeps_one_cell)
{
	int i;

	take_many("web/", 0, 40, "");
	for (i = 0; i < 1000; i++) {
		char key[KEY];

		snprintf(key, sizeof(key), "web/%d", i % 40);
		ck_assert_int_eq(kreg_update(k, key, KREG_STRING, "w", 1, NULL, 0), 1);
	}
	ck_assert_uint_eq(groups_check(k).cells, 40);
	ck_assert_uint_eq(groups_check(k).ended, 0);
	ck_assert_int_eq(groups_list(k, "web/"), 40);
}
END_TEST

/* The number of the line that has the name's cell. */
static uint32_t line_of(const char *key)
{
	struct query q = table_query(&k->segment, key, strlen(key));
	uint32_t lines = (uint32_t)k->segment.header->groups * GROUP_LINES, line, i;
	struct found found;

	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	for (line = 0; line < lines; line++) {
		for (i = 0; i < GROUP_CELLS; i++) {
			if (ref_place(k->segment.groups[line / GROUP_LINES]
					      .lines[line % GROUP_LINES]
					      .cells[i]) == found.place)
				return line;
		}
	}
	ck_abort_msg("%s has no cell", key);
}

/* A walk that has passed the line above would miss both the old cell and the new one. */
START_TEST(an_update_takes_no_cell_above)
{
	uint32_t top, line;
	int i;

	/* The first seven have the line at the top. */
	take_many("web/", 0, 9, "");
	top = line_of("web/0");
	line = line_of("web/8");
	ck_assert_uint_ne(line, top);
	ck_assert_int_eq(kreg_unregister(k, "web/0", KREG_STRING), 1);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(kreg_update(k, "web/8", KREG_STRING, "w", 1, NULL, 0), 1);
		ck_assert_uint_eq(line_of("web/8"), line);
	}
	/* A new name has it. */
	take("web/9");
	ck_assert_uint_eq(line_of("web/9"), top);
}
END_TEST

/* The line as it was read has been another one since: it is read again. */
START_TEST(a_cleared_cell_raises_the_version)
{
	uint32_t top;
	uint64_t control;

	take("web/first");
	top = line_of("web/first");
	control = k->segment.groups[top / GROUP_LINES].lines[top % GROUP_LINES].control;
	ck_assert_int_eq(kreg_update(k, "web/first", KREG_STRING, "w", 1, NULL, 0), 1);
	ck_assert_uint_eq(k->segment.groups[top / GROUP_LINES].lines[top % GROUP_LINES].control,
			  control + GROUP_VERSION);
}
END_TEST

static int count_service(const struct kreg_service *service, void *data)
{
	(void)service;
	++*(int *)data;
	return 0;
}

static int count_namespace(const char *space, uint64_t services, void *data)
{
	unit_assert(services == (strcmp(space, "other") ? 3 : 20));
	++*(int *)data;
	return 0;
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

START_TEST(no_listing_of_services_goes_along_the_list)
{
	KREG_PATTERN(pattern, .prefix = "wanted/", .prefix_size = KREG_STRING);
	struct kreg_listener *listener;
	struct kreg_event event;
	int count = 0;

	take_many("plain-", 0, 100, "");
	take_many("other/", 0, 20, "");
	take_many("wanted/", 0, 3, "");
	scans = 0;
	ck_assert_int_eq(kreg_service_each(k, "wanted", count_service, &count), 0);
	ck_assert_int_eq(count, 3);
	ck_assert_int_eq(kreg_service_each(k, NULL, count_service, &count), 0);
	ck_assert_int_eq(count, 26);
	ck_assert_int_eq(kreg_service_each_reserved(k, "wanted", count_service, &count), 0);
	ck_assert_int_eq(count, 29);
	ck_assert_int_eq(kreg_namespace_each(k, count_namespace, &count), 0);
	ck_assert_int_eq(count, 31);
	ck_assert_int_eq(kreg_each(k, "wanted/", KREG_STRING, count_entry, &count), 0);
	ck_assert_int_eq(count, 34);
	ck_assert_int_eq(kreg_count_select(k, &pattern), 3);
	ck_assert_int_eq(kreg_listen(&listener, k, &pattern, KREG_LISTEN_KNOWN), 0);
	while (kreg_listener_next(listener, &event) == 1)
		count++;
	ck_assert_int_eq(count, 37);
	kreg_listener_close(listener);
	ck_assert_int_eq(scans, 0);
	ck_assert_int_eq(kreg_each(k, "wanted", KREG_STRING, count_entry, &count), 0);
	ck_assert_int_eq(count, 40);
	ck_assert_int_eq(scans, 1);
}
END_TEST

START_TEST(a_listing_of_most_names_goes_along_the_list_once)
{
	int count = 0;

	take_many("web/", 0, 3000, "");
	take_many("plain-", 0, 100, "");
	scans = 0;
	ck_assert_int_eq(kreg_service_each(k, NULL, count_service, &count), 0);
	ck_assert_int_eq(count, 3000);
	ck_assert_int_eq(scans, 1);
	/* What was most is one of many later. */
	take_many("plain-", 100, MANY, "");
	count = 0;
	ck_assert_int_eq(kreg_service_each(k, "web", count_service, &count), 0);
	ck_assert_int_eq(count, 3000);
	ck_assert_int_eq(scans, 1);
}
END_TEST

START_TEST(without_memory_a_listing_goes_along_the_list)
{
	int count = 0;

	take_many("web/", 0, 3, "");
	is_full = true;
	take_many("web/", 3, 1000, "");
	ck_assert(groups_check(k).lost);
	ck_assert_int_eq(group_each(&k->segment, "web/", 4, count_order, &count), -ENODATA);
	ck_assert_int_eq(groups_list(k, "web/"), 1003);
	is_full = false;
	take_many("web/", 1003, 1000, "");
	ck_assert_int_eq(groups_list(k, "web/"), 2003);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
}
END_TEST

START_TEST(without_any_memory_the_first_name_is_found_too)
{
	is_full = true;
	take("web/first");
	ck_assert_int_eq(groups_list(k, "web/"), 1);
	ck_assert(groups_check(k).lost);
}
END_TEST

/* As after processes that were killed between leading a line to a block and counting that. */
START_TEST(two_lines_may_lead_to_one_block)
{
	int i;

	for (i = 0; i < 200; i++) {
		take_many("web/", i * 20, 20, "");
		take_many("other-", i * 20, 20, "/role");
		if (k->segment.header->group_next > SEGMENT_GROUPS_FIRST)
			k->segment.header->group_next--;
	}
	ck_assert_int_eq(groups_list(k, "web/"), 4000);
	ck_assert_uint_eq(groups_check(k).cells, 8000);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
}
END_TEST

/* Whatever the lines hold, a listing ends and finds what is registered. */
START_TEST(damaged_lines_end_a_walk)
{
	uint64_t groups, line;

	take_many("web/", 0, 2000, "");
	groups = k->segment.header->groups;
	for (line = 0; line < groups * GROUP_LINES; line++)
		k->segment.groups[line / GROUP_LINES].lines[line % GROUP_LINES].control =
			line / GROUP_LINES + 1 < groups ? line / GROUP_LINES + 1 : 0;
	ck_assert_int_eq(groups_list(k, "web/"), 2000);
	for (line = 0; line < groups * GROUP_LINES; line++)
		k->segment.groups[line / GROUP_LINES].lines[line % GROUP_LINES].control = 3;
	ck_assert_int_eq(groups_list(k, "web/"), 2000);
	ck_assert_int_gt(kreg_check(k, NULL, NULL), 0);
}
END_TEST

START_TEST(a_check_says_that_a_cell_is_missing)
{
	uint32_t line, i;

	take("web/first");
	for (line = 0; line < GROUP_LINES * SEGMENT_GROUPS_FIRST; line++) {
		for (i = 0; i < GROUP_CELLS; i++)
			k->segment.groups[line / GROUP_LINES].lines[line % GROUP_LINES].cells[i] =
				0;
	}
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_key_is_of_the_group_up_to_its_first_slash,
		a_plain_key_takes_no_memory_for_groups,
		a_listing_looks_at_its_own_names_only,
		a_large_group_has_a_cell_for_each_name,
		a_line_of_waiters_has_cells_for_all,
		an_update_keeps_one_cell,
		an_update_takes_no_cell_above,
		a_cleared_cell_raises_the_version,
		no_listing_of_services_goes_along_the_list,
		a_listing_of_most_names_goes_along_the_list_once,
		without_memory_a_listing_goes_along_the_list,
		without_any_memory_the_first_name_is_found_too,
		two_lines_may_lead_to_one_block,
		damaged_lines_end_a_walk,
		a_check_says_that_a_cell_is_missing,
		NULL,
	};

	return unit_run("group", set_up, tear_down, tests);
}
