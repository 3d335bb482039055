/* SPDX-License-Identifier: MIT */
/*
 * Passes a service's messages on to the manager above.
 *
 * The service is not the main process of the manager above; that is this process, which
 * started the service, passes signals on to it and ends as it ends. So messages are sent
 * in this process's name, without their MAINPID=. Otherwise that manager would accept
 * messages only from the service from then on, and it would not learn how the service
 * ends, which is not its child.
 *
 * BARRIER=1 is passed on with its fd: it is answered when that manager has read what was
 * sent before.
 */
#include "lib/services/start/notify_outer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/notify_address.h"

void notify_outer_open(struct notify_outer *out)
{
	struct sockaddr_un address;
	socklen_t size;

	*out = (struct notify_outer){ .socket = -1 };
	if (!notify_address(getenv("NOTIFY_SOCKET"), &address, &size))
		return;
	out->socket = fd_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	if (out->socket >= 0 && connect(out->socket, (struct sockaddr *)&address, size))
		notify_outer_close(out);
}

void notify_outer_close(struct notify_outer *outer)
{
	fd_close(&outer->socket);
	outer->is_full = false;
}

bool notify_outer_send(struct notify_outer *outer, const char *text, size_t size, const int *fds,
		       uint32_t fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	static const char barrier[] = "BARRIER=1";
	char passed[NOTIFY_BYTES];
	struct iovec from = { passed, 0 };
	struct msghdr message = { .msg_iov = &from, .msg_iovlen = 1 };
	ssize_t sent;

	if (outer->socket < 0)
		return true;
	from.iov_len = notify_text_pass_on(text, size, passed);
	if (size == sizeof(barrier) - 1 && !memcmp(text, barrier, size) && fd_count == 1) {
		memcpy(passed, barrier, size);
		from.iov_len = size;
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int));
	}
	if (!from.iov_len)
		return true;
	do {
		sent = sendmsg(outer->socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	outer->is_full = sent < 0 && errno == EAGAIN;
	return !outer->is_full;
}
