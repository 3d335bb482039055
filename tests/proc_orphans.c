/* SPDX-License-Identifier: MIT */
/*
 * The tests' own clean-up: a case that fails, or is killed, leaves no process that bars the next
 * case, although nothing ends what it has started: services that are kept without their
 * supervisor, in both modes, a process of them that has left their session, their minders,
 * foster parents and watchers.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/journal.h"
#include "tests/support/unit.h"

static const char *pids_path; /* of the file to which the cases within write pids */

/* The registry of all cases within, as it is when none of them has left anything. */
static void leave_services(int mode)
{
	struct kreg *k = mode_open(mode, "orphans");
	static struct journal journal;
	char script[512];
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const KREG_START(leaving, .argv = argv, .ready = KREG_READY_FD, .ready_fd = 9);
	const struct kreg_supervised services[] = { SERVICE("a", leaving) };
	KREG_SUPERVISION(what, .services = services, .count = 1, .flags = KREG_SUPERVISE_KEEP);

	snprintf(script, sizeof(script),
		 "setsid sleep 100000 & echo $! $$ >>%s; echo >&9; exec sleep 100000", pids_path);
	journal_init(&journal, k);
	ck_assert_int_eq(journal_services(k), 0);
	journal_supervise(&journal, &what, "+a1 ");
}

START_TEST(fails)
{
	leave_services(_i);
	ck_abort_msg("on purpose");
}
END_TEST

START_TEST(is_killed)
{
	leave_services(_i);
	kill(getpid(), SIGKILL);
}
END_TEST

static int run_within(const char *path)
{
	const TTest *const both[] = { fails, is_killed, NULL };

	pids_path = path;
	return modes_run(suite_create("within"), tcase_create("within"), both, NULL, NULL);
}

/* The program once more, with its output in a file. */
static int be_within(int link, void *path)
{
	static const char *const unset[] = { "CK_RUN_SUITE", "CK_RUN_CASE", "CK_FORK",
					     "CK_TAP_LOG_FILE_NAME", NULL };
	char output[TMP_PATH];
	int i, fd;

	(void)link;
	snprintf(output, sizeof(output), "%s/output", tmp_directory());
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return 98;
	for (i = 0; unset[i]; i++)
		unsetenv(unset[i]);
	setenv("CK_VERBOSITY", "normal", 1);
	execl(PROGRAM, "program", "within", (char *)path, NULL);
	return 99;
}

static void read_output(char *text, size_t size)
{
	char path[TMP_PATH];
	FILE *in;

	snprintf(path, sizeof(path), "%s/output", tmp_directory());
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	text[fread(text, 1, size - 1, in)] = 0;
	fclose(in);
}

static int count_alive(const char *path, int *left)
{
	FILE *in = fopen(path, "r");
	struct process process;
	int count = 0, pid;

	ck_assert_ptr_nonnull(in);
	*left = 0;
	for (; fscanf(in, "%d", &pid) == 1; count++)
		*left += process_read(pid, &process);
	fclose(in);
	return count;
}

START_TEST(cases_that_fail_or_are_killed_leave_no_process)
{
	int checks = 0, failures = 0, errors = 0, left, status;
	char path[TMP_PATH], text[8192];
	struct child child;
	const char *sum;

	snprintf(path, sizeof(path), "%s/pids", tmp_directory());
	child = child_start(be_within, path);
	status = child_end(&child);
	read_output(text, sizeof(text));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x: %s", status, text);
	sum = strstr(text, "Checks: ");
	ck_assert_ptr_nonnull(sum);
	ck_assert_int_eq(
		sscanf(sum, "Checks: %d, Failures: %d, Errors: %d", &checks, &failures, &errors),
		3);
	/* Each case has started its services, and has not failed at those of the one before it. */
	ck_assert_msg(checks && failures == checks / 2 && errors == checks / 2, "%s", text);
	ck_assert_msg(count_alive(path, &left) == 2 * checks, "%s", text);
	ck_assert_msg(!left, "%d are left: %s", left, text);
	for (sum = text; failures && (sum = strstr(sum, "on purpose")); sum++)
		failures--;
	ck_assert_msg(!failures, "%s", text);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = { cases_that_fail_or_are_killed_leave_no_process, NULL };

	if (argc > 2 && !strcmp(argv[1], "within"))
		return run_within(argv[2]);
	program_run(argc, argv);
	return unit_run("orphans", NULL, NULL, tests);
}
