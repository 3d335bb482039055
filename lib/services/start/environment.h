/* SPDX-License-Identifier: MIT */
/*
 * The environment of a program that is started: the caller's, with additions.
 *
 * Context   any thread that may read environ.
 * Used by   start.c, service_values.c.
 */
#ifndef KREG_LIB_ENVIRONMENT_H
#define KREG_LIB_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

struct environment {
	char **list; /* ended by a NULL */
	size_t count, size;
};

/*
 * Copies the caller's environment without NOTIFY_SOCKET and WATCHDOG_*, which belong to
 * its own manager. -ENOMEM.
 */
int environment_new(struct environment *out);

/*
 * A later value of a name replaces an earlier one. -EINVAL: @pair is not NAME=VALUE;
 * -ENOMEM.
 */
int environment_add(struct environment *environment, const char *pair);
int environment_set(struct environment *environment, const char *name, const char *value);

/* Whether NAME of @pair, NAME=VALUE, is one that kreg sets to tell a program its service. */
bool environment_is_own(const char *pair);

void environment_free(struct environment *environment);

#pragma GCC visibility pop

#endif
