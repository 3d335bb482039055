/* SPDX-License-Identifier: MIT */
/*
 * The storage of event_store: events in a file, numbered from 1 in the order in which
 * they came. Ids are unique.
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
 * Opens the file at @path, which no other process may write meanwhile, and creates it at
 * first use. Cuts off the part of an event that a killed process has left. Return: 0; a
 * negative errno.
 */
int store_open(struct store *out, const char *path);

/*
 * Stores @text, unless an event has its id. Ends the process if it cannot tell what is
 * stored: the next one finds out from the file. Return: 0, and *number is that of the
 * event with that id; -EINVAL: it is not an event;
 *         another negative errno: nothing is stored.
 */
int store_add(struct store *store, char *text, size_t *number);

/* Return: NULL: there is no event of that number. */
const char *store_get(const struct store *store, size_t number);

#endif
