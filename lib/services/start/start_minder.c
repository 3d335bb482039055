/* SPDX-License-Identifier: MIT */
/*
 * The minder of a supervised service: kills what the service has left if no supervisor
 * does.
 *
 *   state       what it waits for                 becomes
 *   watching    the end of the program            behind
 *               the supervisor's end              watching; kills the program if that is to die
 *                                                 with it
 *   behind      no process of the service left    over
 *               no supervisor of the namespace    behind; kills all that is left
 *   over        -                                 removes the cgroup's folder, if there is no
 *                                                 supervisor; ends
 *
 * When a program has ended there is usually a supervisor, which first gives what is left
 * time to end and then starts the service again; so the minder only waits. It knows
 * whether there is a supervisor, the first or a later one, by the sign that each of them
 * has bound (supervisor.h), and which goes with its process, and at exec.
 *
 * It kills only processes of this start of this service. The cgroup is private to this
 * start: its folder is made again for the next one, and then this start's fd leads
 * nowhere. The session's number is not reused while the minder is in the session. There
 * the minder has a process group of its own, away from signals to the service's.
 *
 *   killed here       what follows
 *   the supervisor    the kernel kills the program that is to die with it, and so does the
 *                     minder, which then kills the rest
 *   the program       as above
 *   the minder        if the supervisor is killed, only the next one ends the rest of the
 *                     service, by the cgroup; under the guard a program that has changed its
 *                     credentials goes on
 *
 * Without cgroups, processes that have left the session are not found.
 */
#include "lib/services/start/start_minder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/services/start/cgroups.h"
#include "lib/services/start/fds.h"
#include "lib/services/start/notify_socket.h"
#include "lib/services/start/start_watch.h"
#include "base/fd.h"
#include "base/process.h"

/* FD_CGROUP and those after it are -1 where there are no cgroups. */
enum { FD_STARTER, FD_PROGRAM, FD_CGROUP, FD_ALL, FD_OWN, FDS };

#define LONGEST_MS 100
/* Attempts to lock a folder that other minders lock as well. */
#define TRIES 20

struct minder {
	const struct start_within *within;
	bool dies;
	bool has_cgroup;
	bool starter_is_dead;
	pid_t session;
};

static bool is_left(pid_t pid, pid_t session)
{
	struct process process;

	return pid > 0 && pid != process_pid() && getsid(pid) == session &&
	       process_read(pid, &process) && !process_is_over(&process);
}

/*
 * The session's number is not reused while the minder is in it; a process's pid may be at
 * any time.
 */
static void kill_member(pid_t pid, pid_t session)
{
	int fd = fd_pidfd(pid);

	if (fd < 0)
		return;
	if (getsid(pid) == session)
		fd_pidfd_signal(fd, SIGKILL);
	close(fd);
}

/*
 * Returns the number of processes left in the session; kills them if @kill_them. Without
 * opendir(3), which allocates memory.
 */
static int look_at_session(pid_t session, bool kill_them)
{
	alignas(struct dirent64) char names[4096];
	int folder = fd_open("/proc", O_RDONLY | O_DIRECTORY, 0), left = 0;
	long size, at;
	pid_t pid;

	if (folder < 0)
		return 0;
	while ((size = syscall(SYS_getdents64, folder, names, sizeof(names))) > 0) {
		for (at = 0; at < size;) {
			const struct dirent64 *entry = (const struct dirent64 *)(names + at);

			at += entry->d_reclen;
			pid = atoi(entry->d_name);
			if (!is_left(pid, session))
				continue;
			left++;
			if (kill_them)
				kill_member(pid, session);
		}
	}
	close(folder);
	return left;
}

static bool is_empty(const struct minder *minder)
{
	if (minder->has_cgroup)
		return cgroups_are_populated(FD_CGROUP) <= 0;
	return !look_at_session(minder->session, false);
}

static void kill_rest(const struct minder *minder)
{
	if (!minder->has_cgroup || !cgroups_kill(FD_CGROUP))
		look_at_session(minder->session, true);
}

static bool is_over(const struct minder *minder)
{
	return (minder->dies && minder->starter_is_dead) || !notify_is_there(minder->within->sign);
}

static void watch_program(struct minder *minder)
{
	struct pollfd at[] = { { .fd = FD_PROGRAM, .events = POLLIN },
			       { .fd = FD_STARTER, .events = POLLIN } };

	while (!at[0].revents) {
		if (poll(at, 2, -1) < 0 || !at[1].revents)
			continue;
		minder->starter_is_dead = true;
		if (minder->dies)
			fd_pidfd_signal(FD_PROGRAM, SIGKILL);
		at[1] = (struct pollfd){ .fd = -1 };
	}
}

static void stand_behind(struct minder *minder)
{
	struct pollfd at = { .fd = FD_STARTER, .events = POLLIN };
	int ms;

	for (ms = 1; !is_empty(minder); ms = ms < LONGEST_MS ? 2 * ms : LONGEST_MS) {
		if (minder->starter_is_dead)
			at = (struct pollfd){ .fd = -1 };
		if (is_over(minder))
			kill_rest(minder);
		if (poll(&at, 1, ms) == 1)
			minder->starter_is_dead = true;
	}
}

/* A supervisor holds a lock on the parent folder, and removes what is in it itself. */
static void remove_folder(const struct minder *minder)
{
	int i;

	for (i = 0; i < TRIES && minder->has_cgroup && is_over(minder); i++) {
		if (!flock(FD_ALL, LOCK_EX | LOCK_NB)) {
			unlinkat(FD_ALL, minder->within->folder, AT_REMOVEDIR);
			unlinkat(FD_OWN, minder->within->cgroups->name, AT_REMOVEDIR);
			return;
		}
		poll(NULL, 0, i);
	}
}

/* @fds: which of its fds there are. */
static void __attribute__((noreturn)) keep(const struct start_plan *plan, const int *fds)
{
	struct minder minder = {
		.within = plan->within,
		.dies = plan->how->flags & KREG_START_DIES_WITH_STARTER,
		.has_cgroup = fds[FD_CGROUP] >= 0,
		.session = getsid(0),
	};

	watch_program(&minder);
	stand_behind(&minder);
	remove_folder(&minder);
	_exit(0);
}

/* Before the minder exists, so that it is out of the service's group from the first moment on. */
static void leave_group(void)
{
	setpgid(0, 0);
	prctl(PR_SET_NAME, MINDER_COMM);
}

int start_minder(const struct start_plan *plan)
{
	const struct start_within *within = plan->within;
	int fds[FDS] = { fd_pidfd(plan->starter), fd_pidfd(process_pid()), -1, -1, -1 };
	int err = 0;

	if (within->cgroup >= 0) {
		fds[FD_CGROUP] = within->cgroup;
		/* Opened again, so that it has a lock of its own. */
		fds[FD_ALL] = fd_open_at(within->cgroups->all, ".", O_RDONLY | O_DIRECTORY);
		fds[FD_OWN] = within->cgroups->own;
	}
	if (fds[FD_STARTER] < 0 || fds[FD_PROGRAM] < 0)
		err = fds[FD_STARTER] < 0 ? fds[FD_STARTER] : fds[FD_PROGRAM];
	/* The pidfd was that of this process's parent if the parent is still the starter. */
	else if (getppid() != plan->starter)
		err = -ESRCH;
	if (!err)
		err = start_beside(fds, FDS, leave_group);
	if (err > 0)
		keep(plan, fds);
	fd_close(&fds[FD_ALL]);
	fd_close(&fds[FD_STARTER]);
	fd_close(&fds[FD_PROGRAM]);
	return err;
}
