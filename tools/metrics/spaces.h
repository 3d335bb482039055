/* SPDX-License-Identifier: MIT */
/*
 * Services, counted by namespace and state.
 *
 * One pass over the services, and one over what supervisors report of theirs; each service is
 * counted once, whatever happens to it in between (tools/reported.h), and /proc is read once for
 * each process that has one, however many it has. What is printed is bounded: the first SPACES_SHOWN
 * namespaces in alphabetical order have their own counts, all others have one together.
 *
 * Used by   picture.c, registry_metrics.c.
 */
#ifndef TOOLS_METRICS_SPACES_H
#define TOOLS_METRICS_SPACES_H

#include "lib/kreg-services.h"
#include "tools/who.h"

#define SPACES_SHOWN 100

/* Beyond these a namespace is among the others wherever it is in the alphabet. */
#define SPACES_MAX 10000

/* No namespace has this name. */
#define SPACES_OTHERS "*"

/* After those of processes: the name is reserved, its program has not reported that it is ready. */
#define SPACES_STARTING WHO_STATES
/* Without a process, as their supervisors report them; failed: the supervisor has given up. */
#define SPACES_RESTARTING (WHO_STATES + 1)
#define SPACES_FAILED (WHO_STATES + 2)
#define SPACES_STATES (WHO_STATES + 3)

struct space {
	char name[KREG_NAMESPACE_MAX + 1];
	uint64_t services[SPACES_STATES];
};

struct spaces {
	struct space **list; /* in alphabetical order */
	size_t count, room;
	void *tree; /* of tsearch(3), while it counts */
	struct space others;
	bool has_others;
};

/* "running", "starting" and so on. */
const char *spaces_state_name(int state);

/* Counts the services of @k. Return: 0, -ENOMEM, an error of kreg_service_each(). */
int spaces_count(struct spaces *spaces, struct kreg *k, struct who_cache *who);
void spaces_free(struct spaces *spaces);

#endif
