/* SPDX-License-Identifier: MIT */
/*
 * The mirror: a listener's copy of the entries, from which it knows what a death has
 * ended.
 *
 * Promises  for each entry one register event and then one unregister or purge event, in
 *           order for each key; for a name with a single holder, only the holder's.
 *           Between them at most one dump event.
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
	struct death *death; /* the listener's; NULL: not watched */
	struct dump *dump;   /* the same */
	bool has_untold;     /* has an entry whose dump event was not reported yet */
	bool fresh;          /* the listener has not seen it yet */
	bool doomed;         /* was dead before the logs were read */
	struct cds_list_head node;
	struct cds_list_head entries;
};

/* An event to be fetched. */
struct mirror_event {
	struct cds_list_head node;
	struct kreg_event event;
	unsigned char bytes[]; /* key and value */
};

/* An entry that was taken over before its owner's record of it was read. */
struct mirror_taken {
	owner_t owner; /* 0: none */
	place_t place;
};

/* More than are between two records of a process that is not stopped. */
#define MIRROR_TAKEN 64u

struct mirror {
	struct kreg *k;
	struct kreg_pattern pattern;
	void *by_place, *by_key, *by_token; /* trees of tsearch(3) */
	struct cds_list_head owners;
	struct cds_list_head keys; /* in the order in which they were found */
	struct cds_list_head events;
	struct cds_list_head blocked; /* reserved keys with known entries in line */
	/* entries that the table lacked when a record told of them: in this step, and in the one before */
	struct cds_list_head absent, was_absent;
	bool begun; /* entries found from now on are new, and what becomes of any is reported */
	uint32_t nowhere; /* how often entry_lose() was called */
	struct mirror_taken taken[MIRROR_TAKEN];
	uint32_t takes; /* the next of @taken is takes % MIRROR_TAKEN */
};

void mirror_init(struct mirror *m, struct kreg *k, const struct kreg_pattern *pattern);
void mirror_free(struct mirror *m);

/* All return 0 or -ENOMEM. After an error the mirror is behind and needs mirror_resync(). */
int mirror_apply(struct mirror *m, const struct log_record *record);

/* Reports all of @owner's entries as purged, and forgets the owner. */
int mirror_purge(struct mirror *m, struct mirror_owner *owner);

/* Reports that @owner dumps core, once for each of its entries. */
int mirror_dump(struct mirror *m, struct mirror_owner *owner);

/* Reports the next holder of names whose reservation has ended. */
int mirror_unblock(struct mirror *m);

/*
 * Ends the entries that a record has told of before the last call, although the table had them no
 * longer, and of whose end there was no record since. mirror_has_absent(): whether there are any
 * for the next call.
 */
int mirror_end_absent(struct mirror *m);
bool mirror_has_absent(struct mirror *m);

/* Reports that @lost records were missed; 0: unknown how many. */
int mirror_lost(struct mirror *m, pid_t pid, uint64_t lost);

/*
 * Compares with the table and reports the differences: for @owner, or for all if that is
 * 0. -EAGAIN, -EUCLEAN as kreg_each().
 */
int mirror_resync(struct mirror *m, owner_t owner);

/*
 * After the first mirror_resync() that has succeeded: what was found until then is known, and
 * reported if @tell.
 */
int mirror_begin(struct mirror *m, bool tell);

#pragma GCC visibility pop

#endif
