/* SPDX-License-Identifier: MIT */
/*
 * A parent process that stands in for its child. It blocks all signals that it can pass on and
 * takes them one by one. A signal that the kernel sends to the whole foreground process group,
 * as at ^C, reaches the child directly and is not passed on.
 *
 *   killed here   what follows
 *   the parent    the kernel kills the child (PR_SET_PDEATHSIG), or the watcher does (watcher.h)
 *   the child     the parent ends in the same way (foster_end_alike())
 */
#include "tools/foster.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tools/watcher.h"

/* These report a fault of the parent itself, so they are not passed on. */
static const int own_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };

void foster_take_signals(struct foster *foster)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	size_t i;

	sigfillset(&foster->taken);
	for (i = 0; i < sizeof(own_signals) / sizeof(own_signals[0]); i++)
		sigdelset(&foster->taken, own_signals[i]);
	sigaction(SIGCHLD, &by_default, &foster->child_action);
	sigprocmask(SIG_BLOCK, &foster->taken, &foster->before);
}

static void give_signals_back(const struct foster *foster)
{
	sigaction(SIGCHLD, &foster->child_action, NULL);
	sigprocmask(SIG_SETMASK, &foster->before, NULL);
}

/* In the child, async-signal-safe: the parent may have threads. */
static void run_child(const struct foster *foster, pid_t parent, int tell, char **command)
{
	int err = -watcher_start(parent);

	/*
	 * The parent may have died before the pidfd and the death signal were set up, and then its
	 * pid may be another process. If getppid() still is @parent, both are for the parent.
	 */
	if (!err && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
		give_signals_back(foster);
		execvp(command[0], command);
	}
	if (!err)
		err = errno;
	while (write(tell, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* Return: 0 once exec has closed the other end of the pipe, else the errno that came through it. */
static int hear(int fd)
{
	int err = 0;
	ssize_t size;

	do
		size = read(fd, &err, sizeof(err));
	while (size < 0 && errno == EINTR);
	return size == sizeof(err) ? -err : 0;
}

int foster_start(struct foster *foster, char **command)
{
	pid_t parent = getpid();
	int ends[2];
	int err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	foster_take_signals(foster);
	foster->child = fork();
	if (foster->child == 0)
		run_child(foster, parent, ends[1], command);
	err = foster->child < 0 ? -errno : 0;
	close(ends[1]);
	if (!err) {
		err = hear(ends[0]);
		foster->exec_failed = err != 0;
	}
	close(ends[0]);
	if (foster->exec_failed)
		waitpid(foster->child, NULL, 0);
	if (err)
		give_signals_back(foster);
	return err;
}

/*
 * Stops when the child stops, so that a shell's job control works, and continues the child when
 * it is continued itself. Not at SIGSTOP: a process that sends SIGSTOP and later SIGCONT to the
 * child only would leave this parent stopped.
 */
static void stop_alike(pid_t child, int signal)
{
	if (signal == SIGSTOP)
		return;
	raise(SIGSTOP);
	kill(child, SIGCONT);
}

/* Return: true if the child has ended, with *status. */
static bool follow_child(const struct foster *foster, int *status)
{
	pid_t pid;

	while ((pid = waitpid(foster->child, status, WNOHANG | WUNTRACED)) > 0) {
		if (!WIFSTOPPED(*status))
			return true;
		stop_alike(foster->child, WSTOPSIG(*status));
	}
	return false;
}

/* All pending ones. SI_KERNEL: the kernel has signalled the child as well. */
static void forward_signals(const struct foster *foster)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	int signal;

	while ((signal = sigtimedwait(&foster->taken, &info, &now)) > 0) {
		if (signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(foster->child, signal);
	}
}

/* Until a signal or a message arrives. Without a signalfd it polls ten times a second. */
static void sleep_for(int signals, struct kreg_program *program)
{
	struct pollfd at[] = { { .fd = signals, .events = POLLIN },
			       { .fd = -1, .events = POLLIN } };

	if (program)
		at[1].fd = kreg_program_fd(program);
	if (poll(at, 2, signals < 0 ? 100 : -1) > 0 && at[1].revents)
		kreg_program_hear(program);
}

int foster_wait(struct foster *foster, struct kreg_program *program)
{
	int signals = signalfd(-1, &foster->taken, SFD_CLOEXEC);
	int status = 0;

	while (!follow_child(foster, &status)) {
		sleep_for(signals, program);
		forward_signals(foster);
	}
	if (signals >= 0)
		close(signals);
	return status;
}

int foster_end_alike(int end)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t set;
	int signal;

	if (WIFEXITED(end))
		return WEXITSTATUS(end);
	signal = WTERMSIG(end);
	/* A core of this process would replace that of the child. RLIMIT_CORE does not count for a pipe. */
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(signal, &by_default, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + signal;
}
