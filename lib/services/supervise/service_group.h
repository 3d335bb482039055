/* SPDX-License-Identifier: MIT */
/*
 * The processes that a service has started: all that live in its cgroup. Without cgroups,
 * all that live in the session that it leads, and those that have become this process's
 * children and have the service's name in their environment.
 *
 * Promises  a signal reaches members only, never a process that has reused a member's
 *           pid.
 * Needs     for a session: its first process is this process's child and not yet reaped,
 *           or its minder is there, so that its number is not reused. The minder is not a
 *           member.
 * Context   one thread; allocates.
 * Used by   ward.c, supervisor_stop.c, supervisor_start.c.
 */
#ifndef KREG_LIB_SERVICE_GROUP_H
#define KREG_LIB_SERVICE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

struct service_group {
	int cgroup;    /* its folder; -1: none */
	pid_t session; /* 0: none */
	const char *space, *role;
};

/*
 * The session of a service whose process is @pid, if a minder is in it, which keeps its
 * number from being reused. 0: there is no minder, or it is the caller's own session.
 */
pid_t group_kept_session(pid_t pid);

/* The number of its processes that have not ended. */
size_t group_count(const struct service_group *group);

void group_tell(const struct service_group *group, int signal);

/*
 * Sends SIGKILL to all, including those that are forked meanwhile, and waits some
 * seconds. True: none is left.
 */
bool group_kill(const struct service_group *group);

/*
 * Waits until none is left, until the time @until of clock_now(), or until @hurry is
 * readable. True: none is left.
 */
bool group_await_end(const struct service_group *group, uint64_t until, int hurry);

#pragma GCC visibility pop

#endif
