/* SPDX-License-Identifier: MIT */
/*
 * event_store: keeps events in a file, in the order in which they came, and each of them once.
 *
 *     add ID TEXT    the number of the event that has this id: of a new one, or of the one that has it already
 *     get NUMBER     its id and text
 *     count          how many there are
 *
 * The client chooses the id, so that it may send a request again that was not answered: nothing is lost and
 * nothing is there twice. The file's name is what config_server says of "events".
 *
 * An event is a line, and is stored when its newline is in the file:
 *
 *     the file ends with    means                      who starts next
 *     a newline             all events are stored      reads them
 *     anything else         killed while it wrote      cuts it off; it was not answered, and comes again
 *
 * What the kernel has taken outlives a kill -9. It does not outlive the host: that takes an fdatasync(2) for each.
 */
#define _GNU_SOURCE 1

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "server.h"

#define TIMEOUT_MS 10000

struct event {
	size_t number;
	char *text; /* the id, a space, and what the client wanted to keep */
};

struct store {
	int fd;
	off_t size;
	struct event **events;
	size_t count;
	void *by_id;
};

/* The ids, each up to its space. */
static int compare(const void *one, const void *other)
{
	const struct event *a = one, *b = other;
	size_t a_size = strcspn(a->text, " "), b_size = strcspn(b->text, " ");
	int order = memcmp(a->text, b->text, a_size < b_size ? a_size : b_size);

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* Room for one more in memory. Return: the event, which is not in the store yet; NULL there is no memory. */
static struct event *prepare(struct store *store, const char *text)
{
	struct event **events = realloc(store->events, (store->count + 1) * sizeof(events[0]));
	struct event *event = malloc(sizeof(*event));

	if (events)
		store->events = events;
	if (event)
		event->text = strdup(text);
	if (events && event && event->text) {
		event->number = store->count + 1;
		return event;
	}
	if (event)
		free(event->text);
	free(event);
	return NULL;
}

static void discard(struct event *event)
{
	free(event->text);
	free(event);
}

static struct event *find(const struct store *store, char *text)
{
	struct event wanted = { .text = text };
	struct event **found = tfind(&wanted, &store->by_id, compare);

	return found ? *found : NULL;
}

/* Return: false there is no memory for it. */
static bool remember(struct store *store, struct event *event)
{
	if (!tsearch(event, &store->by_id, compare))
		return false;
	store->events[store->count++] = event;
	return true;
}

/* All or nothing of a line. Who can't have nothing must not go on: the next line would be part of this one. */
static int append(struct store *store, const char *text)
{
	char line[REQUEST_MAX + 2];
	int size = snprintf(line, sizeof(line), "%s\n", text);
	ssize_t written = write(store->fd, line, (size_t)size);

	if (written == size) {
		store->size += size;
		return 0;
	}
	if (ftruncate(store->fd, store->size)) {
		fail("undo half an event", strerror(errno));
		exit(1);
	}
	return written < 0 ? -errno : -ENOSPC;
}

static bool add(struct store *store, char *event_text, char *text)
{
	struct event *event = find(store, event_text);
	size_t id_size = strcspn(event_text, " ");
	int err;

	if (!id_size || !event_text[id_size] || strchr(event_text, '\n')) {
		snprintf(text, TEXT_MAX, "an event is ID TEXT, in one line");
		return false;
	}
	if (!event) {
		event = prepare(store, event_text);
		err = event ? append(store, event_text) : -ENOMEM;
		if (err) {
			snprintf(text, TEXT_MAX, "it is not stored: %s", strerror(-err));
			if (event)
				discard(event);
			return false;
		}
		/* It is stored. Who starts next may have the memory to know it again. */
		if (!remember(store, event))
			exit(1);
	}
	snprintf(text, TEXT_MAX, "%zu", event->number);
	return true;
}

static bool get(const struct store *store, const char *number, char *text)
{
	uintmax_t wanted = isdigit((unsigned char)*number) ? strtoumax(number, NULL, 10) : 0;

	if (wanted < 1 || wanted > store->count) {
		snprintf(text, TEXT_MAX, "the events are 1 to %zu", store->count);
		return false;
	}
	snprintf(text, TEXT_MAX, "%s", store->events[wanted - 1]->text);
	return true;
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

/* Return: 0; a negative errno. */
static int read_events(struct store *store, FILE *lines)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int err = 0;

	while (!err && (size = getline(&line, &capacity, lines)) > 0 && line[size - 1] == '\n') {
		struct event *event;

		line[size - 1] = 0;
		event = prepare(store, line);
		if (!event || !remember(store, event))
			err = -ENOMEM;
		store->size += size;
	}
	if (!err && ferror(lines))
		err = -errno;
	free(line);
	return err;
}

static int open_store(struct store *store, const char *path)
{
	FILE *lines;
	int err;

	store->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (store->fd < 0)
		return fail(path, strerror(errno));
	lines = fopen(path, "re");
	err = lines ? read_events(store, lines) : -errno;
	if (lines)
		fclose(lines);
	if (!err && ftruncate(store->fd, store->size))
		err = -errno;
	return err ? fail(path, strerror(-err)) : 0;
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
