/* SPDX-License-Identifier: MIT */
/*
 * The kernel unloads a guard whose pins were removed, and the guard ends no life any
 * longer. Each process with an open registry detects this, and a process that merely no
 * longer sees the pins does not mistake that for it.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

/* 0.1 s is promised; only a hang reaches this. */
#define LIMIT_MS 5000
/* How long a guard out of sight is used: several checks. */
#define UNSEEN_MS 1500

static void start_guard_with(uint32_t faults)
{
	struct guard_options options = {
		.path = second_guard(),
		.seats = 16,
		.faults = faults,
	};

	ck_assert_int_eq(guard_start(&options), 0);
}

static void start_guard(void)
{
	start_guard_with(0);
}

static void stop_guard(void)
{
	struct guard_options options = { .path = second_guard() };

	ck_assert_int_eq(guard_stop(&options, true), 0);
}

static int try_open(struct kreg **k, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(),
		     .flags = flags);

	return kreg_open(k, "lost", &options);
}

static struct kreg *open_registry(uint32_t flags)
{
	struct kreg *k;

	ck_assert_int_eq(try_open(&k, flags), 0);
	return k;
}

/* Removes all pins, or only the pin @only. */
static void remove_pins(const char *only)
{
	DIR *at = opendir(second_guard());
	struct dirent *entry;

	ck_assert_ptr_nonnull(at);
	while ((entry = readdir(at))) {
		if (*entry->d_name != '.' && (!only || !strcmp(only, entry->d_name)))
			ck_assert_int_eq(unlinkat(dirfd(at), entry->d_name, 0), 0);
	}
	closedir(at);
	if (!only)
		ck_assert_int_eq(rmdir(second_guard()), 0);
}

/* Holds "held"; then writes until a write is refused, and reports the error. */
static int write_on(int link, void *data)
{
	struct kreg *k = open_registry(0);
	int err = kreg_register(k, "held", KREG_STRING, "x", 1, NULL);

	(void)data;
	link_say(link, err);
	link_hear(link);
	while (!err)
		err = kreg_update_if(k, "held", KREG_STRING, "x", 1, "x", 1);
	link_say(link, err);
	link_say(link, kreg_lookup(k, "held", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	return 0;
}

static int await(int link, void *data)
{
	struct kreg *k = open_registry(0);

	(void)data;
	link_say(link, 0);
	link_say(link, kreg_await(k, "never", KREG_STRING, -1, NULL));
	link_hear(link);
	return 0;
}

static int listen_on(int link, void *data)
{
	struct kreg_listener *l;
	struct kreg_event event;
	struct kreg *k = open_registry(0);
	struct pollfd ready;
	int got = kreg_listen(&l, k, NULL, 0);

	(void)data;
	link_say(link, got);
	ready = (struct pollfd){ .fd = kreg_listener_fd(l), .events = POLLIN };
	while (got >= 0) {
		got = kreg_listener_next(l, &event);
		if (!got)
			poll(&ready, 1, -1);
	}
	link_say(link, got);
	link_hear(link);
	return 0;
}

static void all_are_notified(const char *what, void (*remove)(void))
{
	struct child writer, waiter, listener;
	struct kreg *k, *reader, *next;
	int64_t began;

	start_guard();
	k = open_registry(0);
	reader = open_registry(KREG_OPEN_READONLY);
	writer = child_start_ready(write_on, NULL);
	waiter = child_start_ready(await, NULL);
	listener = child_start_ready(listen_on, NULL);
	child_await_sleep(&waiter);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "x", 1, NULL), 0);
	began = clock_ms();
	remove();
	link_say(writer.link, 1);
	ck_assert_int_eq(link_hear(writer.link), -ESHUTDOWN);
	printf("# %s: a writer notices it after %ld ms", what, clock_ms() - began);
	ck_assert_int_eq(link_hear(writer.link), -ENOENT);
	ck_assert_int_eq(link_hear(waiter.link), -ESHUTDOWN);
	printf(", a waiter after %ld ms", clock_ms() - began);
	ck_assert_int_eq(link_hear(listener.link), -ESHUTDOWN);
	printf(", a listener after %ld ms\n", clock_ms() - began);
	fflush(stdout);
	ck_assert_int_lt(clock_ms() - began, LIMIT_MS);
	/* A process that has not checked yet learns it from the one that has. */
	ck_assert_int_eq(kreg_register(k, "other", KREG_STRING, "x", 1, NULL), -ESHUTDOWN);
	/* A reader has no reason to check, and finds no names either. */
	while (kreg_lookup(reader, "mine", KREG_STRING, NULL, 0, NULL) != -ENOENT)
		ck_assert_int_lt(clock_ms() - began, LIMIT_MS);
	/*
	 * And a process that opens it gets another registry, although all members of the
	 * old one live.
	 */
	next = open_registry(0);
	ck_assert_int_eq(kreg_register(next, "held", KREG_STRING, "y", 1, NULL), 0);
	ck_assert_int_eq(kreg_lookup(next, "held", KREG_STRING, NULL, 0, NULL), 1);
	child_kill(&writer);
	child_kill(&waiter);
	child_kill(&listener);
	kreg_close(next);
	kreg_close(k);
	kreg_close(reader);
}

static void remove_all(void)
{
	remove_pins(NULL);
}

START_TEST(members_learn_that_the_pins_were_removed)
{
	all_are_notified("rm", remove_all);
}
END_TEST

static void remove_exit(void)
{
	remove_pins("exit");
}

START_TEST(members_learn_that_only_the_exit_program_is_gone)
{
	all_are_notified("rm exit", remove_exit);
	stop_guard();
}
END_TEST

static void unmount_all(void)
{
	ck_assert_int_eq(umount2("/sys/fs/bpf", MNT_DETACH), 0);
}

START_TEST(members_learn_that_bpffs_was_unmounted)
{
	/* A mount of the test's own, over the one that all share. */
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=755"), 0);
	all_are_notified("umount", unmount_all);
}
END_TEST

/* No longer sees the pins, and writes for a while. */
static int write_unseen(int link, void *data)
{
	struct kreg *k = open_registry(0);
	int64_t began;
	int err;

	(void)data;
	err = kreg_register(k, "held", KREG_STRING, "x", 1, NULL);
	if (!err && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		     umount2("/sys/fs/bpf", MNT_DETACH)))
		err = -errno;
	began = clock_ms();
	while (!err && clock_ms() - began < UNSEEN_MS)
		err = kreg_update_if(k, "held", KREG_STRING, "x", 1, "x", 1);
	link_say(link, err);
	link_hear(link);
	return 0;
}

static void out_of_sight(uint32_t faults)
{
	struct child unseen;
	struct kreg *k;

	start_guard_with(faults);
	k = open_registry(0);
	unseen = child_start(write_unseen, NULL);
	ck_assert_int_eq(link_hear(unseen.link), 0);
	ck_assert_int_eq(kreg_lookup(k, "held", KREG_STRING, NULL, 0, NULL), 1);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "x", 1, NULL), 0);
	child_kill(&unseen);
	ck_assert_int_eq(kreg_lookup(k, "held", KREG_STRING, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
	stop_guard();
}

START_TEST(a_guard_whose_pins_cannot_be_seen_goes_on)
{
	out_of_sight(0);
}
END_TEST

START_TEST(a_guard_out_of_sight_goes_on_when_the_kernel_skips_its_first_program)
{
	out_of_sight(LIFE_FAULT_SKIP);
}
END_TEST

START_TEST(a_reader_finds_no_names_after_kreg_stat)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int64_t began = clock_ms();
	struct kreg *k, *reader;

	start_guard();
	k = open_registry(0);
	reader = open_registry(KREG_OPEN_READONLY);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "x", 1, NULL), 0);
	remove_pins(NULL);
	while (kreg_lookup(reader, "mine", KREG_STRING, NULL, 0, NULL) != -ENOENT) {
		ck_assert_int_eq(kreg_stat(reader, &stat), 0);
		ck_assert_int_lt(clock_ms() - began, LIMIT_MS);
	}
	kreg_close(k);
	kreg_close(reader);
}
END_TEST

int main(void)
{
	const TTest *const guard[] = {
		members_learn_that_the_pins_were_removed,
		members_learn_that_only_the_exit_program_is_gone,
		members_learn_that_bpffs_was_unmounted,
		a_reader_finds_no_names_after_kreg_stat,
		a_guard_whose_pins_cannot_be_seen_goes_on,
		a_guard_out_of_sight_goes_on_when_the_kernel_skips_its_first_program,
		NULL,
	};

	return modes_run(suite_create("guard_lost"), NULL, NULL, tcase_create("guard"), guard);
}
