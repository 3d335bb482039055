/* SPDX-License-Identifier: MIT */
/*
 * The child is single-stepped by ptrace(2). A system call is one step.
 */
#include "tests/support/trace.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"

static void call_exec(int signal)
{
	sigset_t none;

	(void)signal;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	_exit(1);
}

void exec_at_will(void)
{
	signal(SIGUSR1, call_exec);
}

static void wait_for_stop(const struct child *child)
{
	int status;

	do {
		unit_assert(waitpid(child->pid, &status, __WALL) == child->pid);
	} while (!WIFSTOPPED(status) && !WIFEXITED(status) && !WIFSIGNALED(status));
	if (!WIFSTOPPED(status))
		ck_abort_msg("it has ended with status %#x", status);
}

static bool has_said(const struct child *child)
{
	struct pollfd at = { .fd = child->link, .events = POLLIN };

	return poll(&at, 1, 0) == 1;
}

static bool step_until(struct child *child, bool (*is_there)(void *data), void *data)
{
	do {
		/* Its next system call would be one that it sleeps in. */
		if (has_said(child)) {
			ptrace(PTRACE_DETACH, child->pid, NULL, NULL);
			return false;
		}
		unit_assert(!ptrace(PTRACE_SINGLESTEP, child->pid, NULL, NULL));
		wait_for_stop(child);
	} while (!is_there(data));
	return true;
}

/* On one processor a step is no more than a switch from the one to the other. */
bool trace_until(struct child *child, int64_t order, bool (*is_there)(void *data), void *data)
{
	cpu_set_t before, one;
	bool there;

	ck_assert_int_eq(ptrace(PTRACE_SEIZE, child->pid, NULL, NULL), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, child->pid, NULL, NULL), 0);
	wait_for_stop(child);
	link_say(child->link, order);
	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	sched_setaffinity(child->pid, sizeof(one), &one);
	there = step_until(child, is_there, data);
	sched_setaffinity(child->pid, sizeof(before), &before);
	sched_setaffinity(0, sizeof(before), &before);
	return there;
}

void trace_end(struct child *child, enum trace_end end)
{
	switch (end) {
	case TRACE_KILL:
		child_kill_by_pidfd(child);
		break;
	case TRACE_EXEC:
		ptrace(PTRACE_DETACH, child->pid, NULL, SIGUSR1);
		/* Its end of the link is closed by exec. */
		ck_assert_int_eq(link_hear(child->link), INT64_MIN);
		break;
	default:
		ptrace(PTRACE_DETACH, child->pid, NULL, NULL);
	}
}
