/* SPDX-License-Identifier: MIT */
#include "tests/support/traced_tree.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"

#define AT_SYSTEM_CALL (SIGTRAP | 0x80)
#define TRACED_MAX 16

struct traced {
	pid_t pid;
	bool is_inside; /* of a system call */
	bool is_over;   /* it runs another program, or waits for one that shares its memory */
};

struct tracing {
	struct traced_tree *out;
	struct traced at[TRACED_MAX];
	int count;
	bool has_begun;
};

static struct traced *traced_of(struct tracing *t, pid_t pid)
{
	int i;

	for (i = 0; i < t->count; i++) {
		if (t->at[i].pid == pid)
			return &t->at[i];
	}
	ck_assert_int_lt(t->count, TRACED_MAX);
	t->at[t->count] = (struct traced){ .pid = pid };
	return &t->at[t->count++];
}

static void note_event(struct tracing *t, struct traced *traced, int event)
{
	if (t->has_begun && event == PTRACE_EVENT_FORK)
		t->out->copies++;
	if (t->has_begun && event == PTRACE_EVENT_VFORK)
		t->out->shared++;
	if (event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_EXEC)
		traced->is_over = true;
}

/* Returns the signal that the process is to get. */
static int note_stop(struct tracing *t, struct traced *traced, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (event) {
		note_event(t, traced, event);
		return 0;
	}
	if (signal == AT_SYSTEM_CALL) {
		traced->is_inside = !traced->is_inside;
		t->out->calls += t->has_begun && traced->is_inside && !traced->is_over;
		return 0;
	}
	if (signal == SIGUSR1 || signal == SIGUSR2) {
		t->has_begun = signal == SIGUSR1;
		return 0;
	}
	/* A new process stops once before it runs. */
	return signal == SIGSTOP ? 0 : signal;
}

static pid_t begin(int (*body)(void *data), void *data)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	pid_t parent = getpid(), pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		child_ends_with(parent);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(body(data) != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, options), 0);
	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	return pid;
}

static void end_rest(const struct tracing *t)
{
	int i;

	for (i = 0; i < t->count; i++)
		kill(t->at[i].pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
}

void traced_tree(struct traced_tree *out, int (*body)(void *data), void *data)
{
	struct tracing t = { .out = out };
	pid_t first = begin(body, data), pid;
	int status = 0, signal;

	*out = (struct traced_tree){ 0 };
	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		ck_assert_int_gt(pid, 0);
		if (pid == first && !WIFSTOPPED(status))
			break;
		if (!WIFSTOPPED(status))
			continue;
		signal = note_stop(&t, traced_of(&t, pid), status);
		/* It may have been killed since. */
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
	end_rest(&t);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
