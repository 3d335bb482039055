/* SPDX-License-Identifier: MIT */
/*
 * Signals to a number that may be no pid: a call that was refused has returned -1, and memory that
 * others write may hold anything. Tried with signal 0, which nobody gets.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/support/unit.h"

START_TEST(what_is_no_pid_is_not_every_process)
{
	static const pid_t numbers[] = { 0, -1, -2, INT_MIN };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		ck_assert_int_eq(process_signal(numbers[i], 0), -ESRCH);
		ck_assert_int_eq(process_signal_group(numbers[i], 0), -ESRCH);
	}
	ck_assert_int_eq(process_signal_group(1, 0), -ESRCH);
	ck_assert_int_eq(process_signal(process_pid(), 0), 0);
}
END_TEST

START_TEST(a_signal_reaches_the_process_or_the_group_that_it_leads)
{
	pid_t leader = fork(), other;
	int status;

	ck_assert_int_ge(leader, 0);
	if (!leader)
		for (;;)
			pause();
	ck_assert_int_eq(setpgid(leader, leader), 0);
	other = fork();
	ck_assert_int_ge(other, 0);
	if (!other)
		for (;;)
			pause();
	ck_assert_int_eq(setpgid(other, leader), 0);
	ck_assert_int_eq(process_signal(leader, SIGUSR1), 0);
	ck_assert_int_eq(waitpid(leader, &status, 0), leader);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	ck_assert_int_eq(process_signal(leader, 0), -ESRCH);
	ck_assert_int_eq(process_signal(other, 0), 0);
	ck_assert_int_eq(process_signal_group(leader, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(process_signal_group(leader, 0), -ESRCH);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_no_pid_is_not_every_process,
		a_signal_reaches_the_process_or_the_group_that_it_leads,
		NULL,
	};

	return unit_run("process", NULL, NULL, tests);
}
