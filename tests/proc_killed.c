/* SPDX-License-Identifier: MIT */
/*
 * A test killed with SIGKILL leaves nothing behind: its processes end with it, and the
 * next run removes its folder, its pins and what it started; never those of a run that is
 * alive.
 *
 *     proc_killed hold FD    a test that writes a line to FD and then waits for its end
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"

static int ready;

static int hold_a_name(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "killed");
	int err = kreg_register(k, "name", KREG_STRING, "value", 5, NULL);

	link_say(link, err);
	link_hear(link);
	return 0;
}

START_TEST(hold)
{
	child_start_ready(hold_a_name, &_i);
	ck_assert_int_gt(dprintf(ready, "up\n"), 0);
	for (;;)
		pause();
}
END_TEST

static int run_to_be_killed(const char *fd)
{
	const TTest *const both[] = { hold, NULL };

	ready = atoi(fd);
	return modes_run(suite_create("killed"), tcase_create("both"), both, NULL, NULL);
}

/*
 * A test program that is to be killed. Its name is kept because the PID of a dead process
 * no longer leads to it.
 */
struct run {
	pid_t pid;
	int output;
	char name[TMP_NAME];
};

static bool run_has(const struct run *run, const char *folder)
{
	char path[TMP_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, run->name);
	return !lstat(path, &st);
}

/* Starts @argv with one end of a pipe as fd 3, and waits until a line arrives there. */
static struct run run_start(const char *const argv[])
{
	struct run run;
	char line[3];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	run.pid = fork();
	ck_assert_int_ge(run.pid, 0);
	if (!run.pid) {
		close(ends[0]);
		if (ends[1] != 3) {
			dup2(ends[1], 3);
			close(ends[1]);
		}
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	run.output = ends[0];
	ck_assert_int_eq(read(run.output, line, sizeof(line)), sizeof(line));
	tmp_name_of(run.pid, run.name);
	return run;
}

/* Returns when all processes of the run that have the pipe are dead. */
static void run_kill(struct run *run)
{
	int status;
	char end;

	kill(run->pid, SIGKILL);
	ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
	ck_assert_int_eq(read(run->output, &end, 1), 0);
	close(run->output);
}

START_TEST(a_killed_test_leaves_nothing_for_the_next_one)
{
	const char *const argv[] = { PROGRAM, "hold", "3", NULL };
	struct run killed = run_start(argv), other = run_start(argv);

	ck_assert(run_has(&killed, "/dev/shm"));
	/* A program has its guard also for the tests of the fallback. */
	ck_assert(_i == MODE_FALLBACK || run_has(&killed, "/sys/fs/bpf"));
	run_kill(&killed);
	/* Unless a test that began just now has done it. */
	tmp_remove_dead();
	ck_assert(!run_has(&killed, "/dev/shm"));
	ck_assert(!run_has(&killed, "/sys/fs/bpf"));
	ck_assert(run_has(&other, "/dev/shm"));
	ck_assert(_i == MODE_FALLBACK || run_has(&other, "/sys/fs/bpf"));
	ck_assert_int_eq(access(tmp_directory(), F_OK), 0);
	run_kill(&other);
	tmp_remove_dead();
	ck_assert(!run_has(&other, "/dev/shm"));
}
END_TEST

/* Without timeout(1) around it, the script is the process that is started here. */
static const char script[] = ". \"$TOP_SRCDIR/tests/support/cli.sh\"\n"
			     "sh -c 'echo up >&3; exec sleep 1000' &\n"
			     "wait\n";

START_TEST(a_killed_script_leaves_nothing_and_its_programs_are_dead)
{
	char file[TMP_PATH];
	const char *const argv[] = { "sh", file, NULL };
	struct run killed;
	FILE *out;

	if (!getenv("TOP_SRCDIR") || !getenv("REGTOOL"))
		return;
	snprintf(file, sizeof(file), "%s/script", tmp_directory());
	out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	fputs(script, out);
	ck_assert_int_eq(fclose(out), 0);
	setenv("KREG_TEST_LIMITED", "1", 1);
	killed = run_start(argv);
	ck_assert(run_has(&killed, "/dev/shm"));
	kill(killed.pid, SIGKILL);
	ck_assert_int_eq(waitpid(killed.pid, NULL, 0), killed.pid);
	tmp_remove_dead();
	ck_assert(!run_has(&killed, "/dev/shm"));
	/* Its program had the pipe. */
	ck_assert_int_eq(read(killed.output, file, 1), 0);
	close(killed.output);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = { a_killed_test_leaves_nothing_for_the_next_one,
				       a_killed_script_leaves_nothing_and_its_programs_are_dead,
				       NULL };

	if (argc == 3 && !strcmp(argv[1], "hold"))
		return run_to_be_killed(argv[2]);
	return modes_run(suite_create("killed"), tcase_create("tests"), tests, NULL, NULL);
}
