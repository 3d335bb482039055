/* SPDX-License-Identifier: MIT */
/*
 * Two protocols. Either a line on an fd whose number the program knows, as s6 has it; or a datagram with a
 * line READY=1 to the socket that NOTIFY_SOCKET names, as sd_notify(3) sends it. In the same datagram, or in one before,
 * X_KREG_VALUE=TEXT is what is to be found under the program's name: an address that is known only after
 * bind(2), for instance.
 *
 * The socket's name is an abstract one, which any user of the host could send to. So a datagram counts if it
 * comes from this user or from root.
 */
#include "lib/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/fd.h"

#define VALUE_IS "X_KREG_VALUE="

static int open_socket(struct readiness *r)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	const int on = 1;

	r->here = fd_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	if (r->here < 0)
		return r->here;
	/* Without a name to bind to, the kernel chooses an abstract one. */
	if (bind(r->here, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    setsockopt(r->here, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    getsockname(r->here, (struct sockaddr *)&address, &size))
		return -errno;
	size -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	snprintf(r->variable, sizeof(r->variable), "NOTIFY_SOCKET=@%.*s", (int)size - 1,
		 address.sun_path + 1);
	return 0;
}

static int open_pipe(struct readiness *r)
{
	int ends[2], err;

	if (r->wanted_fd < 3 || r->wanted_fd > 1023)
		return -EINVAL;
	err = fd_pipe(O_NONBLOCK, ends);
	if (err)
		return err;
	r->here = ends[0];
	r->there = ends[1];
	return 0;
}

int readiness_open(struct readiness *out, uint32_t kind, int32_t fd)
{
	int err = 0;

	*out = (struct readiness){ .kind = kind, .here = -1, .there = -1, .wanted_fd = fd };
	if (kind == KREG_READY_EXEC)
		out->is_ready = true;
	else if (kind == KREG_READY_NOTIFY)
		err = open_socket(out);
	else
		err = open_pipe(out);
	if (err)
		readiness_close(out);
	return err;
}

void readiness_close(struct readiness *r)
{
	if (r->here >= 0)
		close(r->here);
	if (r->there >= 0)
		close(r->there);
	r->here = r->there = -1;
}

int readiness_hand_over(const struct readiness *r)
{
	if (r->there < 0)
		return 0;
	/* A program that writes would not expect to be told to try again. */
	if (fcntl(r->there, F_SETFL, 0))
		return -errno;
	if (r->there == r->wanted_fd)
		return fcntl(r->there, F_SETFD, 0) ? -errno : 0;
	return dup2(r->there, r->wanted_fd) < 0 ? -errno : 0;
}

static bool is_trusted(struct msghdr *message)
{
	struct cmsghdr *part;
	struct ucred from;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&from, CMSG_DATA(part), sizeof(from));
		return !from.uid || from.uid == geteuid();
	}
	return false;
}

static void read_lines(struct readiness *r, char *text)
{
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strcmp(line, "READY=1"))
			r->is_ready = true;
		if (strncmp(line, VALUE_IS, strlen(VALUE_IS)))
			continue;
		line += strlen(VALUE_IS);
		r->value_size = strlen(line);
		memcpy(r->value, line, r->value_size);
		r->has_value = true;
	}
}

static void hear_socket(struct readiness *r)
{
	char text[READINESS_BYTES];
	/* SCM_RIGHTS find no room, so nobody can hand us fds. */
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec into = { text, sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &into, .msg_iovlen = 1 };
	ssize_t size;

	for (;;) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		size = recvmsg(r->here, &message, MSG_CMSG_CLOEXEC);
		if (size < 0)
			return;
		text[size] = 0;
		if (!(message.msg_flags & MSG_TRUNC) && is_trusted(&message))
			read_lines(r, text);
	}
}

static void hear_pipe(struct readiness *r)
{
	char text[READINESS_BYTES];
	ssize_t size;

	while ((size = read(r->here, text, sizeof(text))) > 0)
		r->is_ready |= memchr(text, '\n', (size_t)size) != NULL;
	/* Closed, and it never said so: nothing more will come. */
	if (!size) {
		close(r->here);
		r->here = -1;
	}
}

void readiness_hear(struct readiness *r)
{
	if (r->here < 0)
		return;
	if (r->kind == KREG_READY_NOTIFY)
		hear_socket(r);
	else
		hear_pipe(r);
}
