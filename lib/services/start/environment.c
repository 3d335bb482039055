/* SPDX-License-Identifier: MIT */
/*
 * Builds the environment of a program. All strings are copies, so the caller's threads
 * may change their own meanwhile.
 */
#include "lib/services/start/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_of_name(const char *pair, const char *name, size_t size)
{
	return !strncmp(pair, name, size) && pair[size] == '=';
}

/* A program finds its manager by these: the caller's manager is not the program's. */
static bool is_of_manager(const char *pair)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (is_of_name(pair, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

bool environment_is_own(const char *pair)
{
	return is_of_manager(pair) || !strncmp(pair, "KREG_", strlen("KREG_"));
}

/* Takes ownership of @pair, also on error. */
static int put(struct environment *e, char *pair, size_t name_size)
{
	size_t i, size = e->size ? e->size * 2 : 64;
	char **grown;

	for (i = 0; i < e->count; i++) {
		if (!is_of_name(e->list[i], pair, name_size))
			continue;
		free(e->list[i]);
		e->list[i] = pair;
		return 0;
	}
	if (e->count + 1 >= e->size) {
		grown = realloc(e->list, size * sizeof(*grown));
		if (!grown) {
			free(pair);
			return -ENOMEM;
		}
		e->list = grown;
		e->size = size;
	}
	e->list[e->count++] = pair;
	e->list[e->count] = NULL;
	return 0;
}

int environment_add(struct environment *e, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char *copy;

	if (!equals || equals == pair)
		return -EINVAL;
	copy = strdup(pair);
	return copy ? put(e, copy, (size_t)(equals - pair)) : -ENOMEM;
}

int environment_set(struct environment *e, const char *name, const char *value)
{
	char *pair;

	if (asprintf(&pair, "%s=%s", name, value) < 0)
		return -ENOMEM;
	return put(e, pair, strlen(name));
}

int environment_new(struct environment *out)
{
	char **at;
	int err = 0;

	*out = (struct environment){ 0 };
	for (at = environ; at && *at && !err; at++) {
		if (!is_of_manager(*at))
			err = environment_add(out, *at);
		/* A string without a name is of no use to any program: it is skipped. */
		if (err == -EINVAL)
			err = 0;
	}
	if (err)
		environment_free(out);
	return err;
}

void environment_free(struct environment *e)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		free(e->list[i]);
	free(e->list);
	*e = (struct environment){ 0 };
}
