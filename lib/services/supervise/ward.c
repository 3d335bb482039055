/* SPDX-License-Identifier: MIT */
/*
 * A service of a supervisor as a pair of pidfds.
 *
 * In the fallback a foster parent stands between the supervisor and the program: it holds
 * the program's name and ends as the program ends. It is the supervisor's child, and its
 * end is awaited; signals go to the program. SIGCONT also goes to the foster parent,
 * which may be stopped as well, and which passes it on.
 *
 *   state      end  signals  is_ours   becomes, by
 *   not there  -1   -1                 ours: ward_start(); taken over: ward_take_over()
 *   ours       fd   fd       yes       not there: ward_reap()
 *   taken over fd   fd       no        the same
 *
 * Killed here, the kernel kills the services in state ours, unless they are to be kept: then
 * the next supervisor takes them over.
 */
#include "lib/services/supervise/ward.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/inner.h"
#include "lib/services/start/start.h"
#include "lib/services/start/start_program.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* @child: a pidfd of the supervisor's child; -1: it is not a child. */
static int open_signals(struct ward *ward, struct kreg *k, const struct kreg_owner *owner,
			int child)
{
	int err;

	ward->pid = owner->pid;
	ward->owner = *owner;
	ward->signals = start_pidfd(k, owner, child);
	if (ward->signals >= 0)
		return 0;
	err = ward->signals == -ESRCH ? 0 : ward->signals;
	ward->signals = -1;
	return err;
}

/* A service that cannot be watched must not run. Until it is reaped its pid is not reused. */
static void end_unwatched(struct ward *ward, pid_t pid)
{
	if (ward->signals >= 0)
		fd_pidfd_signal(ward->signals, SIGKILL);
	process_signal(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void close_fds(struct ward *ward)
{
	fd_close(&ward->end);
	fd_close(&ward->signals);
	if (ward->program) {
		ward->has_missed = program_end_hearing(ward->program);
		program_free(ward->program);
	}
	ward->program = NULL;
}

int ward_start(struct ward *ward, struct kreg *k, const struct kreg_start *how,
	       struct kreg_started *started, const struct start_within *given)
{
	struct start_within within = *given;
	int err;

	within.cgroup = ward->group.cgroup;
	err = start_service(k, ward->group.space, ward->what->role, how, started, &within,
			    &ward->program);

	if (err)
		return err;
	ward->has_missed = false;
	ward->end = fd_pidfd(started->child);
	if (ward->end < 0)
		err = ward->end;
	if (!err)
		err = open_signals(ward, k, &started->owner, ward->end);
	if (err) {
		end_unwatched(ward, started->child);
		close_fds(ward);
		return err;
	}
	ward->group.session = started->child;
	ward->is_ours = ward->is_reaped = true;
	ward->is_owed = false;
	ward->since = clock_now();
	return 0;
}

int ward_take_over(struct ward *ward, struct kreg *k, const struct kreg_owner *owner)
{
	int err;

	if (owner->pid == process_pid() && kreg_inner_pid_is_ours(k, owner->token))
		return -EBUSY;
	err = open_signals(ward, k, owner, -1);
	if (!err) {
		ward->end = kreg_inner_pidfd(k, owner, KREG_INNER_CALLER);
		err = ward->end < 0 ? ward->end : 0;
	}
	if (err)
		close_fds(ward);
	ward->group.session = 0;
	ward->is_ours = ward->is_reaped = ward->is_owed = false;
	ward->since = clock_now();
	return err;
}

int ward_follow(struct ward *ward, struct kreg *k, const struct kreg_owner *owner,
		struct hearer **hearer)
{
	pid_t session = group_kept_session(owner->pid);

	/* Alive after the look at its session, so the pid was still its own then. */
	if (kreg_owner_is_alive(k, owner) > 0)
		ward->group.session = session;
	ward->has_missed = false;
	return start_hear_found(k, ward->group.space, ward->what->role, ward->what->start, owner,
				hearer, &ward->program);
}

static int wait_for(const struct ward *ward, siginfo_t *info, int options)
{
	int err = -1;

	*info = (siginfo_t){ 0 };
	while (ward->is_reaped &&
	       (err = waitid(P_PIDFD, (id_t)ward->end, info, WEXITED | options)) && errno == EINTR)
		;
	return err;
}

struct ending ward_look(const struct ward *ward)
{
	siginfo_t info;

	if (wait_for(ward, &info, WNOWAIT))
		return (struct ending){ 0 };
	return (struct ending){ info.si_code, info.si_status };
}

void ward_reap(struct ward *ward)
{
	siginfo_t info;

	wait_for(ward, &info, 0);
	close_fds(ward);
	/* From here on the session's number may be reused. */
	ward->group.session = 0;
}

void ward_let_go(struct ward *ward)
{
	close_fds(ward);
	fd_close(&ward->group.cgroup);
	ward->group.session = 0;
}

bool ward_await(const struct ward *ward, uint64_t until, int hurry)
{
	struct pollfd at[] = { { .fd = ward->end, .events = POLLIN },
			       { .fd = hurry, .events = POLLIN } };
	struct timespec left;
	int got;

	do {
		left = clock_left(until);
		got = ppoll(at, 2, until ? &left : NULL, NULL);
	} while (got < 0);
	return at[0].revents;
}

int ward_tell(const struct ward *ward, int signal)
{
	int err = ward->signals >= 0 ? fd_pidfd_signal(ward->signals, signal) : 0;

	fd_pidfd_signal(ward->end, SIGCONT);
	return err == -ESRCH ? 0 : err;
}
