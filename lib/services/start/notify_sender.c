/* SPDX-License-Identifier: MIT */
/*
 * User ids say nothing here: a service may drop its privileges before it is ready, and other processes of the same
 * user are not the service. What a process cannot choose for itself is where it comes from. A session that
 * was made for the service has its descendants alone; a process that has left it may still be found by the chain of
 * its parents.
 */
#include "lib/services/start/notify_sender.h"

#include <unistd.h>

#include "base/process.h"

/* A longer chain of parents is not followed. */
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
