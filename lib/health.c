/* SPDX-License-Identifier: MIT */
/*
 * Health: who has the name, be it only reserved; what the kernel says of that process; when it last said
 * that it was well.
 *
 * A beat is a word of the owner's row, so a process that is stuck says so for all of its services at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/owner.h"
#include "lib/service_key.h"
#include "shm/row.h"
#include "shm/table_search.h"

int kreg_service_beat(struct kreg *k)
{
	struct kreg_owner self;
	int err = kreg_self(k, &self);

	if (!err)
		row_beat(&k->segment, k->self.owner);
	return err;
}

static enum kreg_process_state process_state(const struct kreg *k, const struct kreg_owner *owner)
{
	char path[64], text[512], *at = NULL;
	FILE *stat;

	if (!owner_pid_is_ours(k, owner->token))
		return KREG_PROCESS_UNKNOWN;
	snprintf(path, sizeof(path), "/proc/%d/stat", owner->pid);
	stat = fopen(path, "re");
	if (stat) {
		at = fgets(text, sizeof(text), stat);
		fclose(stat);
	}
	/* The name may hold anything, brackets too. */
	at = at ? strrchr(text, ')') : NULL;
	if (!at || strlen(at) < 3)
		return KREG_PROCESS_UNKNOWN;
	switch (at[2]) {
	case 'T':
	case 't':
		return KREG_PROCESS_STOPPED;
	case 'Z':
	case 'X':
		return KREG_PROCESS_ZOMBIE;
	default:
		return KREG_PROCESS_RUNNING;
	}
}

/* The first in line for the name. -ENOENT, -EAGAIN, -EUCLEAN. */
static int find_first(struct kreg *k, const struct service_key *key,
		      struct kreg_service_health *out)
{
	struct query q = table_query(&k->segment, key->bytes, key->size);
	struct found found = { 0 };
	int tries, err;

	q.kinds = KINDS_OF_NAMES;
	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		err = table_find(&k->segment, &k->lives, &q, &found);
		if (!grace_peek_held(&k->segment, epoch))
			continue;
		if (!err && !handle_owner(k, found.owner, found.life, &out->owner))
			continue;
		out->ready = !err && entry_kind(found.info) == ENTRY_NAME;
		return err;
	}
	return -EAGAIN;
}

int kreg_service_health(struct kreg *k, const char *space, const char *role,
			struct kreg_service_health *health)
{
	struct kreg_service_health full = { 0 };
	struct service_key key;
	size_t known;
	int err = k && k->unique && health && health->size >= sizeof(health->size)
			  ? service_key(&key, space, role)
			  : -EINVAL;

	if (err)
		return err;
	/* What was read is of that owner if he was alive all the while. */
	do {
		err = find_first(k, &key, &full);
		if (err)
			return err;
		full.process = process_state(k, &full.owner);
		full.beat_ms = row_beat_ms(&k->segment, full.owner.token);
	} while (!kreg_owner_is_alive(k, &full.owner));
	known = health->size < sizeof(full) ? health->size : sizeof(full);
	full.size = known;
	memcpy(health, &full, known);
	return 0;
}
