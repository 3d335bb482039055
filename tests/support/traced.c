/* SPDX-License-Identifier: MIT */
#include "tests/support/traced.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"

#define AT_SYSTEM_CALL (SIGTRAP | 0x80)

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

/* Goes on to the next stop. False: it has ended. */
static bool next_stop(pid_t pid, int *signal)
{
	int status;

	/* Nothing but our own stops reaches it. */
	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	status = wait_for(pid);
	*signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	return WIFSTOPPED(status);
}

/* Up to its n-th system call. What there are, if it has fewer, with that of its end. */
static int run_until(int (*body)(void *data), void *data, int n, pid_t *pid)
{
	bool begun = false, entry = false;
	pid_t parent = getpid();
	int signal, calls = 0;

	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	if (!*pid) {
		child_ends_with(parent);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		/* The first call that is counted comes after this one. */
		raise(SIGUSR1);
		_exit(-body(data) & 0xff);
	}
	ck_assert(WIFSTOPPED(wait_for(*pid)));
	ck_assert_int_eq(
		ptrace(PTRACE_SETOPTIONS, *pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
		0);
	while (calls <= n && next_stop(*pid, &signal)) {
		if (signal == SIGUSR1) {
			begun = true;
			entry = false;
			calls = 0;
		}
		if (signal != AT_SYSTEM_CALL)
			continue;
		entry = !entry;
		calls += begun && entry;
	}
	return calls;
}

bool traced_start(int (*body)(void *data), void *data, int n, pid_t *pid)
{
	return run_until(body, data, n, pid) > n;
}

int traced_count(int (*body)(void *data), void *data)
{
	pid_t pid;

	return run_until(body, data, INT_MAX - 1, &pid) - 1;
}

void traced_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	do {
		status = wait_for(pid);
	} while (WIFSTOPPED(status));
}

int traced_finish(pid_t pid)
{
	int status;

	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	status = wait_for(pid);
	ck_assert(WIFEXITED(status));
	return -WEXITSTATUS(status);
}
