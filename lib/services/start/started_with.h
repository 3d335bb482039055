/* SPDX-License-Identifier: MIT */
/*
 * The environment that a process was started with, as far as /proc shows it and the
 * process has not changed it.
 *
 * Context   any; allocates.
 * Used by   service_group.c, start_found.c.
 */
#ifndef KREG_LIB_STARTED_WITH_H
#define KREG_LIB_STARTED_WITH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

struct started_with {
	char *text; /* NULL: nothing is known */
	size_t size;
};

void started_with_read(struct started_with *out, pid_t pid);
void started_with_free(struct started_with *environment);

/* The value of a variable; NULL: it is not set. */
const char *started_with(const struct started_with *environment, const char *name);

/*
 * Whether it was started as this service: then its other variables apply to this service
 * too.
 */
bool started_with_names(const struct started_with *environment, const char *space,
			const char *role);

#pragma GCC visibility pop

#endif
