/* SPDX-License-Identifier: MIT */
/*
 * Pending waits: the fd of each becomes readable when the wait is over, although processes
 * are killed or stopped, and at no other time.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "bpf/guard.h"
#include "base/clock.h"
#include "lib/kreg.h"
#include "shm/bell.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/halt.h"
#include "tests/support/pendings.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define TURNS 40
#define FLAPS 2000

static struct kreg *k;
static int mode;

void __real_bell_ring(uint32_t *bell);
void __wrap_bell_ring(uint32_t *bell);

void __wrap_bell_ring(uint32_t *bell)
{
	halt_here();
	__real_bell_ring(bell);
}

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "pending");
	halt_new();
}

START_TEST(a_name_that_another_process_registers_makes_the_fd_readable)
{
	char value[8];
	struct kreg_found found = { .value = value, .capacity = sizeof(value) };
	struct kreg_pending *pending;
	struct child other;

	open_mode(_i);
	other = start_other(mode);
	pending = await_name(k, "name");
	assert_waits(pending);
	ask(&other, REGISTER);
	ck_assert_int_eq(result_of(pending, &found), 0);
	ck_assert_int_eq(found.owner.pid, other.pid);
	ck_assert_int_eq(found.size, 2);
	ck_assert_mem_eq(value, "up", 2);
	/* It looks again, as often as it is asked. */
	ck_assert_int_eq(kreg_pending_result(pending, NULL), 0);
	kreg_pending_close(pending);
	/* What is there already. */
	assert_ends(await_name(k, "name"), 0);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(a_name_that_has_gone_before_the_result_is_waited_for_again)
{
	struct kreg_pending *pending;
	struct child other;
	int i;

	open_mode(_i);
	other = start_other(mode);
	pending = await_name(k, "name");
	/* Many times, as this is also how a name that comes and goes looks. */
	for (i = 0; i < TURNS; i++) {
		ask(&other, REGISTER);
		ck_assert(is_readable(kreg_pending_fd(pending), PATIENCE_MS));
		ask(&other, UNREGISTER);
		ck_assert(is_readable(kreg_pending_fd(pending), 0));
		ck_assert_int_eq(kreg_pending_result(pending, NULL), -EAGAIN);
		ck_assert(!is_readable(kreg_pending_fd(pending), 0));
	}
	ask(&other, REGISTER);
	assert_ends(pending, 0);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

/* Not by the attendant, which looks ten times a second. */
START_TEST(each_ring_is_heard_at_once)
{
	struct kreg_pending *there, *gone;
	uint64_t begin, ms;
	struct child other;
	int i;

	open_mode(_i);
	other = start_other(mode);
	there = await_name(k, "name");
	begin = clock_now();
	for (i = 0; i < TURNS; i++) {
		ask(&other, REGISTER);
		ck_assert_int_eq(result_of(there, NULL), 0);
		gone = await_gone(k, "name", NULL);
		assert_waits(gone);
		ask(&other, UNREGISTER);
		assert_ends(gone, 0);
		ck_assert_int_eq(kreg_pending_result(there, NULL), -EAGAIN);
	}
	ms = (clock_now() - begin) / 1000000;
	printf("# %d waits in %d ms\n", 2 * TURNS, (int)ms);
	/* A lost ring takes some 50 ms. */
	ck_assert_uint_lt(ms, 2 * TURNS * 25 * unit_slowness());
	kreg_pending_close(there);
	child_kill(&other);
	kreg_close(k);
}
END_TEST

START_TEST(each_kind_of_end_makes_the_fd_readable)
{
	struct kreg_pending *of_owner, *of_name;
	struct kreg_owner owner;
	struct child other;
	int end;

	open_mode(_i);
	for (end = REGISTER; end <= EXEC; end++) {
		/* Under the guard a name outlives exec, because the process does. */
		if (end == EXEC && mode == MODE_GUARD)
			continue;
		other = start_other(mode);
		ask(&other, REGISTER);
		ck_assert_int_eq(kreg_whereis(k, "name", KREG_STRING, &owner), 0);
		of_owner = await_gone(k, "name", &owner);
		of_name = await_gone(k, "name", NULL);
		assert_waits(of_owner);
		assert_waits(of_name);
		if (end == REGISTER)
			kill(other.pid, SIGKILL);
		else
			link_say(other.link, end);
		assert_ends(of_owner, 0);
		assert_ends(of_name, 0);
		child_kill(&other);
	}
	kreg_close(k);
}
END_TEST

/* Killed, stopped, or another program, between the change and its ring. */
START_TEST(a_wait_ends_although_the_changer_does_not_come_to_ring)
{
	struct kreg_pending *pending;
	struct child other;
	int how, is_there;

	open_mode(_i);
	for (how = HALT_KILL; how <= HALT_STOP; how++) {
		for (is_there = 0; is_there < 2; is_there++) {
			/* One that is killed takes its name with it. */
			if (!is_there && how == HALT_KILL)
				continue;
			other = start_other(mode);
			if (is_there)
				ask(&other, REGISTER);
			pending = is_there ? await_gone(k, "name", NULL) : await_name(k, "name");
			assert_waits(pending);
			ask(&other, HALT | how << 4);
			link_say(other.link, is_there ? UNREGISTER : REGISTER);
			ck_assert_uint_ne(halt_await(), 0);
			assert_ends(pending, 0);
			child_kill(&other);
			halt_new();
		}
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_turn_comes_when_the_holder_dies)
{
	struct kreg_pending *pending = NULL;
	struct child holder;

	open_mode(_i);
	ck_assert_int_eq(kreg_await_turn_begin(&pending, k, "name", KREG_STRING), 0);
	assert_ends(pending, -ENOENT);
	holder = start_other(mode);
	ask(&holder, REGISTER);
	ck_assert_int_eq(
		kreg_register_with(k, "name", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL),
		KREG_WAITING);
	ck_assert_int_eq(kreg_await_turn_begin(&pending, k, "name", KREG_STRING), 0);
	assert_waits(pending);
	child_kill(&holder);
	assert_ends(pending, 0);
	kreg_close(k);
}
END_TEST

static int lock_of(struct kreg_pending *pending, struct kreg_lock *lock)
{
	int got = -EAGAIN;

	while (got == -EAGAIN && is_readable(kreg_pending_fd(pending), PATIENCE_MS))
		got = kreg_pending_lock(pending, lock);
	return got;
}

START_TEST(a_lock_is_given_to_one_after_the_other)
{
	struct kreg_pending *first = NULL, *second = NULL, *third = NULL;
	struct kreg_lock lock, other;
	struct child holder;

	open_mode(_i);
	holder = start_other(mode);
	ask(&holder, LOCK);
	ck_assert_int_eq(kreg_lock_begin(&first, k, "lock", KREG_STRING), 0);
	ck_assert_int_eq(kreg_lock_begin(&second, k, "lock", KREG_STRING), 0);
	ck_assert_int_eq(kreg_lock_begin(&third, k, "lock", KREG_STRING), 0);
	ck_assert_int_eq(kreg_pending_lock(first, &lock), -EAGAIN);
	ck_assert(!is_readable(kreg_pending_fd(first), 0));
	ck_assert_int_eq(kreg_pending_result(first, NULL), -EINVAL);
	child_kill(&holder);
	ck_assert_int_eq(lock_of(first, &lock), 0);
	ck_assert_int_eq(kreg_pending_lock(first, &other), -EINVAL);
	ck_assert_int_eq(kreg_pending_lock(second, &other), -EAGAIN);
	/* What was given stays held; what waits leaves the line. */
	kreg_pending_close(first);
	kreg_pending_close(second);
	ck_assert_int_eq(kreg_pending_lock(third, &other), -EAGAIN);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert(is_readable(kreg_pending_fd(third), PATIENCE_MS));
	/* It is the first in line now, and holds the lock until it is closed. */
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &other), -ETIMEDOUT);
	kreg_pending_close(third);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &other), 0);
	ck_assert_int_eq(kreg_unlock(k, &other), 0);
	kreg_close(k);
}
END_TEST

/* Registers and unregisters "name" until it is killed. */
static int flap(int link, void *data)
{
	struct kreg *own = mode_open(mode, "pending");

	(void)data;
	link_say(link, 0);
	for (;;) {
		if (kreg_register(own, "name", KREG_STRING, NULL, 0, NULL) ||
		    kreg_unregister(own, "name", KREG_STRING) != 1)
			return 1;
	}
}

START_TEST(a_wait_is_closed_while_its_bell_rings)
{
	struct kreg_pending *pending;
	int fds = unit_entries("/proc/self/fd"), i, over = 0;
	struct child other;

	open_mode(_i);
	other = child_start_ready(flap, NULL);
	for (i = 0; i < FLAPS; i++) {
		pending = i % 2 ? await_name(k, "name") : await_gone(k, "name", NULL);
		if (i % 3)
			over += !kreg_pending_result(pending, NULL);
		kreg_pending_close(pending);
	}
	printf("# %d of %d were over\n", over, FLAPS);
	/* A name that comes and goes all the time is caught now and then. */
	assert_ends(await_name(k, "name"), 0);
	child_kill(&other);
	assert_ends(await_gone(k, "name", NULL), 0);
	kreg_close(k);
	ck_assert_int_eq(unit_entries("/proc/self/fd"), fds);
}
END_TEST

static int wait_for_both(int link, void *data)
{
	struct kreg_pending *name, *lock;

	(void)data;
	k = mode_open(mode, "pending");
	link_say(link, kreg_await_begin(&name, k, "name", KREG_STRING) ||
			       kreg_lock_begin(&lock, k, "lock", KREG_STRING));
	link_hear(link);
	return 0;
}

START_TEST(a_waiter_that_dies_leaves_nothing)
{
	struct kreg_pending *pending = NULL;
	struct kreg_lock lock;
	struct child waiter;

	open_mode(_i);
	waiter = child_start_ready(wait_for_both, NULL);
	ck_assert_int_eq(kreg_lock_begin(&pending, k, "lock", KREG_STRING), 0);
	ck_assert_int_eq(kreg_pending_lock(pending, &lock), -EAGAIN);
	child_kill(&waiter);
	ck_assert_int_eq(lock_of(pending, &lock), 0);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	kreg_pending_close(pending);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}
END_TEST

START_TEST(the_end_of_the_registry_ends_the_wait)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i));
	struct kreg_pending *pending;

	open_mode(_i);
	pending = await_name(k, "name");
	assert_waits(pending);
	ck_assert_int_eq(kreg_destroy("pending", &options, KREG_DESTROY_FORCE), 0);
	assert_ends(pending, -ESHUTDOWN);
	ck_assert_int_eq(kreg_await_begin(&pending, k, "name", KREG_STRING), -ESHUTDOWN);
	kreg_close(k);
}
END_TEST

struct told {
	int calls, result;
	pid_t pid;
};

static void note(const struct kreg_telemetry *event, void *data)
{
	struct told *told = data;

	if (event->type != KREG_TELEMETRY_AWAIT)
		return;
	told->calls++;
	told->result = event->result;
	told->pid = event->owner.pid;
}

START_TEST(services_are_waited_for_as_names_are)
{
	struct kreg_pending *pending = NULL;
	struct told told = { 0 };
	struct kreg_lock lock;

	open_mode(_i);
	ck_assert_int_eq(kreg_service_telemetry(k, note, &told), 0);
	ck_assert_int_eq(kreg_service_await_begin(&pending, k, "space", "role"), 0);
	assert_waits(pending);
	ck_assert_int_eq(told.calls, 0);
	ck_assert_int_eq(kreg_service_register(k, "space", "role", NULL, 0, NULL), 0);
	ck_assert_int_eq(result_of(pending, NULL), 0);
	ck_assert_int_eq(kreg_pending_result(pending, NULL), 0);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_int_eq(told.result, 0);
	ck_assert_int_eq(told.pid, getpid());
	kreg_pending_close(pending);
	ck_assert_int_eq(kreg_service_await_gone_begin(&pending, k, "space", "role", NULL), 0);
	assert_waits(pending);
	ck_assert_int_eq(kreg_service_unregister(k, "space", "role"), 1);
	assert_ends(pending, 0);
	ck_assert_int_eq(kreg_service_await_turn_begin(&pending, k, "space", "role"), 0);
	assert_ends(pending, -ENOENT);
	ck_assert_int_eq(kreg_service_lock_begin(&pending, k, "space", "role"), 0);
	ck_assert_int_eq(kreg_pending_lock(pending, &lock), 0);
	kreg_pending_close(pending);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert_int_eq(kreg_service_await_begin(&pending, k, "spa/ce", "role"), -EINVAL);
	kreg_close(k);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	KREG_OPTIONS(options, .flags = KREG_OPEN_READONLY);
	struct kreg_found no_room = { .capacity = 1 };
	struct kreg_pending *pending = NULL;
	struct kreg_owner nobody = { 0 };
	struct kreg_lock lock;
	struct kreg *reader;

	open_mode(_i);
	reader = mode_open_as(_i, "pending", &options);
	ck_assert_int_eq(kreg_await_begin(NULL, k, "a", 1), -EINVAL);
	ck_assert_int_eq(kreg_await_begin(&pending, NULL, "a", 1), -EINVAL);
	ck_assert_int_eq(kreg_await_begin(&pending, k, "", 0), -EINVAL);
	ck_assert_int_eq(kreg_await_begin(&pending, reader, "a", 1), -EROFS);
	ck_assert_int_eq(kreg_lock_begin(&pending, reader, "a", 1), -EROFS);
	ck_assert_int_eq(kreg_await_gone_begin(&pending, k, "a", 1, &nobody), -EINVAL);
	ck_assert_int_eq(kreg_pending_fd(NULL), -EINVAL);
	ck_assert_int_eq(kreg_pending_result(NULL, NULL), -EINVAL);
	kreg_pending_close(NULL);
	ck_assert_ptr_null(pending);
	pending = await_name(k, "a");
	ck_assert_int_eq(kreg_pending_result(pending, &no_room), -EINVAL);
	ck_assert_int_eq(kreg_pending_lock(pending, &lock), -EINVAL);
	kreg_pending_close(pending);
	pending = await_gone(k, "a", NULL);
	ck_assert_int_eq(kreg_pending_result(pending, &(struct kreg_found){ 0 }), -EINVAL);
	kreg_pending_close(pending);
	kreg_close(reader);
	kreg_close(k);
}
END_TEST

#ifdef HAVE_GUARD
/* By force, which ends all lives first. */
START_TEST(a_guard_that_is_stopped_ends_the_wait)
{
	struct guard_options guard = { .path = second_guard(), .seats = 16 };
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard());
	struct kreg_pending *pending;

	ck_assert_int_eq(guard_start(&guard), 0);
	ck_assert_int_eq(kreg_open(&k, "stopped", &options), 0);
	pending = await_name(k, "name");
	assert_waits(pending);
	ck_assert_int_eq(guard_stop(&guard, true), 0);
	assert_ends(pending, -EOWNERDEAD);
	kreg_close(k);
}
END_TEST
#endif

int main(void)
{
	const TTest *const both[] = {
		a_name_that_another_process_registers_makes_the_fd_readable,
		a_name_that_has_gone_before_the_result_is_waited_for_again,
		each_ring_is_heard_at_once,
		each_kind_of_end_makes_the_fd_readable,
		a_wait_ends_although_the_changer_does_not_come_to_ring,
		a_turn_comes_when_the_holder_dies,
		a_lock_is_given_to_one_after_the_other,
		a_wait_is_closed_while_its_bell_rings,
		a_waiter_that_dies_leaves_nothing,
		the_end_of_the_registry_ends_the_wait,
		services_are_waited_for_as_names_are,
		wrong_arguments_are_refused,
		NULL,
	};
	const TTest *const guard[] = {
#ifdef HAVE_GUARD
		a_guard_that_is_stopped_ends_the_wait,
#endif
		NULL,
	};

	return modes_run(suite_create("pending"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
