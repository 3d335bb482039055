/* SPDX-License-Identifier: MIT */
/*
 * Finds, counts and signals the processes of a service.
 *
 * A pid may be reused between its being read and the signal. So the members' pids are
 * read, opened as pidfds, and read again. A pid that is a member's both times is either
 * that of the process behind the pidfd, or that process has ended, and a signal to it has
 * no effect.
 */
#include "lib/services/supervise/service_group.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/services/start/cgroups.h"
#include "lib/services/start/start_minder.h"
#include "lib/services/start/started_with.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

#define SOON_NS 10000000u
/* Bounds the wait for a process that cannot be killed. */
#define KILLED_NS 5000000000u

struct pids {
	pid_t *at;
	size_t count, size;
};

static void add_pid(struct pids *pids, pid_t pid)
{
	size_t size = pids->size ? 2 * pids->size : 64;
	void *grown;

	if (pids->count == pids->size) {
		grown = realloc(pids->at, size * sizeof(*pids->at));
		if (!grown)
			return;
		pids->at = grown;
		pids->size = size;
	}
	pids->at[pids->count++] = pid;
}

static bool has_pid(const struct pids *pids, pid_t pid)
{
	size_t i;

	for (i = 0; i < pids->count && pids->at[i] != pid; i++)
		;
	return i < pids->count;
}

static void read_cgroup(int folder, struct pids *pids)
{
	FILE *in = fd_stream_at(folder, "cgroup.procs");
	int pid;

	/* 0 is a process of another PID namespace. */
	while (in && fscanf(in, "%d", &pid) == 1) {
		if (pid > 0)
			add_pid(pids, pid);
	}
	if (in)
		fclose(in);
}

static bool was_started_by(pid_t pid, const struct service_group *group)
{
	struct started_with environment;
	bool is_its;

	started_with_read(&environment, pid);
	is_its = started_with_names(&environment, group->space, group->role);
	started_with_free(&environment);
	return is_its;
}

/*
 * A process that calls itself a minder is not ended. It could as well have escaped by
 * leaving the session.
 */
static bool is_minder(pid_t pid)
{
	FILE *in = fd_stream_of(pid, "comm");
	char comm[32] = "";

	if (in && !fgets(comm, sizeof(comm), in))
		*comm = 0;
	if (in)
		fclose(in);
	return !strcmp(comm, MINDER_COMM "\n");
}

static bool is_member(pid_t pid, const struct service_group *group)
{
	struct process process;

	if (!process_read(pid, &process) || process_is_over(&process))
		return false;
	if (group->session && process.session == group->session)
		return !is_minder(pid);
	return process.parent == process_pid() && was_started_by(pid, group);
}

static void read_proc(const struct service_group *group, struct pids *pids)
{
	DIR *proc = fd_folder("/proc");
	const struct dirent *at;
	pid_t pid;

	while (proc && (at = readdir(proc))) {
		pid = atoi(at->d_name);
		if (pid > 0 && is_member(pid, group))
			add_pid(pids, pid);
	}
	if (proc)
		closedir(proc);
}

pid_t group_kept_session(pid_t pid)
{
	pid_t session = getsid(pid), kept = 0, at_pid;
	DIR *proc = session > 0 && session != getsid(0) ? fd_folder("/proc") : NULL;
	const struct dirent *at;

	while (proc && !kept && (at = readdir(proc))) {
		at_pid = atoi(at->d_name);
		/*
		 * Twice, because the pid may have been reused in between; a minder never
		 * leaves its session.
		 */
		if (at_pid > 0 && getsid(at_pid) == session && is_minder(at_pid) &&
		    getsid(at_pid) == session)
			kept = session;
	}
	if (proc)
		closedir(proc);
	return kept;
}

static void read_members(const struct service_group *group, struct pids *pids)
{
	pids->count = 0;
	if (group->cgroup >= 0)
		read_cgroup(group->cgroup, pids);
	else
		read_proc(group, pids);
}

size_t group_count(const struct service_group *group)
{
	struct pids pids = { 0 };
	size_t count;

	read_members(group, &pids);
	count = pids.count;
	if (!count && group->cgroup >= 0)
		count = cgroups_are_populated(group->cgroup) > 0;
	free(pids.at);
	return count;
}

void group_tell(const struct service_group *group, int signal)
{
	struct pids first = { 0 }, second = { 0 };
	size_t i;
	int *fds;

	read_members(group, &first);
	fds = calloc(first.count + 1, sizeof(*fds));
	for (i = 0; fds && i < first.count; i++)
		fds[i] = fd_pidfd(first.at[i]);
	if (fds && first.count)
		read_members(group, &second);
	for (i = 0; fds && i < first.count; i++) {
		if (fds[i] < 0)
			continue;
		if (has_pid(&second, first.at[i])) {
			fd_pidfd_signal(fds[i], signal);
			fd_pidfd_signal(fds[i], SIGCONT);
		}
		close(fds[i]);
	}
	free(fds);
	free(first.at);
	free(second.at);
}

/* Opens an fd that says when to look again; *event: which event of poll(2) it is. */
static int open_change(const struct service_group *group, short *event)
{
	struct pids pids = { 0 };
	int fd = -1;

	if (group->cgroup >= 0) {
		*event = POLLPRI;
		fd = cgroups_events(group->cgroup);
		return fd;
	}
	read_members(group, &pids);
	*event = POLLIN;
	if (pids.count)
		fd = fd_pidfd(pids.at[0]);
	free(pids.at);
	return fd;
}

bool group_await_end(const struct service_group *group, uint64_t until, int hurry)
{
	struct timespec left;
	struct pollfd at[] = { { .fd = -1 }, { .fd = hurry, .events = POLLIN } };
	char text[256];

	while (group_count(group)) {
		at[0].fd = open_change(group, &at[0].events);
		/* The event is a change since the last read of this fd. */
		if (group->cgroup >= 0 && at[0].fd >= 0 && read(at[0].fd, text, sizeof(text)) < 0)
			at[0].events = 0;
		/* The process may have ended before it could be opened, or no fds are left. */
		left = at[0].fd >= 0 ? clock_left(until) : clock_time(SOON_NS);
		if (!group_count(group))
			left = clock_time(0);
		at[1].revents = 0;
		ppoll(at, 2, &left, NULL);
		if (at[0].fd >= 0)
			close(at[0].fd);
		if (at[1].revents || clock_now() >= until)
			return !group_count(group);
	}
	return true;
}

bool group_kill(const struct service_group *group)
{
	int tries;

	if (group->cgroup < 0 || !cgroups_kill(group->cgroup)) {
		/* Processes that fork faster than they are killed are killed again. */
		for (tries = 0; tries < 100 && group_count(group); tries++)
			group_tell(group, SIGKILL);
	}
	return group_await_end(group, clock_now() + KILLED_NS, -1);
}
