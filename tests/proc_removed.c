/* SPDX-License-Identifier: MIT */
/*
 * The file of a registry is removed without asking the registry, as rm and logind do: its
 * members are notified soon and do not go on in a registry that no process can open. A
 * process that merely cannot see the file any longer is not notified.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

/* 0.1 s is promised; only a hang reaches this. */
#define LIMIT_NS 5000000000ull
#define LONG_ENOUGH_NS 400000000ull

static const char *file(void)
{
	static char path[TMP_PATH];

	tmp_registry(path, geteuid(), "removed");
	return path;
}

/*
 * Writes until a write is refused, and returns the error; 0: none was refused for that
 * long.
 */
static int write_for(struct kreg *k, uint64_t nanoseconds)
{
	uint64_t begin = clock_now();
	char key[16];
	int err;

	snprintf(key, sizeof(key), "%d", getpid());
	do {
		err = kreg_register(k, key, KREG_STRING, NULL, 0, NULL);
		if (!err)
			err = kreg_unregister(k, key, KREG_STRING);
		if (err == 1)
			err = 0;
	} while (!err && clock_now() < begin + nanoseconds);
	if (err)
		printf("# refused after %.1f ms\n", (double)(clock_now() - begin) / 1e6);
	return err;
}

static int hold(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "removed");

	link_say(link, kreg_register(k, "name", KREG_STRING, NULL, 0, NULL));
	link_hear(link);
	/* At once: with the first call. */
	link_say(link, kreg_register(k, "another", KREG_STRING, NULL, 0, NULL));
	return 0;
}

START_TEST(a_write_to_a_removed_registry_fails_and_then_every_call_does)
{
	struct child idle = child_start_ready(hold, &_i);
	struct kreg *k = mode_open(_i, "removed"), *next;

	ck_assert_int_eq(write_for(k, 0), 0);
	ck_assert_int_eq(unlink(file()), 0);
	ck_assert_int_eq(write_for(k, LIMIT_NS), -ESHUTDOWN);
	next = mode_open(_i, "removed");
	ck_assert_int_eq(kreg_register(next, "name", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(child_ask(&idle, 1), -ESHUTDOWN);
	child_end(&idle);
	kreg_close(k);
	kreg_close(next);
	unlink(file());
}
END_TEST

START_TEST(a_moved_registry_is_lost_too)
{
	struct kreg *k = mode_open(_i, "removed");
	char other[300];

	snprintf(other, sizeof(other), "%s/elsewhere", tmp_directory());
	ck_assert_int_eq(rename(file(), other), 0);
	ck_assert_int_eq(write_for(k, LIMIT_NS), -ESHUTDOWN);
	kreg_close(k);
	unlink(other);
}
END_TEST

static int wait_for_name(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "removed");

	link_say(link, 0);
	link_say(link, kreg_await(k, "never", KREG_STRING, -1, NULL));
	return 0;
}

static int listen_for_name(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "removed");
	struct kreg_listener *listener;
	struct kreg_event event;
	struct pollfd at = { .events = POLLIN };
	int err = kreg_listen(&listener, k, NULL, 0);

	link_say(link, err);
	do {
		at.fd = kreg_listener_fd(listener);
		poll(&at, 1, -1);
		err = kreg_listener_next(listener, &event);
	} while (err >= 0 || err == -EAGAIN);
	link_say(link, err);
	return 0;
}

START_TEST(waiters_and_listeners_learn_that_the_registry_was_removed)
{
	struct child waiter = child_start_ready(wait_for_name, &_i);
	struct child listener = child_start_ready(listen_for_name, &_i);
	uint64_t begin;

	child_await_sleep(&waiter);
	ck_assert_int_eq(unlink(file()), 0);
	begin = clock_now();
	ck_assert_int_eq(link_hear(waiter.link), -ESHUTDOWN);
	ck_assert_int_eq(link_hear(listener.link), -ESHUTDOWN);
	printf("# reported after %.1f ms\n", (double)(clock_now() - begin) / 1e6);
	child_end(&waiter);
	child_end(&listener);
}
END_TEST

/* Where the same path leads to another folder. */
static int go_out_of_sight(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "removed");

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", tmp_directory(), "tmpfs", 0, "size=64k"))
		return 1;
	link_say(link, write_for(k, LONG_ENOUGH_NS));
	return 0;
}

/* Where there is neither the folder nor /proc. */
static int change_root(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "removed");
	char root[300];

	snprintf(root, sizeof(root), "%s/root", tmp_directory());
	if (mkdir(root, 0700) || chroot(root) || chdir("/"))
		return 1;
	link_say(link, write_for(k, LONG_ENOUGH_NS));
	return 0;
}

START_TEST(a_process_that_cannot_see_the_file_goes_on)
{
	struct kreg *k = mode_open(_i, "removed");
	struct child mounts, root;
	char folder[300];

	if (geteuid())
		return; /* only root can go there */
	mounts = child_start(go_out_of_sight, &_i);
	root = child_start(change_root, &_i);
	ck_assert_int_eq(link_hear(mounts.link), 0);
	ck_assert_int_eq(link_hear(root.link), 0);
	child_end(&mounts);
	child_end(&root);
	ck_assert_int_eq(write_for(k, 0), 0);
	kreg_close(k);
	snprintf(folder, sizeof(folder), "%s/root", tmp_directory());
	rmdir(folder);
	unlink(file());
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_write_to_a_removed_registry_fails_and_then_every_call_does,
		a_moved_registry_is_lost_too,
		waiters_and_listeners_learn_that_the_registry_was_removed,
		a_process_that_cannot_see_the_file_goes_on,
		NULL,
	};

	return modes_run(suite_create("removed"), tcase_create("both"), both, NULL, NULL);
}
