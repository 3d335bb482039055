/* SPDX-License-Identifier: MIT */
/*
 * The mirror: what a listener knows of the registry, so that it can say what the dead have left.
 *
 * Promises  for each entry one register event and then one unregister or purge event, in order for each
 *           key; of a name that may be held by one, the holder's alone. Between them at most one dump event.
 * Needs     one thread at a time.
 * Context   private memory, and lookups.
 * Used by   listen.c.
 */
#ifndef KREG_LIB_MIRROR_H
#define KREG_LIB_MIRROR_H

#include <urcu/list.h>

#include "lib/handle/handle.h"
#include "shm/log.h"

#pragma GCC visibility push(hidden)

struct mirror_owner {
	owner_t token;
	pid_t pid;
	struct death *death; /* NULL: not watched; the listener's */
	struct dump *dump;   /* the same */
	bool has_untold;     /* an entry of which it is not told that the owner dumps core */
	bool fresh;          /* not seen by the listener yet */
	bool doomed;         /* was dead before the logs were read */
	struct cds_list_head node;
	struct cds_list_head entries;
};

/* An event that waits to be fetched. */
struct mirror_event {
	struct cds_list_head node;
	struct kreg_event event;
	unsigned char bytes[]; /* key and value */
};

struct mirror {
	struct kreg *k;
	struct kreg_pattern pattern;
	void *by_place, *by_key, *by_token; /* trees of tsearch(3) */
	struct cds_list_head owners;
	struct cds_list_head events;
	struct cds_list_head blocked; /* keys that are reserved, with some in line that we know */
	bool begun;                   /* what is heard of now is new */
};

void mirror_init(struct mirror *m, struct kreg *k, const struct kreg_pattern *pattern);
void mirror_free(struct mirror *m);

/* All return 0 or -ENOMEM; then the mirror is behind and needs mirror_resync(). */
int mirror_apply(struct mirror *m, const struct log_record *record);

/* Tells that all of @owner's entries went with it, and forgets it. */
int mirror_purge(struct mirror *m, struct mirror_owner *owner);

/* Tells of @owner's entries that it dumps core, unless it was told. */
int mirror_dump(struct mirror *m, struct mirror_owner *owner);

/* Tells whose turn it is of those in line behind a reserved name that is no more. */
int mirror_unblock(struct mirror *m);

/* Tells that @lost records were missed; 0: not known how many. */
int mirror_lost(struct mirror *m, pid_t pid, uint64_t lost);

/*
 * Compares with the table, and tells what is different: of @owner, or of all if that is 0. @tell: what is
 * new as well. -EAGAIN, -EUCLEAN as kreg_each().
 */
int mirror_resync(struct mirror *m, owner_t owner, bool tell);

#pragma GCC visibility pop

#endif
