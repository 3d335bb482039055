/* SPDX-License-Identifier: MIT */
/*
 *   state       what it waits for                 becomes
 *   watching    the end of the program            behind it
 *               the supervisor's end              watching; the program is killed, if it is to die with that
 *   behind it   nobody is left of the service     over
 *               nobody supervises it              behind it; all that is left is killed
 *   over        -                                 the cgroup's folder is removed, if nobody supervises; it ends
 *
 * Behind a program that has ended there is a supervisor as a rule, which lets what is left end by itself first, and starts
 * the service anew: so the minder only looks on. Whether there is one, the first or a later one, is known by the sign that each
 * has out (supervisor.h), which goes with its process, and at exec.
 *
 * What is killed can be no other service's, and no later start's. The cgroup is this start's alone: its folder is made anew
 * for the next one, and this one's fd leads nowhere then. The session's number stays its own as long as the minder is in
 * it; it has a process group of its own there, away from what is sent to the service's.
 *
 *   killed here       what follows
 *   the supervisor    the kernel kills the program that is to die with it, the minder does too; then it kills the rest
 *   the program       as above
 *   the minder        nobody ends the rest of a service whose supervisor is killed, but the next one, by the cgroup; and
 *                     under the guard a program that has changed its credentials goes on
 *
 * What has left its session is not found where there are no cgroups.
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
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/cgroups.h"
#include "lib/services/start/fds.h"
#include "lib/services/start/notify_socket.h"
#include "base/fd.h"
#include "base/process.h"

/* FD_CGROUP and those behind it are -1 where there are no cgroups. */
enum { FD_STARTER, FD_PROGRAM, FD_CGROUP, FD_ALL, FD_OWN, FDS };

#define LONGEST_MS 100
/* So often a folder is tried to be locked that other minders lock as well. */
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

/* As long as we are in it, the session's number is no other one's; that of a process may be another's at once. */
static void kill_member(pid_t pid, pid_t session)
{
	int fd = fd_pidfd(pid);

	if (fd < 0)
		return;
	if (getsid(pid) == session)
		fd_pidfd_signal(fd, SIGKILL);
	close(fd);
}

/* How many are left of the session, all of which are killed if @kill_them. By hand: opendir(3) allocates memory. */
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

/* Who supervises has a lock on the folder of all, and removes what is in there itself. */
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

static void __attribute__((noreturn)) keep(const struct start_plan *plan, int *fds)
{
	struct minder minder = {
		.within = plan->within,
		.dies = plan->how->flags & KREG_START_DIES_WITH_STARTER,
		.has_cgroup = fds[FD_CGROUP] >= 0,
		.session = getsid(0),
	};

	/* With a lock of its own. */
	if (fds[FD_ALL] >= 0)
		fds[FD_ALL] = fd_open_at(fds[FD_ALL], ".", O_RDONLY | O_DIRECTORY);
	fds_keep(fds, FDS);
	watch_program(&minder);
	stand_behind(&minder);
	remove_folder(&minder);
	_exit(0);
}

int start_minder(const struct start_plan *plan)
{
	const struct start_within *within = plan->within;
	int fds[FDS] = { fd_pidfd(plan->starter), fd_pidfd(process_pid()), -1, -1, -1 };
	int status = 0, err = 0;
	pid_t between;

	if (within->cgroup >= 0) {
		fds[FD_CGROUP] = within->cgroup;
		fds[FD_ALL] = within->cgroups->all;
		fds[FD_OWN] = within->cgroups->own;
	}
	if (fds[FD_STARTER] < 0 || fds[FD_PROGRAM] < 0)
		err = fds[FD_STARTER] < 0 ? fds[FD_STARTER] : fds[FD_PROGRAM];
	/* The pidfd was that of our parent, if that is still the starter. */
	else if (getppid() != plan->starter)
		err = -ESRCH;
	/* The program is not to have a child that it knows nothing of. */
	between = err ? -1 : _Fork();
	if (between == 0) {
		pid_t minder;

		/* Its end says that the program runs, however long the minder takes to begin. */
		close(plan->link);
		/* The same: from the first moment on it is none of the service's. */
		setpgid(0, 0);
		prctl(PR_SET_NAME, MINDER_COMM);
		minder = _Fork();
		if (minder)
			_exit(minder < 0);
		keep(plan, fds);
	}
	if (!err && (between < 0 || waitpid(between, &status, 0) != between || status))
		err = -EAGAIN;
	fd_close(&fds[FD_STARTER]);
	fd_close(&fds[FD_PROGRAM]);
	return err;
}
