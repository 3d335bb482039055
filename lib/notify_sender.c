/* SPDX-License-Identifier: MIT */
/*
 * User ids say nothing here: a service may drop its privileges before it is ready, and other processes of the same
 * user are not the service. What a process cannot choose for itself is where it comes from. A session that
 * was made for the service has its descendants alone; a process that has left it may still be found by the chain of
 * its parents.
 */
#include "lib/notify_sender.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/fd.h"

/* A longer chain of parents is not followed. */
#define PARENTS 64

/* The beginning of a file of /proc as a string. False: there is no such process, or it is hidden. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = fd_open(path, O_RDONLY | O_NOCTTY, 0);
	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return got > 0;
}

static pid_t parent_of(pid_t pid)
{
	char text[256];
	const char *behind;
	int parent;

	if (!read_proc(pid, "stat", text, sizeof(text)))
		return 0;
	/* The program's name may have parentheses as well. */
	behind = strrchr(text, ')');
	return behind && sscanf(behind, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool descends_from(pid_t pid, pid_t program)
{
	int i;

	for (i = 0; i < PARENTS && pid > 1; i++) {
		if (pid == program)
			return true;
		pid = parent_of(pid);
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
