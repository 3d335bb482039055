/* SPDX-License-Identifier: MIT */
/*
 * A server: reserved, then ready, then found. bind(2) chooses the address, so it is known
 * only when the server listens. The server publishes it with the name, or reports it to
 * its starter, which does:
 *
 *     state        the name is                       becomes, by           killed there
 *     opened       reserved, by it or its starter    ready, server_run()   the name is free
 *     ready        found, with the address           -                     the name is free
 */
#define _GNU_SOURCE 1

#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64

int server_open(struct server *server, const char *role)
{
	struct kreg_found holder = { 0 };
	ssize_t size;
	int err;

	*server = (struct server){ .space = environment_space(), .role = environment_role(role) };
	size = kreg_service_key(server->space, server->role, server->key, sizeof(server->key));
	if (size < 0)
		return fail("be called that",
			    "KREG_NAMESPACE or KREG_ROLE is no name for a service");
	server->key_size = (size_t)size;
	server->k = environment_registry();
	if (!server->k)
		return -1;
	err = kreg_register_with(server->k, server->key, server->key_size, NULL, 0,
				 KREG_REGISTER_RESERVED, &holder);
	server->was_started = err == -EEXIST && holder.owner.pid == getpid();
	if (!err || server->was_started)
		return 0;
	if (err == -EEXIST)
		fprintf(stderr, "%s: already started, as pid %d\n", server->role, holder.owner.pid);
	else
		fail("register", kreg_strerror(err));
	server_close(server);
	return -1;
}

void server_close(struct server *server)
{
	kreg_close(server->k);
	server->k = NULL;
}

/*
 * Listens at an abstract address that the kernel chooses, so that nothing is left behind.
 * Return: the fd, with the address as kreg_connect() wants it; or -1.
 */
static int listen_anywhere(struct sockaddr_un *own, size_t *size)
{
	socklen_t own_size = sizeof(*own);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (fd < 0 || bind(fd, (struct sockaddr *)own, sizeof(own->sun_family)) ||
	    listen(fd, CLIENTS_MAX) || getsockname(fd, (struct sockaddr *)own, &own_size)) {
		fail("listen", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*size = own_size - offsetof(struct sockaddr_un, sun_path);
	own->sun_path[0] = '@';
	return fd;
}

/* Sends what sd_notify(3) would, with the value to publish. */
static int tell_starter(const char *value, size_t size)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t length = where ? strlen(where) : 0;
	char message[64 + sizeof(to.sun_path)];
	int fd, said, failed;

	if (!length || length >= sizeof(to.sun_path))
		return fail("report readiness",
			    "its starter has not set NOTIFY_SOCKET; write Type=notify");
	memcpy(to.sun_path, where, length);
	if (*where == '@')
		to.sun_path[0] = 0;
	said = snprintf(message, sizeof(message), "READY=1\nX_KREG_VALUE=%.*s\n", (int)size, value);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	failed = fd < 0 ||
		 sendto(fd, message, (size_t)said, MSG_NOSIGNAL, (struct sockaddr *)&to,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != said;
	if (failed)
		fail("report readiness", strerror(errno));
	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}

/* Only when it listens, so that a client that finds the name can connect. */
static int become_found(struct server *server, const char *value, size_t size)
{
	int err;

	if (server->was_started)
		return tell_starter(value, size);
	err = kreg_publish(server->k, server->key, server->key_size, value, size);
	return err ? fail("publish the name", kreg_strerror(err)) : 0;
}

/*
 * Only this user may use the registry, but any user of the host may connect to an
 * abstract address.
 */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.uid == geteuid();
}

/* Return: false if the client is gone, sends too much, or does not fetch its answers. */
static bool answer_one(int fd, const struct server_work *work)
{
	char request[REQUEST_MAX + 1], text[TEXT_MAX] = "", answer[ANSWER_MAX];
	ssize_t size = recv(fd, request, REQUEST_MAX, MSG_TRUNC);
	bool done;
	int length;

	if (size <= 0 || size > REQUEST_MAX)
		return size < 0 && errno == EAGAIN;
	request[size] = 0;
	done = work->answer(work->data, request, text);
	length = snprintf(answer, sizeof(answer), "%s %s", done ? "ok" : "error", text);
	return send(fd, answer, (size_t)length, MSG_NOSIGNAL) == length;
}

/* The place of each fd in the array for poll(2). */
enum { LISTENING, OTHER, FIRST_CLIENT };

/* Return: false if the server cannot go on. */
static bool accept_one(struct pollfd *at, nfds_t *count)
{
	int fd = accept4(at[LISTENING].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && is_ours(fd))
		at[(*count)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	else if (fd >= 0)
		close(fd);
	else
		return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR;
	return true;
}

/*
 * @at: the listening socket, another fd or -1, and room for the clients. Returns only on
 * failure.
 */
static void answer_all(struct pollfd *at, nfds_t *count, const struct server_work *work)
{
	nfds_t i;

	for (;;) {
		/* When all places are taken, new clients wait in the socket's queue. */
		at[LISTENING].events = *count < FIRST_CLIENT + CLIENTS_MAX ? POLLIN : 0;
		if (poll(at, *count, -1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		for (i = *count; i-- > FIRST_CLIENT;) {
			if (at[i].revents && !answer_one(at[i].fd, work)) {
				close(at[i].fd);
				at[i] = at[--*count];
			}
		}
		if (at[OTHER].revents && !work->take(work->data))
			at[OTHER].fd = -1;
		if (at[LISTENING].revents && !accept_one(at, count))
			break;
	}
	fail("go on", strerror(errno));
}

int server_run(struct server *server, const struct server_work *work)
{
	struct pollfd at[FIRST_CLIENT + CLIENTS_MAX] = { 0 };
	nfds_t count = FIRST_CLIENT;
	struct sockaddr_un own;
	size_t size;

	at[LISTENING].fd = listen_anywhere(&own, &size);
	if (at[LISTENING].fd < 0)
		return -1;
	at[OTHER] = (struct pollfd){ .fd = work->take ? work->fd : -1, .events = POLLIN };
	if (!become_found(server, own.sun_path, size))
		answer_all(at, &count, work);
	close(at[LISTENING].fd);
	while (count-- > FIRST_CLIENT)
		close(at[count].fd);
	return -1;
}
