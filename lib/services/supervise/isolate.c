/* SPDX-License-Identifier: MIT */
/*
 * Isolated namespaces: a namespace with a random id that is not in use, claimed by
 * registering its supervisor. A test runs the services of production in one, without
 * meeting production's.
 *
 *   killed here                     what is left
 *   before the supervisor exists    nothing
 *   later                           nothing: the supervisor's name goes with this process, and the
 *                                   kernel kills the services, which hold all other names
 *
 * Names that the test itself registers in the namespace go with its process too. Names
 * registered there by other processes of the test are ended by kreg_isolation_end(); if
 * that is never called, they stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/call.h"
#include "base/sized.h"
#include "lib/inner.h"
#include "lib/kreg-services.h"

/* After this many ids that are in use, the cause must be something else. */
#define ID_TRIES 16

struct kreg_isolation {
	struct kreg *k;
	struct kreg_supervisor *supervisor;
	char space[32];
};

static int name_space(struct kreg_isolation *isolation)
{
	uint64_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EAGAIN;
	snprintf(isolation->space, sizeof(isolation->space), "test.%016lx", (unsigned long)id);
	return 0;
}

int kreg_isolate(struct kreg_isolation **out, struct kreg *k,
		 const struct kreg_supervision *services, char *why, size_t why_size)
{
	UNCANCELLABLE;
	KREG_SUPERVISION(none, .services = NULL);
	char blamed[KREG_ROLE_MAX + 1] = "";
	struct kreg_supervision what;
	struct kreg_isolation *isolation;
	int tries, err;

	if (why && why_size)
		*why = 0;
	if (!out)
		return refuse(k, "out is NULL: it gets the isolation");
	if (!why && why_size)
		return refuse(k, "why is NULL, but why_size is not 0");
	if (!services)
		services = &none;
	err = struct_of_call(k, &what, services, "services");
	if (!err && (what.flags & KREG_SUPERVISE_KEEP))
		err = refuse(k, "services->flags has KREG_SUPERVISE_KEEP, but the services of an "
				"isolated namespace end with it");
	if (err)
		return err;
	isolation = calloc(1, sizeof(*isolation));
	if (!isolation)
		return -ENOMEM;
	isolation->k = k;
	for (tries = 0; tries < ID_TRIES; tries++) {
		err = name_space(isolation);
		if (!err)
			err = kreg_supervise(&isolation->supervisor, k, isolation->space, services,
					     blamed, sizeof(blamed));
		if (err != -EEXIST || strcmp(blamed, KREG_ROLE_SUPERVISOR))
			break;
	}
	if (why)
		snprintf(why, why_size, "%s", blamed);
	if (err)
		free(isolation);
	else
		*out = isolation;
	return err;
}

const char *kreg_isolation_space(const struct kreg_isolation *isolation)
{
	return isolation ? isolation->space : NULL;
}

const struct kreg_supervisor *kreg_isolation_supervisor(const struct kreg_isolation *isolation)
{
	return isolation ? isolation->supervisor : NULL;
}

int kreg_isolation_end(struct kreg_isolation *isolation)
{
	UNCANCELLABLE;
	int64_t stopped = 0;

	if (!isolation)
		return 0;
	kreg_supervisor_stop(isolation->supervisor);
	/* In a child of fork() the namespace belongs to the parent. */
	if (!kreg_inner_is_parents(isolation->k))
		stopped = kreg_namespace_stop(isolation->k, isolation->space, 0);
	free(isolation);
	return stopped < 0 ? (int)stopped : 0;
}
