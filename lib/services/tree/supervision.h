/* SPDX-License-Identifier: MIT */
/*
 * A plan: a checked copy of what the caller of kreg_supervise() wants, with the services
 * in the order of their start.
 *
 * Promises  it points to nothing of the caller's but @log and @log_data; structs have
 *           this library's size.
 * Context   any; allocates.
 * Used by   supervisor.c, supervisor_run.c.
 */
#ifndef KREG_LIB_SUPERVISION_H
#define KREG_LIB_SUPERVISION_H

#include "lib/kreg-services.h"

#pragma GCC visibility push(hidden)

struct kept;

struct supervision {
	const struct kreg *k;
	struct kreg_supervision what; /* @services is not set */
	char space[KREG_NAMESPACE_MAX + 1];
	struct kreg_supervised *services; /* in the order of their start, with the defaults set */
	struct kept *kept;
};

/*
 * @why: room for KREG_ROLE_MAX + 1 bytes; set to the role at fault, which is
 * also logged. -EINVAL, which is said; -E2BIG: has what this library does not know; -EMSGSIZE; -ENOMEM.
 */
int supervision_copy(struct supervision **out, const struct kreg *k, const char *space,
		     const struct kreg_supervision *what, char *why);
void supervision_free(struct supervision *supervision);

/* Sets @why to @role, which may be NULL. */
void supervision_blame(char *why, const char *role);

/* Logs a sentence. */
void supervision_say(const struct kreg_supervision *what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop

#endif
