/* SPDX-License-Identifier: MIT */
/*
 * event_store: keeps events, in the order in which they came, and each only once.
 *
 *     add ID TEXT    the number of the event with this id, which is new or was stored before
 *     get NUMBER     its id and text
 *     count          how many there are
 *
 * The client chooses the id, so it may send a request again that was not answered: no
 * event is lost or stored twice. The file's name is what config_server answers for
 * "events".
 *
 * Killed at any point, it has stored what it has answered, and perhaps what it was about
 * to answer.
 */
#define _GNU_SOURCE 1

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "server.h"
#include "store.h"

#define TIMEOUT_MS 10000

static bool add(struct store *store, char *event, char *text)
{
	size_t number;
	int err = store_add(store, event, &number);

	if (!err)
		snprintf(text, TEXT_MAX, "%zu", number);
	else if (err == -EINVAL)
		snprintf(text, TEXT_MAX, "an event is ID TEXT, in one line");
	else
		snprintf(text, TEXT_MAX, "it is not stored: %s", strerror(-err));
	return !err;
}

static bool get(const struct store *store, const char *number, char *text)
{
	const char *event = isdigit((unsigned char)*number)
				    ? store_get(store, strtoul(number, NULL, 10))
				    : NULL;

	if (event)
		snprintf(text, TEXT_MAX, "%s", event);
	else
		snprintf(text, TEXT_MAX, "the events are 1 to %zu", store->count);
	return event != NULL;
}

static bool answer(void *data, char *request, char *text)
{
	struct store *store = data;

	if (!strncmp(request, "add ", 4))
		return add(store, request + 4, text);
	if (!strncmp(request, "get ", 4))
		return get(store, request + 4, text);
	if (!strcmp(request, "count")) {
		snprintf(text, TEXT_MAX, "%zu", store->count);
		return true;
	}
	snprintf(text, TEXT_MAX, "the requests are: add ID TEXT, get NUMBER, count");
	return false;
}

static int open_store(struct store *store, const char *path)
{
	char what[TEXT_MAX + 8];
	int err = store_open(store, path);

	snprintf(what, sizeof(what), "open %s", path);
	return err ? fail(what, strerror(-err)) : 0;
}

/* Waits for config_server, so the order in which the two are started does not matter. */
static int read_configuration(const struct server *server, char *path)
{
	struct client config;
	int err;

	client_init(&config, server->k, server->space, "config_server", TIMEOUT_MS);
	err = client_ask(&config, "get events", path);
	client_deinit(&config);
	if (!err)
		return 0;
	return fail("learn the file's name from config_server",
		    err == 1 ? path : kreg_strerror(err));
}

int main(void)
{
	struct store store = { 0 };
	const struct server_work work = { .answer = answer, .data = &store };
	struct server server;
	char path[TEXT_MAX];

	if (server_open(&server, "event_store"))
		return 1;
	if (!read_configuration(&server, path) && !open_store(&store, path))
		server_run(&server, &work);
	server_close(&server);
	return 1;
}
