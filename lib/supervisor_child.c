/* SPDX-License-Identifier: MIT */
/*
 * In the fallback a process stands between us and the program, holds its name and ends as it ends: that one is our
 * child and says when it is over, but signals go to the program. SIGCONT goes by the one in between, who passes
 * it on, because that one may be stopped as well.
 *
 *   state      end  signals  is_ours   becomes, by
 *   not there  -1   -1                 ours: child_start(); taken over: child_take_over()
 *   ours       fd   fd       yes       not there: child_reap()
 *   taken over fd   fd       no        the same
 *
 * Killed here, the kernel kills what is ours, unless it was to be kept: then whoever supervises next takes it over.
 */
#include "lib/supervisor_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/owner.h"
#include "shm/clock.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int open_signals(struct child *child, struct kreg *k, const struct kreg_owner *owner)
{
	int err;

	child->pid = owner->pid;
	child->signals = owner_pidfd_for_signals(k, owner);
	if (child->signals >= 0)
		return 0;
	err = child->signals == -ESRCH ? 0 : child->signals;
	child->signals = -1;
	return err;
}

/* What cannot be watched is not to run. As long as nobody has reaped it, its pid is its own. */
static void end_unwatched(struct child *child, pid_t pid)
{
	if (child->signals >= 0)
		syscall(SYS_pidfd_send_signal, child->signals, SIGKILL, NULL, 0);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void close_fds(struct child *child)
{
	if (child->end >= 0)
		close(child->end);
	if (child->signals >= 0)
		close(child->signals);
	child->end = child->signals = -1;
}

int child_start(struct child *child, struct kreg *k, const char *space,
		struct kreg_started *started)
{
	int err = kreg_service_start(k, space, child->what->role, child->what->start, started);

	if (err)
		return err;
	err = open_signals(child, k, &started->owner);
	if (!err) {
		child->end = (int)syscall(SYS_pidfd_open, started->child, 0);
		err = child->end < 0 ? -errno : 0;
	}
	if (err) {
		end_unwatched(child, started->child);
		close_fds(child);
		return err;
	}
	child->is_ours = true;
	child->is_owed = false;
	return 0;
}

int child_take_over(struct child *child, struct kreg *k, const struct kreg_owner *owner)
{
	int err;

	if (owner->pid == getpid() && owner_pid_is_ours(k, owner->token))
		return -EBUSY;
	err = open_signals(child, k, owner);
	if (!err) {
		child->end = kreg_owner_pidfd(k, owner);
		err = child->end < 0 ? child->end : 0;
	}
	if (err)
		close_fds(child);
	child->is_ours = false;
	return err;
}

struct ending child_reap(struct child *child)
{
	struct ending ending = { 0 };
	siginfo_t info = { 0 };
	int err = -1;

	while (child->is_ours && (err = waitid(P_PIDFD, (id_t)child->end, &info, WEXITED)) &&
	       errno == EINTR)
		;
	if (!err)
		ending = (struct ending){ info.si_code, info.si_status };
	close_fds(child);
	return ending;
}

bool child_await(const struct child *child, int64_t ms)
{
	struct pollfd at = { .fd = child->end, .events = POLLIN };
	uint64_t until = clock_now() + (uint64_t)ms * 1000000;
	struct timespec left;
	uint64_t now;
	int got;

	do {
		now = clock_now();
		now = now < until ? until - now : 0;
		left.tv_sec = (time_t)(now / 1000000000);
		left.tv_nsec = (long)(now % 1000000000);
		got = ppoll(&at, 1, ms < 0 ? NULL : &left, NULL);
	} while (got < 0);
	return got == 1;
}

int child_tell(const struct child *child, int signal)
{
	int err = 0;

	if (child->signals >= 0 &&
	    syscall(SYS_pidfd_send_signal, child->signals, signal, NULL, 0) && errno != ESRCH)
		err = -errno;
	syscall(SYS_pidfd_send_signal, child->end, SIGCONT, NULL, 0);
	return err;
}
