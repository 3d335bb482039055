/* SPDX-License-Identifier: MIT */
/*
 * The environment that a process was started with: what it says is known while the process calls
 * exec as well, where the kernel shows none for a moment.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/started_with.h"
#include "tests/support/unit.h"

static const char *const named[] = { "KREG_NAMESPACE=shop", "KREG_ROLE=web", NULL };
static const char *const nothing[] = { NULL };

static pid_t start(const char *const *argv, const char *const *environment)
{
	pid_t child = fork();

	if (!child) {
		execve(argv[0], (char *const *)(uintptr_t)argv,
		       (char *const *)(uintptr_t)environment);
		_exit(127);
	}
	ck_assert_int_gt(child, 0);
	return child;
}

static void end(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static bool is_named(pid_t pid)
{
	struct started_with environment;
	bool is_its;

	started_with_read(&environment, pid);
	is_its = started_with_names(&environment, "shop", "web");
	started_with_free(&environment);
	return is_its;
}

START_TEST(a_process_has_its_environment_at_each_moment_of_exec)
{
	static const char *const again[] = { "/bin/sh", "-c", "exec /bin/sh -c \"$AGAIN\"", NULL };
	static const char *const environment[] = { "AGAIN=exec /bin/sh -c \"$AGAIN\"",
						   "KREG_NAMESPACE=shop", "KREG_ROLE=web", NULL };
	pid_t child = start(again, environment);
	unsigned int looks = unit_many("KREG_LOOKS", 20000) / unit_slowness(), i;

	while (!is_named(child))
		;
	for (i = 0; i < looks; i++)
		unit_assert(is_named(child));
	end(child);
}
END_TEST

START_TEST(a_process_without_environment_is_known_to_have_none)
{
	static const char *const argv[] = { "/bin/sleep", "100000", NULL };
	struct started_with environment;
	int at_exec[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe2(at_exec, O_CLOEXEC), 0);
	child = start(argv, nothing);
	close(at_exec[1]);
	ck_assert_int_eq(read(at_exec[0], &byte, 1), 0);
	close(at_exec[0]);
	started_with_read(&environment, child);
	ck_assert_uint_eq(environment.size, 0);
	started_with_free(&environment);
	end(child);
}
END_TEST

START_TEST(a_process_that_has_ended_has_none)
{
	static const char *const argv[] = { "/bin/true", NULL };
	pid_t child = start(argv, named);
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert(!is_named(child));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(!is_named(child));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_process_has_its_environment_at_each_moment_of_exec,
		a_process_without_environment_is_known_to_have_none,
		a_process_that_has_ended_has_none,
		NULL,
	};

	return unit_run("started_with", NULL, NULL, tests);
}
