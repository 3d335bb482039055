/* SPDX-License-Identifier: MIT */
/*
 * Two protocols. Either a line on an fd whose number the program knows, as s6 has it; or a datagram with a
 * line READY=1 to the socket that NOTIFY_SOCKET names, as sd_notify(3) sends it.
 */
#include "tools/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int prepare_socket(struct ready *ready)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	char name[sizeof(address.sun_path) + 1];
	int err = 0;

	ready->here = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ready->here < 0)
		return -errno;
	/* Without a name to bind to, the kernel chooses an abstract one. */
	if (bind(ready->here, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    getsockname(ready->here, (struct sockaddr *)&address, &size))
		err = -errno;
	if (!err) {
		size -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
		snprintf(name, sizeof(name), "@%.*s", (int)size - 1, address.sun_path + 1);
		if (setenv("NOTIFY_SOCKET", name, 1))
			err = -errno;
	}
	if (err)
		close(ready->here);
	return err;
}

int ready_prepare(struct ready *ready, int fd)
{
	int ends[2], err = 0;

	*ready = (struct ready){ .here = -1, .there = -1, .wanted_fd = fd };
	ready->stop = eventfd(0, EFD_CLOEXEC);
	if (ready->stop < 0)
		return -errno;
	if (fd < 0) {
		err = prepare_socket(ready);
	} else if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
	} else {
		ready->here = ends[0];
		ready->there = ends[1];
	}
	if (err)
		close(ready->stop);
	return err;
}

void ready_hand_over(void *data)
{
	struct ready *ready = data;

	if (ready->wanted_fd < 0)
		return;
	if (ready->there == ready->wanted_fd)
		fcntl(ready->there, F_SETFD, 0);
	else
		dup2(ready->there, ready->wanted_fd);
}

/* Whether @text, the end of what was heard so far, says so. */
static bool says_ready(const struct ready *ready, char *text)
{
	char *line, *rest;

	if (ready->wanted_fd >= 0)
		return strchr(text, '\n') != NULL;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strcmp(line, "READY=1"))
			return true;
	}
	return false;
}

static void *hear(void *data)
{
	struct ready *ready = data;
	struct pollfd at[] = {
		{ .fd = ready->here, .events = POLLIN },
		{ .fd = ready->stop, .events = POLLIN },
	};
	char text[4096];

	for (;;) {
		ssize_t size;

		if (poll(at, 2, -1) < 0)
			continue;
		if (at[1].revents)
			return NULL;
		size = read(ready->here, text, sizeof(text) - 1);
		/* A pipe whose other end is closed says nothing more. */
		if (size <= 0 && ready->wanted_fd >= 0)
			return NULL;
		if (size <= 0)
			continue;
		text[size] = 0;
		if (says_ready(ready, text)) {
			ready->tell(ready->data);
			return NULL;
		}
	}
}

int ready_begin(struct ready *ready, void (*tell)(void *data), void *data)
{
	ready->tell = tell;
	ready->data = data;
	if (ready->there >= 0)
		close(ready->there);
	ready->there = -1;
	return -pthread_create(&ready->thread, NULL, hear, ready);
}

void ready_end(struct ready *ready)
{
	const uint64_t one = 1;

	while (write(ready->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(ready->thread, NULL);
	close(ready->here);
	close(ready->stop);
}
