/* SPDX-License-Identifier: MIT */
/*
 * Decides whether the sender of a message belongs to a service.
 *
 * User ids do not help: a service may drop its privileges before it is ready, and other
 * processes of the same user do not belong to it. A process cannot choose its ancestors,
 * though. A session that was made for the service contains only its descendants; a
 * process that has left the session may still be found by the chain of its parents.
 */
#include "lib/services/start/notify_sender.h"

#include <unistd.h>

#include "base/process.h"

/* Longer chains of parents are not followed. */
#define PARENTS 64

static bool descends_from(pid_t pid, pid_t program)
{
	struct process process;
	int i;

	for (i = 0; i < PARENTS && pid > 1; i++) {
		if (pid == program)
			return true;
		pid = process_read(pid, &process) ? process.parent : 0;
	}
	return false;
}

bool notify_is_of(const struct notify_service *service, pid_t pid)
{
	if (pid <= 0 || !service->program)
		return false;
	return pid == service->program || (service->session && getsid(pid) == service->session) ||
	       descends_from(pid, service->program);
}
