/* SPDX-License-Identifier: MIT */
/*
 * Every process that asks learns how an owner ended, as its parent does by waitpid(), and
 * listeners learn it by the purge event; or they learn that it is unknown, but never something
 * else.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/support/child.h"
#include "tests/support/events.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

static struct kreg *k;
static struct kreg_listener *listener;
static int mode;

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "end");
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
}

static void close_mode(void)
{
	kreg_listener_close(listener);
	kreg_close(k);
}

/* ---- ways to end */

static void by_exit(void)
{
	_exit(3);
}

static void by_exit_with_0(void)
{
	_exit(0);
}

static void by_kill(void)
{
	raise(SIGKILL);
}

static void by_fault(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

/* With a core, if the host writes it to a file here. */
static void by_dump(void)
{
	const struct rlimit small = { 1 << 20, 1 << 20 };

	if (chdir(tmp_directory()) || setrlimit(RLIMIT_CORE, &small))
		_exit(1);
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
}

static void by_exit_of_next_program(void)
{
	execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
}

static void *exit_of_process(void *unused)
{
	(void)unused;
	_exit(7);
}

/* The whole process ends, by another thread than its first. */
static void by_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_of_process, NULL);
	for (;;)
		pause();
}

/* Ends this thread alone, without the C library, which would make the last one exit with 0. */
static void __attribute__((noreturn)) thread_exit(int status)
{
	for (;;)
		syscall(SYS_exit, status);
}

static void *exit_after_leader(void *unused)
{
	struct process leader;

	(void)unused;
	while (process_read(getpid(), &leader) && leader.state != 'Z')
		sched_yield();
	thread_exit(9);
}

/*
 * The last thread that ends is not the first one. Newer kernels make its status that of the
 * process, older ones the status of the first one.
 */
static void by_last_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_after_leader, NULL);
	thread_exit(11);
}

static void (*const ways[])(void) = {
	by_exit, by_exit_with_0,          by_kill,   by_fault,
	by_dump, by_exit_of_next_program, by_thread, by_last_thread,
};

/* Without the last way in the fallback, where the library has a thread of its own. */
static size_t ways_of_mode(void)
{
	return sizeof(ways) / sizeof(ways[0]) - (mode == MODE_FALLBACK);
}

/* ---- tests */

static int hold(int link, void *data)
{
	void (*const *end)(void) = data;
	struct kreg *own = mode_open(mode, "end");

	link_say(link, kreg_register(own, "name", KREG_STRING, NULL, 0, NULL));
	while (link_hear(link))
		link_say(link, kreg_unregister(own, "name", KREG_STRING));
	(*end)();
	return 1;
}

static struct child start(const void *end, struct kreg_owner *owner)
{
	struct child child = child_start_ready(hold, (void *)(uintptr_t)end);

	ck_assert_int_eq(event_wait(listener).type, KREG_EVENT_REGISTER);
	ck_assert_int_eq(kreg_whereis(k, "name", KREG_STRING, owner), 0);
	ck_assert_int_eq(owner->pid, child.pid);
	return child;
}

/* The other process ends; returns its wait status. */
static int end(struct child *child)
{
	int status;

	link_say(child->link, 0);
	ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
	close(child->link);
	return status;
}

/* Whether @end is @status of waitpid(), or in the fallback that it is unknown. */
static void check_end(const struct kreg_end *end, int status)
{
	if (mode == MODE_FALLBACK) {
		ck_assert_int_eq(end->code, KREG_END_UNKNOWN);
		ck_assert_int_eq(end->status, 0);
	} else if (WIFEXITED(status)) {
		ck_assert_int_eq(end->code, KREG_END_EXITED);
		ck_assert_int_eq(end->status, WEXITSTATUS(status));
	} else {
		ck_assert_int_eq(end->code, WCOREDUMP(status) ? KREG_END_DUMPED : KREG_END_KILLED);
		ck_assert_int_eq(end->status, WTERMSIG(status));
	}
}

START_TEST(an_end_is_reported_as_the_parent_learns_it)
{
	struct kreg_owner owner;
	struct kreg_event event;
	struct kreg_end told;
	struct child child;
	size_t i;
	int status;

	open_mode(_i);
	for (i = 0; i < ways_of_mode(); i++) {
		child = start(&ways[i], &owner);
		ck_assert_int_eq(kreg_owner_end(k, &owner, &told), -EBUSY);
		status = end(&child);
		ck_assert_int_eq(kreg_owner_end(k, &owner, &told), 0);
		check_end(&told, status);
		event = event_wait(listener);
		ck_assert_int_eq(event.type, KREG_EVENT_PURGE);
		check_end(&event.end, status);
	}
	close_mode();
}
END_TEST

static int await_and_tell(int link, void *data)
{
	struct kreg *own = mode_open(mode, "end");
	struct kreg_owner owner;
	struct kreg_end told = { 0 };
	int err = kreg_whereis(own, "name", KREG_STRING, &owner);

	(void)data;
	link_say(link, err);
	if (!err)
		err = kreg_await_gone(own, "name", KREG_STRING, &owner, -1);
	if (!err)
		err = kreg_owner_end(own, &owner, &told);
	link_say(link, err);
	link_say(link, told.code);
	link_say(link, told.status);
	kreg_close(own);
	return 0;
}

START_TEST(a_waiter_that_is_no_parent_learns_it_too)
{
	struct child child, waiter;
	struct kreg_owner owner;
	struct kreg_end told;
	int status;

	open_mode(_i);
	child = start(&ways[0], &owner);
	waiter = child_start_ready(await_and_tell, NULL);
	status = end(&child);
	ck_assert_int_eq(link_hear(waiter.link), 0);
	told.code = (int32_t)link_hear(waiter.link);
	told.status = (int32_t)link_hear(waiter.link);
	check_end(&told, status);
	ck_assert_int_eq(child_end(&waiter), 0);
	close_mode();
}
END_TEST

START_TEST(an_owner_that_gives_its_name_up_has_no_end)
{
	struct kreg_owner owner;
	struct kreg_event event;
	struct kreg_end told;
	struct child child;

	open_mode(_i);
	child = start(&ways[0], &owner);
	ck_assert_int_eq(child_ask(&child, 1), 1);
	event = event_wait(listener);
	ck_assert_int_eq(event.type, KREG_EVENT_UNREGISTER);
	ck_assert_int_eq(event.end.code, KREG_END_UNKNOWN);
	ck_assert_int_eq(kreg_await_gone(k, "name", KREG_STRING, &owner, -1), 0);
	ck_assert_int_eq(kreg_owner_end(k, &owner, &told), -EBUSY);
	end(&child);
	close_mode();
}
END_TEST

START_TEST(an_end_is_known_until_the_second_later_one_of_its_seat)
{
	struct kreg_owner owners[3];
	struct kreg_end told;
	struct child child;
	int i, statuses[3];

	open_mode(MODE_GUARD);
	for (i = 0; i < 3; i++) {
		child = start(&ways[i], &owners[i]);
		statuses[i] = end(&child);
		ck_assert_int_eq(event_wait(listener).type, KREG_EVENT_PURGE);
		/* All three have had the same seat, whose number is in the token. */
		ck_assert_uint_eq(owners[i].token & 0xffff, owners[0].token & 0xffff);
	}
	ck_assert_int_eq(kreg_owner_end(k, &owners[0], &told), 0);
	ck_assert_int_eq(told.code, KREG_END_UNKNOWN);
	for (i = 1; i < 3; i++) {
		ck_assert_int_eq(kreg_owner_end(k, &owners[i], &told), 0);
		check_end(&told, statuses[i]);
	}
	close_mode();
}
END_TEST

START_TEST(an_argument_that_names_no_owner_is_refused)
{
	struct kreg_owner none = { 0 }, self;
	struct kreg_end told;

	open_mode(_i);
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_owner_end(k, &none, &told), -EINVAL);
	ck_assert_int_eq(kreg_owner_end(k, NULL, &told), -EINVAL);
	ck_assert_int_eq(kreg_owner_end(k, &self, NULL), -EINVAL);
	ck_assert_int_eq(kreg_owner_end(NULL, &self, &told), -EINVAL);
	ck_assert_int_eq(kreg_owner_end(k, &self, &told), -EBUSY);
	close_mode();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		an_end_is_reported_as_the_parent_learns_it,
		a_waiter_that_is_no_parent_learns_it_too,
		an_owner_that_gives_its_name_up_has_no_end,
		an_argument_that_names_no_owner_is_refused,
		NULL,
	};
	const TTest *const guard[] = {
		an_end_is_known_until_the_second_later_one_of_its_seat,
		NULL,
	};

	return modes_run(suite_create("owner_end"), tcase_create("both"), both,
			 tcase_create("guard"), guard);
}
