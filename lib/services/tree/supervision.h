/* SPDX-License-Identifier: MIT */
/*
 * A copy of what a supervisor is told to do, checked, with the services in the order of their start.
 *
 * Promises  nothing of the caller's is pointed to but @log and @log_data; structs are of this library's size.
 * Context   any; allocates.
 * Used by   supervisor.c, supervisor_run.c.
 */
#ifndef KREG_LIB_SUPERVISION_H
#define KREG_LIB_SUPERVISION_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct kept;

struct supervision {
	struct kreg_supervision what; /* @services is not set */
	char space[KREG_NAMESPACE_MAX + 1];
	struct kreg_supervised
		*services; /* in the order of their start; what is 0 by default is set */
	struct kept *kept;
};

/*
 * @why: room for KREG_ROLE_MAX + 1 bytes, or NULL; the role with which something is wrong, which the log is told.
 * -EINVAL; -E2BIG what this library does not know; -EMSGSIZE; -ENOMEM.
 */
int supervision_copy(struct supervision **out, const char *space,
		     const struct kreg_supervision *what, char *why);
void supervision_free(struct supervision *supervision);

/* Fills @why, which may be NULL, with a role, which may be NULL. */
void supervision_blame(char *why, const char *role);

/* Tells the log a sentence. */
void supervision_say(const struct kreg_supervision *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop

#endif
