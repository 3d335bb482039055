/* SPDX-License-Identifier: MIT */
/*
 * A client that outlives its services, without polling: it waits for a missing service
 * with kreg_service_await(), and for one that has not answered to end with
 * kreg_service_await_gone(), so that the next lookup finds its successor.
 *
 * Killed at any point, it may leave a request that has been carried out.
 */
#define _GNU_SOURCE 1

#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void client_init(struct client *client, struct kreg *k, const char *space, const char *role,
		 int64_t timeout_ms)
{
	*client = (struct client){
		.k = k, .space = space, .role = role, .timeout_ms = timeout_ms, .fd = -1
	};
}

static void disconnect(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

void client_deinit(struct client *client)
{
	disconnect(client);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A negative timeout would mean none. */
static int64_t left_until(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return left > 0 ? left : 0;
}

/* Returns when @service no longer holds the name. */
static int await_end(const struct client *client, const struct kreg_owner *service,
		     int64_t deadline)
{
	return kreg_service_await_gone(client->k, client->space, client->role, service,
				       left_until(deadline));
}

static int connect_until(struct client *client, int64_t deadline)
{
	struct kreg_found found = { 0 };
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_service_key(client->space, client->role, key, sizeof(key));
	int err;

	if (size < 0)
		return (int)size;
	for (;;) {
		err = kreg_service_await(client->k, client->space, client->role,
					 left_until(deadline), &found);
		if (err)
			return err;
		/*
		 * Nonblocking: a stopped service with a full queue does not block the
		 * client.
		 */
		client->fd = kreg_connect(client->k, key, (size_t)size,
					  SOCK_SEQPACKET | SOCK_NONBLOCK, &client->service);
		if (client->fd >= 0)
			return 0;
		/*
		 * In the fallback the name outlives the program by the moment that its
		 * parent needs to notice its end.
		 */
		if (client->fd != -ENOENT && client->fd != -ECONNREFUSED && client->fd != -EPERM)
			return client->fd;
		if (await_end(client, &found.owner, deadline))
			return client->fd;
	}
}

/* Return: 0: there is an answer to fetch; -ETIMEDOUT; another negative errno. */
static int await_answer(const struct client *client, int64_t deadline)
{
	struct pollfd at = { .fd = client->fd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&at, 1, (int)left_until(deadline));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int read_answer(const char *answer, size_t size, char *text)
{
	bool ok = size >= 3 && !memcmp(answer, "ok ", 3);
	size_t head = ok ? 3 : 6;

	if (!ok && (size < 6 || memcmp(answer, "error ", 6) != 0))
		return -EPROTO;
	if (size - head >= TEXT_MAX)
		return -EPROTO;
	memcpy(text, answer + head, size - head);
	text[size - head] = 0;
	return ok ? 0 : 1;
}

/* Return: as client_ask(); -ECONNRESET: the service is gone. */
static int exchange(const struct client *client, const char *request, int64_t deadline, char *text)
{
	char answer[ANSWER_MAX];
	ssize_t got = send(client->fd, request, strlen(request), MSG_NOSIGNAL);
	int err;

	if (got >= 0) {
		err = await_answer(client, deadline);
		if (err)
			return err;
		got = recv(client->fd, answer, sizeof(answer), 0);
	}
	if (got < 0)
		return errno == EPIPE ? -ECONNRESET : -errno;
	return got ? read_answer(answer, (size_t)got, text) : -ECONNRESET;
}

int client_ask(struct client *client, const char *request, char *text)
{
	int64_t deadline = now_ms() + client->timeout_ms;
	int err;

	if (strlen(request) > REQUEST_MAX)
		return -EMSGSIZE;
	for (;;) {
		err = client->fd < 0 ? connect_until(client, deadline) : 0;
		if (!err)
			err = exchange(client, request, deadline, text);
		if (err >= 0)
			return err;
		/* A late answer would be taken for the answer to the next request. */
		disconnect(client);
		if (err != -ECONNRESET)
			return err;
		/*
		 * Returns at once if it is dead. The timeout is for one that lives and
		 * refuses connections.
		 */
		err = await_end(client, &client->service, deadline);
		if (err)
			return err;
		client->resent++;
	}
}
