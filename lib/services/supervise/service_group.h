/* SPDX-License-Identifier: MIT */
/*
 * What a service has started: all that lives in its cgroup. Where there are no cgroups, all that lives in the session that it
 * leads, and what has become this process's child and has the service's name in its environment.
 *
 * Promises  a signal reaches members alone: no process that has got a member's pid.
 * Needs     of a session: that its first process is this process's child and is not yet reaped, or that its minder is
 *           there, so that its number is no other session's. The minder is no member.
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
	int cgroup;    /* its folder; -1: there is none */
	pid_t session; /* 0: none */
	const char *space, *role;
};

/*
 * The session of a service whose process is @pid, if its minder is in it: then its number is no other session's; 0: it is
 * not, or it is our own session.
 */
pid_t group_kept_session(pid_t pid);

/* How many processes are in it, without those that have ended. */
size_t group_count(const struct service_group *group);

void group_tell(const struct service_group *group, int signal);

/* SIGKILL for all, also for those that come into being meanwhile; waits some seconds. Whether nobody is left. */
bool group_kill(const struct service_group *group);

/* Waits until nobody is left, or until the time of clock_now(), or until @hurry is readable. Whether nobody is. */
bool group_await_end(const struct service_group *group, uint64_t until, int hurry);

#pragma GCC visibility pop

#endif
