/* SPDX-License-Identifier: MIT */
/*
 * Names: a service that runs once, and clients that find the current process.
 *
 *     names serve NAME    answers requests under NAME; fails if NAME is held
 *     names ask NAME      sends each line of its input, and prints the answers
 *
 * In two terminals:
 *
 *     1$ names serve oracle
 *     2$ names ask oracle       type a line: pid so-and-so answers; leave it running
 *     1$ ^C, names serve oracle
 *     2$                        type another line: the new one answers
 *
 * The registry is $KREG_REGISTRY, or "example-names".
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <kreg.h>

#define TIMEOUT_MS 10000
#define REQUEST_MAX 1024
#define REPLY_MAX (REQUEST_MAX + 32)
#define CLIENTS_MAX 64

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "names: cannot %s: %s\n", what, why);
	return -1;
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
static bool answer(int fd)
{
	char request[REQUEST_MAX], reply[REPLY_MAX];
	ssize_t size = recv(fd, request, sizeof(request), MSG_TRUNC);
	int length;

	if (size <= 0 || size > REQUEST_MAX)
		return size < 0 && errno == EAGAIN;
	length = snprintf(reply, sizeof(reply), "pid %d: %.*s", getpid(), (int)size, request);
	return send(fd, reply, (size_t)length, MSG_NOSIGNAL) == length;
}

/* @at: the listening socket, and room for the clients. Returns only on failure. */
static void answer_all(struct pollfd *at, nfds_t *count)
{
	nfds_t i;
	int fd;

	for (;;) {
		/* When all places are taken, new clients wait in the socket's queue. */
		at[0].events = *count <= CLIENTS_MAX ? POLLIN : 0;
		if (poll(at, *count, -1) < 0 && errno != EINTR)
			break;
		for (i = *count - 1; i > 0; i--) {
			if (at[i].revents && !answer(at[i].fd)) {
				close(at[i].fd);
				at[i] = at[--*count];
			}
		}
		if (!at[0].revents)
			continue;
		fd = accept4(at[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0 && is_ours(fd))
			at[(*count)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		else if (fd >= 0)
			close(fd);
		else if (errno != EAGAIN && errno != ECONNABORTED)
			break;
	}
	fail("go on", strerror(errno));
}

/*
 * A signal may end it at any moment: there is nothing to clean up, the name goes with the
 * process.
 */
static int serve(struct kreg *k, const char *name)
{
	struct pollfd at[1 + CLIENTS_MAX] = { 0 };
	struct kreg_found holder = { 0 };
	struct sockaddr_un own;
	nfds_t count = 1;
	size_t size;
	int err;

	at[0].fd = listen_anywhere(&own, &size);
	if (at[0].fd < 0)
		return -1;
	/* Only when it listens, so that a client that finds the name can connect. */
	err = kreg_register_with(k, name, KREG_STRING, own.sun_path, size, 0, &holder);
	if (!err)
		answer_all(at, &count);
	else if (err == -EEXIST)
		fprintf(stderr, "names: \"%s\" runs already, as pid %d\n", name, holder.owner.pid);
	else
		fail("register", kreg_strerror(err));
	while (count--)
		close(at[count].fd);
	return -1;
}

struct client {
	struct kreg *k;
	const char *name;
	struct kreg_owner service;
	int fd; /* negative: not connected */
};

static int await_and_connect(struct client *c)
{
	int err;

	do {
		err = kreg_await(c->k, c->name, KREG_STRING, TIMEOUT_MS, NULL);
		if (err)
			return fail("find the service", kreg_strerror(err));
		/*
		 * Nonblocking: a stopped service with a full queue does not block the
		 * client.
		 */
		c->fd = kreg_connect(c->k, c->name, KREG_STRING, SOCK_SEQPACKET | SOCK_NONBLOCK,
				     &c->service);
	} while (c->fd == -ENOENT); /* it died in between */
	return c->fd < 0 ? fail("connect", kreg_strerror(c->fd)) : 0;
}

/* Return: the size of the answer; 0: the service is gone; -1. */
static ssize_t exchange(const struct client *c, const char *request, size_t size, char *reply)
{
	struct pollfd at = { .fd = c->fd, .events = POLLIN };
	ssize_t got = send(c->fd, request, size, MSG_NOSIGNAL);
	int ready;

	if (got > 0) {
		do {
			ready = poll(&at, 1, TIMEOUT_MS);
		} while (ready < 0 && errno == EINTR);
		if (!ready)
			return fail("get an answer", strerror(ETIMEDOUT));
		got = recv(c->fd, reply, REPLY_MAX, 0);
	}
	if (got < 0 && errno != EPIPE && errno != ECONNRESET)
		return fail("get an answer", strerror(errno));
	return got < 0 ? 0 : got;
}

/*
 * A request whose service dies before answering is sent to the next one, and may have
 * been carried out already: where that matters, requests need a number that services
 * remember.
 */
static int ask(struct client *c, const char *request, size_t size)
{
	char reply[REPLY_MAX];
	ssize_t got;
	int err;

	for (;;) {
		if (c->fd < 0 && await_and_connect(c))
			return -1;
		got = exchange(c, request, size, reply);
		if (got)
			break;
		close(c->fd);
		c->fd = -1;
		/*
		 * Returns at once if it is dead. The timeout is for one that lives and
		 * refuses connections.
		 */
		err = kreg_await_gone(c->k, c->name, KREG_STRING, &c->service, TIMEOUT_MS);
		if (err)
			return fail("be served", kreg_strerror(err));
	}
	if (got < 0)
		return -1;
	fwrite(reply, 1, (size_t)got, stdout);
	return fflush(stdout) ? fail("print the answer", strerror(errno)) : 0;
}

/* A line that is too long becomes several requests. */
static int ask_all(struct kreg *k, const char *name)
{
	struct client c = { .k = k, .name = name, .fd = -1 };
	char line[REQUEST_MAX + 1];
	int status = 0;

	while (!status && fgets(line, sizeof(line), stdin))
		status = ask(&c, line, strlen(line));
	if (c.fd >= 0)
		close(c.fd);
	return status;
}

int main(int argc, char **argv)
{
	const char *registry = getenv("KREG_REGISTRY");
	bool serves = argc == 3 && !strcmp(argv[1], "serve");
	struct kreg *k;
	int status, err;

	if (!serves && (argc != 3 || strcmp(argv[1], "ask") != 0)) {
		fputs("usage: names serve NAME | names ask NAME\n", stderr);
		return 2;
	}
	err = kreg_open(&k, registry && *registry ? registry : "example-names", NULL);
	if (err) {
		fail("open the registry", kreg_strerror(err));
		return 1;
	}
	status = serves ? serve(k, argv[2]) : ask_all(k, argv[2]);
	kreg_close(k);
	return status ? 1 : 0;
}
