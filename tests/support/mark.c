/* SPDX-License-Identifier: MIT */
/*
 * No child of a test writes into the file that Check reads when the test has ended.
 *
 * Each ck_assert() that holds writes a message there. A test and its children share the file with its offset: what a
 * child writes while Check reads is taken for another message, and of a child that is killed in the middle of write(2)
 * the file keeps the part before the border of a page. Check then ends the whole program: "Bad message type". So
 * assertions that hold are noted by the test's own process alone. One that fails is still written by any.
 *
 * configure.ac has the linker put __wrap__mark_point() in the place of Check's function.
 */
#include <check.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/support/child.h"

void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

/* 0: Check's own process; 1: a test; more: its children. */
static int forks;

static pid_t parent;

static void note_parent(void)
{
	parent = getpid();
}

/* A test ends with Check's process, also when that is killed; the test's children end with it (child.c). */
static void count_fork(void)
{
	if (++forks == 1)
		child_ends_with(parent);
}

static void __attribute__((constructor)) count_forks(void)
{
	pthread_atfork(note_parent, NULL, count_fork);
}

void __wrap__mark_point(const char *file, int line)
{
	if (forks <= 1)
		__real__mark_point(file, line);
}
