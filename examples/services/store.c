/* SPDX-License-Identifier: MIT */
/*
 * The file of events. An event is stored when the newline at its end is in the file:
 *
 *     the file ends with    means                        store_open()
 *     a newline             all events are stored        reads them
 *     anything else         killed during a write        cuts the part off; it was never confirmed
 *
 * What the kernel has accepted outlives a kill -9. To outlive a crash of the host, each
 * event would need an fdatasync(2).
 */
#define _GNU_SOURCE 1

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct event {
	size_t number;
	char *text;
};

/* Compares ids, each up to its space. */
static int compare(const void *one, const void *other)
{
	const struct event *a = one, *b = other;
	size_t a_size = strcspn(a->text, " "), b_size = strcspn(b->text, " ");
	int order = memcmp(a->text, b->text, a_size < b_size ? a_size : b_size);

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

static void discard(struct event *event)
{
	if (event)
		free(event->text);
	free(event);
}

/*
 * Makes room for one more in memory. Return: the event, which is not in the store yet;
 * NULL: out of memory.
 */
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
	discard(event);
	return NULL;
}

static struct event *find(const struct store *store, char *text)
{
	const struct event wanted = { .text = text };
	struct event **found = tfind(&wanted, &store->by_id, compare);

	return found ? *found : NULL;
}

/* Return: false: out of memory. */
static bool remember(struct store *store, struct event *event)
{
	if (!tsearch(event, &store->by_id, compare))
		return false;
	store->events[store->count++] = event;
	return true;
}

/*
 * Writes all of a line or nothing. If a partial write cannot be undone the program must
 * end: the next line would be part of this one.
 */
static int append(struct store *store, char *text)
{
	static char newline[] = "\n";
	const struct iovec line[] = { { text, strlen(text) }, { newline, 1 } };
	ssize_t size = (ssize_t)line[0].iov_len + 1;
	ssize_t written = writev(store->fd, line, 2);
	int err = written < 0 ? -errno : -ENOSPC;

	if (written == size) {
		store->size += size;
		return 0;
	}
	if (ftruncate(store->fd, store->size))
		abort();
	return err;
}

int store_add(struct store *store, char *text, size_t *number)
{
	struct event *event = find(store, text);
	size_t id_size = strcspn(text, " ");
	int err = 0;

	if (!id_size || !text[id_size] || strchr(text, '\n'))
		return -EINVAL;
	if (!event) {
		event = prepare(store, text);
		err = event ? append(store, text) : -ENOMEM;
		if (err) {
			discard(event);
			return err;
		}
		/*
		 * It is in the file. The process that opens the file next may have the
		 * memory for it.
		 */
		if (!remember(store, event))
			abort();
	}
	*number = event->number;
	return 0;
}

const char *store_get(const struct store *store, size_t number)
{
	return number >= 1 && number <= store->count ? store->events[number - 1]->text : NULL;
}

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

int store_open(struct store *out, const char *path)
{
	FILE *lines;
	int err;

	*out = (struct store){ .fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600) };
	if (out->fd < 0)
		return -errno;
	lines = fopen(path, "re");
	err = lines ? read_events(out, lines) : -errno;
	if (lines)
		fclose(lines);
	if (!err && ftruncate(out->fd, out->size))
		err = -errno;
	return err;
}
