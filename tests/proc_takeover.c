/* SPDX-License-Identifier: MIT */
/*
 * A registry whose guard is gone, or that was made in the fallback; and a registry that a
 * process destroys.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "shm/layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

static char said[2048];

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int open_under(struct kreg **k, const char *guard)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = guard, .log = keep);

	return kreg_open(k, "takeover", &options);
}

static int destroy(int force)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .log = keep);

	return kreg_destroy("takeover", &options, force ? KREG_DESTROY_FORCE : 0);
}

/* Registers "name" under the guard that @data names, and reports the result. */
static int hold(int link, void *data)
{
	struct kreg *k;
	int err = open_under(&k, data);

	if (!err)
		err = kreg_register(k, "name", KREG_STRING, "x", 1, NULL);
	if (!err)
		err = kreg_meta_put(k, "kept", KREG_STRING, "for ever", 8);
	link_say(link, err);
	while (link_hear(link) != INT64_MIN)
		link_say(link, kreg_register(k, "other", KREG_STRING, "x", 1, NULL));
	return 0;
}

static struct child start_holder(const char *guard)
{
	return child_start_ready(hold, (void *)(uintptr_t)guard);
}

/* @before creates it; @after finds it. */
static void refuse_then_take_over(const char *before, const char *after)
{
	struct child child = start_holder(before);
	struct kreg *k;
	char pid[16], kept[16];

	snprintf(pid, sizeof(pid), "%d", child.pid);
	ck_assert_int_eq(open_under(&k, after), -EBUSY);
	ck_assert_msg(strstr(said, pid) != NULL, "it names no pid: %s", said);
	child_kill(&child);
	ck_assert_int_eq(open_under(&k, after), 0);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_meta_get(k, "kept", KREG_STRING, kept, sizeof(kept)), 8);
	ck_assert_mem_eq(kept, "for ever", 8);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "y", 1, NULL), 0);
	ck_assert_int_eq(kreg_meta_put(k, "kept", KREG_STRING, "and changed", 11), 0);
	ck_assert_int_eq(kreg_meta_get(k, "kept", KREG_STRING, kept, sizeof(kept)), 11);
	kreg_close(k);
	ck_assert_int_eq(destroy(0), 0);
}

START_TEST(a_leftover_of_the_fallback_is_taken_over_when_no_member_is_alive)
{
	refuse_then_take_over("none", mode_guard(MODE_GUARD));
}
END_TEST

START_TEST(a_leftover_of_the_guard_is_taken_over_by_the_fallback)
{
	refuse_then_take_over(mode_guard(MODE_GUARD), "none");
}
END_TEST

START_TEST(a_leftover_of_an_earlier_guard_is_taken_over_too)
{
	struct guard_options options = { .path = second_guard() };
	struct child child;
	struct kreg *k;

	ck_assert_int_eq(guard_start(&options), 0);
	ck_assert_int_eq(guard_start(&options), 1);
	child = start_holder(second_guard());
	ck_assert_int_eq(guard_stop(&options, false), -EBUSY);
	ck_assert_int_eq(guard_stop(&options, true), 0);
	ck_assert_int_eq(guard_stop(&options, true), -ENOENT);
	ck_assert_int_eq(guard_start(&options), 0);
	ck_assert_int_eq(open_under(&k, second_guard()), -EBUSY);
	/* Its life is over although the process goes on, as its next call shows. */
	link_say(child.link, 1);
	ck_assert_int_eq(link_hear(child.link), -EOWNERDEAD);
	ck_assert_int_eq(open_under(&k, second_guard()), 0);
	child_kill(&child);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
	ck_assert_int_eq(guard_stop(&options, true), 0);
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

/* As a library with another layout would have made it. */
static void change_layout(void)
{
	const uint32_t layout = SEGMENT_LAYOUT + 1;
	char file[TMP_PATH];
	int fd;

	tmp_registry(file, geteuid(), "takeover");
	fd = open(file, O_RDWR);
	ck_assert_int_eq(
		pwrite(fd, &layout, sizeof(layout), offsetof(struct segment_header, layout)),
		sizeof(layout));
	close(fd);
}

START_TEST(another_layout_is_refused_while_a_member_lives_and_replaced_afterwards)
{
	struct child child = start_holder(mode_guard(_i));
	char both[64];
	struct kreg *k;

	snprintf(both, sizeof(both), "layout %u, this library has %u, and process %d",
		 SEGMENT_LAYOUT + 1, SEGMENT_LAYOUT, child.pid);
	change_layout();
	ck_assert_int_eq(open_under(&k, mode_guard(_i)), -EPROTO);
	ck_assert_msg(strstr(said, both) != NULL, "\"%s\" is not in: %s", both, said);
	ck_assert_int_eq(destroy(0), -EBUSY);
	child_kill(&child);
	ck_assert_int_eq(open_under(&k, mode_guard(_i)), 0);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "y", 1, NULL), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

START_TEST(another_layout_is_destroyed_by_force_and_its_members_are_notified)
{
	struct child child = start_holder(mode_guard(_i));

	change_layout();
	ck_assert_int_eq(destroy(1), 0);
	ck_assert_int_eq(child_ask(&child, 1), -ESHUTDOWN);
	ck_assert_int_eq(destroy(1), -ENOENT);
	child_kill(&child);
}
END_TEST

START_TEST(destroying_is_refused_while_an_owner_is_alive)
{
	struct child child = start_holder(mode_guard(_i));

	ck_assert_int_eq(destroy(0), -EBUSY);
	child_kill(&child);
	ck_assert_int_eq(destroy(0), 0);
	ck_assert_int_eq(destroy(0), -ENOENT);
}
END_TEST

START_TEST(members_of_a_destroyed_registry_are_notified)
{
	struct child child = start_holder(mode_guard(_i));
	struct kreg *k;

	ck_assert_int_eq(destroy(1), 0);
	link_say(child.link, 1);
	ck_assert_int_eq(link_hear(child.link), -ESHUTDOWN);
	ck_assert_int_eq(open_under(&k, mode_guard(_i)), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "y", 1, NULL), 0);
	kreg_close(k);
	child_kill(&child);
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

#define OPENERS 16

static int open_at_once(int link, void *data)
{
	struct kreg *k;
	char key[16];
	int err;

	link_say(link, 0);
	link_hear(link);
	err = open_under(&k, data);
	snprintf(key, sizeof(key), "%d", getpid());
	if (!err)
		err = kreg_register(k, key, KREG_STRING, "x", 1, NULL);
	link_say(link, err);
	link_hear(link);
	return 0;
}

static void open_together(const char *guard)
{
	struct child openers[OPENERS];
	struct kreg *k;
	int i;

	for (i = 0; i < OPENERS; i++) {
		openers[i] = child_start(open_at_once, (void *)(uintptr_t)guard);
		ck_assert_int_eq(link_hear(openers[i].link), 0);
	}
	for (i = 0; i < OPENERS; i++)
		link_say(openers[i].link, 1);
	for (i = 0; i < OPENERS; i++)
		ck_assert_int_eq(link_hear(openers[i].link), 0);
	ck_assert_int_eq(open_under(&k, guard), 0);
	ck_assert_int_eq(kreg_count(k), OPENERS);
	for (i = 0; i < OPENERS; i++)
		child_kill(&openers[i]);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}

START_TEST(processes_that_create_at_once_are_in_the_same_registry)
{
	int round;

	for (round = 0; round < 20; round++) {
		open_together(mode_guard(_i));
		ck_assert_int_eq(destroy(0), 0);
	}
}
END_TEST

START_TEST(processes_that_take_over_at_once_are_in_the_same_registry)
{
	int round;

	for (round = 0; round < 20; round++) {
		struct child child = start_holder(round % 2 ? "none" : mode_guard(MODE_GUARD));

		child_kill(&child);
		open_together(round % 2 ? mode_guard(MODE_GUARD) : "none");
		ck_assert_int_eq(destroy(0), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		another_layout_is_refused_while_a_member_lives_and_replaced_afterwards,
		another_layout_is_destroyed_by_force_and_its_members_are_notified,
		destroying_is_refused_while_an_owner_is_alive,
		members_of_a_destroyed_registry_are_notified,
		processes_that_create_at_once_are_in_the_same_registry,
		NULL
	};
	const TTest *const guard[] = {
		a_leftover_of_the_fallback_is_taken_over_when_no_member_is_alive,
		a_leftover_of_the_guard_is_taken_over_by_the_fallback,
		a_leftover_of_an_earlier_guard_is_taken_over_too,
		processes_that_take_over_at_once_are_in_the_same_registry,
		NULL,
	};

	return modes_run(suite_create("takeover"), tcase_create("both"), both,
			 tcase_create("guard"), guard);
}
