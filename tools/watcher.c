/* SPDX-License-Identifier: MIT */
/*
 * The processes, and what the death of each leads to.
 *
 *   parent -- program        the watcher is a child of init, or of a subreaper
 *             watcher
 *
 *   killed here   what follows
 *   the parent    the watcher kills the program, and ends with it
 *   the program   the watcher ends
 *   the watcher   the kernel kills the program with its parent, unless the program has changed
 *                 its credentials
 */
#include "tools/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_PARENT, FD_PROGRAM, FDS };

/* How many fds are closed one by one where the kernel has no close_range(2). */
#define FDS_LOOKED_AT 1024

static void keep_only(const int *fds)
{
	int above[FDS], fd, i;

	/* First above FDS: a dup2() to a low number must not overwrite one that is still needed. */
	for (i = 0; i < FDS; i++)
		above[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS);
	for (i = 0; i < FDS; i++)
		dup2(above[i], i);
	if (!syscall(SYS_close_range, FDS, ~0u, 0))
		return;
	for (fd = FDS; fd < FDS_LOOKED_AT; fd++)
		close(fd);
}

static void __attribute__((noreturn)) watch(const int *fds)
{
	struct pollfd at[FDS] = { { .fd = FD_PARENT, .events = POLLIN },
				  { .fd = FD_PROGRAM, .events = POLLIN } };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Out of reach of signals to the process group and from the terminal. */
	setsid();
	prctl(PR_SET_NAME, "kreg-watcher");
	keep_only(fds);
	while (!at[FD_PROGRAM].revents) {
		if (poll(at, FDS, -1) < 0 || !at[FD_PARENT].revents)
			continue;
		syscall(SYS_pidfd_send_signal, FD_PROGRAM, SIGKILL, NULL, 0);
		at[FD_PARENT].fd = -1;
	}
	_exit(0);
}

int watcher_start(pid_t parent)
{
	int fds[FDS], status = 0, err = 0;
	pid_t between, watcher;

	fds[FD_PARENT] = (int)syscall(SYS_pidfd_open, parent, 0);
	fds[FD_PROGRAM] = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (fds[FD_PARENT] < 0 || fds[FD_PROGRAM] < 0)
		return -errno;
	/* Forked twice: the process between exits, so that init or a subreaper adopts the watcher. */
	between = _Fork();
	if (between == 0) {
		watcher = _Fork();
		if (watcher == 0)
			watch(fds);
		_exit(watcher < 0);
	}
	if (between < 0)
		err = -errno;
	else if (waitpid(between, &status, 0) != between || status)
		err = -EAGAIN;
	close(fds[FD_PARENT]);
	close(fds[FD_PROGRAM]);
	return err;
}
