/* SPDX-License-Identifier: MIT */
#include "tools/serve/connections.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void shut(struct connections *connections, struct connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
	connection->is_shut = true;
	connections->open--;
}

static struct connection *oldest(const struct connections *connections)
{
	struct connection *connection = connections->first;

	while (connection && connection->is_shut)
		connection = connection->after;
	return connection;
}

struct connection *connections_add(struct connections *connections, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		shutdown(fd, SHUT_RDWR);
		return NULL;
	}
	if (connections->open == CONNECTIONS_MAX)
		shut(connections, oldest(connections));
	connection->fd = fd;
	connection->came_ms = now_ms();
	connection->number = ++connections->count;
	connection->before = connections->last;
	if (connections->last)
		connections->last->after = connection;
	else
		connections->first = connection;
	connections->last = connection;
	connections->open++;
	return connection;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
	if (connection->before)
		connection->before->after = connection->after;
	else
		connections->first = connection->after;
	if (connection->after)
		connection->after->before = connection->before;
	else
		connections->last = connection->before;
	if (!connection->is_shut)
		connections->open--;
	free(connection);
}

int connections_end_old(struct connections *connections)
{
	struct connection *connection;
	uint64_t now = now_ms(), age;

	while ((connection = oldest(connections))) {
		age = now - connection->came_ms;
		if (age < CONNECTION_SECONDS * 1000)
			return (int)(CONNECTION_SECONDS * 1000 - age);
		shut(connections, connection);
	}
	return -1;
}
