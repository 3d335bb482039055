/* SPDX-License-Identifier: MIT */
/*
 * What event_store keeps: events in a file, numbered from 1 in the order in which they came. Each has an id, and
 * none is there twice.
 *
 * An event is a text of one line, which begins with its id and a space.
 */
#ifndef EXAMPLES_STORE_H
#define EXAMPLES_STORE_H

#include <stddef.h>
#include <sys/types.h>

struct event;

struct store {
	int fd;
	off_t size;
	struct event **events;
	size_t count;
	void *by_id;
};

/*
 * Opens the file at @path, which no other process may write meanwhile, and creates it at first use. Cuts off what
 * a process that was killed has left of an event.
 * Return: 0; a negative errno.
 */
int store_open(struct store *out, const char *path);

/*
 * Stores @text, if no event has its id. Ends the process where it cannot say for sure what is stored: the next one
 * finds out from the file.
 * Return: 0, and *number is that of the event with that id; -EINVAL it is no event; another negative errno:
 *         nothing is stored.
 */
int store_add(struct store *store, char *text, size_t *number);

/* Return: NULL there is none of that number. */
const char *store_get(const struct store *store, size_t number);

#endif
