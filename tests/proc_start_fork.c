/* SPDX-License-Identifier: MIT */
/*
 * Starting while another thread of the starter forks: its child has a copy of each fd that the start has open just then,
 * close-on-exec or not, for as long as it lives. Neither the starter nor what it has started waits for the end of that.
 *
 * The child is forked at the worst moment, by functions of the library that this program wraps.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "lib/inner.h"
#include "base/fd.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"

#define ARGV(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		PROGRAM, __VA_ARGS__, NULL                                                         \
	}
/* A start takes milliseconds: this is only met by one that waits for the end of a child that never ends. */
#define FOR_EVER_MS 20000

int real_pair(int type, int *ends) __asm__("__real_fd_socket_pair");
int wrapped_pair(int type, int *ends) __asm__("__wrap_fd_socket_pair");
int real_reserve(struct reservation *r, uint64_t owner,
		 uint64_t watcher) __asm__("__real_kreg_inner_reserve");
int wrapped_reserve(struct reservation *r, uint64_t owner,
		    uint64_t watcher) __asm__("__wrap_kreg_inner_reserve");

static pid_t starter;       /* all others leave the wrapped functions as they are */
static bool dies_before_go; /* the starter does */
static pid_t *bystander;    /* shared: the child that is forked meanwhile; 0: not yet */

static void __attribute__((noreturn)) stand_by(pid_t until)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != until)
		_exit(1);
	for (;;)
		pause();
}

/* The link of the start: the first pair that the starter makes. */
int wrapped_pair(int type, int *ends)
{
	int err = real_pair(type, ends);
	pid_t child;

	if (err || getpid() != starter || *bystander)
		return err;
	child = fork();
	if (child == 0 && dies_before_go)
		pause();
	if (child == 0)
		stand_by(starter);
	*bystander = child;
	return child < 0 ? -errno : 0;
}

int wrapped_reserve(struct reservation *r, uint64_t owner, uint64_t watcher)
{
	if (dies_before_go && getpid() == starter)
		kill(starter, SIGKILL);
	return real_reserve(r, owner, watcher);
}

static void end_bystander(void)
{
	ck_assert_int_gt(*bystander, 0);
	kill(*bystander, SIGKILL);
	while (waitpid(*bystander, NULL, 0) < 0 && errno == EINTR)
		;
	*bystander = 0;
}

START_TEST(a_start_does_not_wait_for_a_child_that_is_forked_meanwhile)
{
	KREG_START(how, .argv = ARGV("sleep"), .timeout_ms = FOR_EVER_MS);
	KREG_START(nowhere, .argv = ARGV("sleep"), .timeout_ms = FOR_EVER_MS,
		   .directory = "/nowhere");
	KREG_START(later, .argv = ARGV("notify", "READY=1"), .timeout_ms = FOR_EVER_MS,
		   .ready = KREG_READY_NOTIFY);
	const struct kreg_start *const works[] = { &how, &later };
	struct kreg *k = mode_open(_i, "start_fork");
	struct kreg_started started = { .size = sizeof(started) };
	size_t i;

	bystander = child_shared(sizeof(*bystander));
	starter = getpid();
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(kreg_start(k, "x", KREG_STRING, works[i], &started), 0);
		ck_assert_int_eq(kreg_lookup(k, "x", KREG_STRING, NULL, 0, NULL), 0);
		kill(started.owner.pid, SIGKILL);
		ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
		end_bystander();
	}
	/* A failure before exec is reported as ever. */
	ck_assert_int_eq(kreg_start(k, "x", KREG_STRING, &nowhere, &started), -ENOEXEC);
	ck_assert_int_eq(started.exec_error, -ENOENT);
	ck_assert_uint_eq(started.exec_step, KREG_EXEC_DIRECTORY);
	end_bystander();
	kreg_close(k);
}
END_TEST

static void __attribute__((noreturn)) die_in_a_start(int mode)
{
	struct kreg *k = mode_open(mode, "start_fork");
	KREG_START(how, .argv = ARGV("sleep"));

	starter = getpid();
	dies_before_go = true;
	_exit(kreg_start(k, "x", KREG_STRING, &how, NULL) != 0);
}

/* Reaps those that have ended. */
static bool has_only_this_child(pid_t child)
{
	char name[64], children[256] = "", only[16];
	FILE *file;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	snprintf(name, sizeof(name), "/proc/self/task/%d/children", getpid());
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	if (!fgets(children, sizeof(children), file))
		*children = 0;
	fclose(file);
	snprintf(only, sizeof(only), "%d ", child);
	return !strcmp(children, only);
}

START_TEST(the_child_of_a_starter_that_dies_does_not_wait_for_one_that_is_forked_meanwhile)
{
	pid_t died;
	int status;

	bystander = child_shared(sizeof(*bystander));
	/* What it leaves are children of this process. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	died = fork();
	if (died == 0)
		die_in_a_start(_i);
	ck_assert_int_eq(waitpid(died, &status, 0), died);
	ck_assert(WIFSIGNALED(status));
	while (!has_only_this_child(*bystander))
		sched_yield();
	end_bystander();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_start_does_not_wait_for_a_child_that_is_forked_meanwhile,
		the_child_of_a_starter_that_dies_does_not_wait_for_one_that_is_forked_meanwhile,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("start_fork"), tcase_create("both"), both, NULL, NULL);
}
