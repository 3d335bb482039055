/* SPDX-License-Identifier: MIT */
/*
 * What a start costs beyond the program's exec: bounds on the copies of the starter's memory, each of which takes as
 * long as a posix_spawn() even of a small process, and on the system calls of all processes.
 */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tests/support/guard.h"
#include "tests/support/traced_tree.h"
#include "tests/support/unit.h"

#define TRIES 5
/* What another C library may need beyond what is made here. */
#define SPARE 3

/* The program is ready when exec has worked. */
static int start_one(void *data)
{
	static const char *const argv[] = { "/bin/sleep", "1000", NULL };
	struct kreg *k = mode_open(*(int *)data, "start_cost");
	struct kreg_started started = { .size = sizeof(started) };
	KREG_START(how, .argv = argv);
	int err;

	raise(SIGUSR1);
	err = kreg_start(k, "started", KREG_STRING, &how, &started);
	raise(SIGUSR2);
	if (err)
		return err;
	kill(started.owner.pid, SIGKILL);
	return waitpid(started.child, NULL, 0) == started.child ? 0 : -1;
}

/* A wait for another process makes one call or more. */
static void count(struct traced_tree *least, int mode)
{
	struct traced_tree now;
	int i;

	least->calls = INT_MAX;
	for (i = 0; i < TRIES; i++) {
		traced_tree(&now, start_one, &mode);
		if (now.calls < least->calls)
			*least = now;
	}
}

START_TEST(copies_of_the_starters_memory)
{
	/* Of the foster parent, and of its watcher. */
	static const int copies[MODES] = { [MODE_FALLBACK] = 2, [MODE_GUARD] = 1 };
	static const int shared[MODES] = { [MODE_FALLBACK] = 1 };
	struct traced_tree tree;

	count(&tree, _i);
	ck_assert_int_eq(tree.copies, copies[_i]);
	ck_assert_int_eq(tree.shared, shared[_i]);
}
END_TEST

START_TEST(system_calls_until_the_program_runs)
{
	static const int most[MODES] = { [MODE_FALLBACK] = 117, [MODE_GUARD] = 87 };
	struct traced_tree tree;

	count(&tree, _i);
	ck_assert_int_le(tree.calls, most[_i] + SPARE);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		copies_of_the_starters_memory,
		system_calls_until_the_program_runs,
		NULL,
	};
	const TTest *const none[] = { NULL };

	/* A sanitizer's own calls would be counted as well. */
	return modes_run(suite_create("start_cost"), tcase_create("both"),
			 UNIT_IS_SANITIZED ? none : both, NULL, NULL);
}
