/* SPDX-License-Identifier: MIT */
/*
 * Owners: who they are, whether they are alive, a pidfd that is certainly theirs.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/owner.h"
#include "shm/fd.h"
#include "shm/gift.h"
#include "shm/interrupted.h"

int kreg_self(struct kreg *k, struct kreg_owner *self)
{
	uint64_t life;

	if (!k || !self)
		return -EINVAL;
	if (!k->writable)
		return -EROFS;
	if (handle_is_parents(k) || !life_look(&k->lives, k->self.owner, &life))
		return -EOWNERDEAD;
	handle_owner(k, k->self.owner, life, self);
	return 0;
}

int kreg_owner_is_alive(struct kreg *k, const struct kreg_owner *owner)
{
	return k && owner && life_is_alive(&k->lives, owner->token);
}

/* The guard's are those of the initial namespace. */
bool owner_pid_is_ours(const struct kreg *k, owner_t owner)
{
	uint64_t theirs = ROW_PID_NAMESPACE_INITIAL;

	if (!k->lives.facts) {
		if (owner_seat(owner) >= k->segment.seats)
			return false;
		theirs = k->segment.rows[owner_seat(owner)].pid_namespace;
	}
	/* Where /proc does not tell, they are taken for one. */
	return !k->pid_namespace || !theirs || k->pid_namespace == theirs;
}

/* Of the process whose end is the owner's, or of the one that it stands for. */
static int open_pidfd(struct kreg *k, const struct kreg_owner *owner, bool for_signals)
{
	pid_t pid = 0;
	uint64_t life;
	int fd;

	if (!k || !owner)
		return -EINVAL;
	if (!life_look(&k->lives, owner->token, &life))
		return -ESRCH;
	if (!owner_pid_is_ours(k, owner->token))
		return -EREMOTE;
	if (!for_signals && !k->lives.facts)
		pid = row_foster(&k->segment, owner->token);
	if (!pid)
		pid = handle_pid(k, owner->token, life);
	fd = fd_pidfd(pid);
	/* The pid cannot have been given to another one as long as its life was not over. */
	if (!life_is_alive(&k->lives, owner->token)) {
		if (fd >= 0)
			close(fd);
		return -ESRCH;
	}
	return fd == -ESRCH ? -EREMOTE : fd;
}

int kreg_owner_pidfd(struct kreg *k, const struct kreg_owner *owner)
{
	UNCANCELLABLE;
	return open_pidfd(k, owner, false);
}

int owner_pidfd_for_signals(struct kreg *k, const struct kreg_owner *owner)
{
	return open_pidfd(k, owner, true);
}

static void facts_of(struct kreg *k, uint32_t seat, struct kreg_owner_facts *out)
{
	const struct life_seat *fact = k->lives.facts ? &k->lives.facts[seat] : NULL;
	const struct row *row = &k->segment.rows[seat];

	if (fact) {
		out->uid = fact->uid;
		out->gid = fact->gid;
		out->start = fact->start;
		memcpy(out->comm, fact->comm, sizeof(out->comm));
	} else {
		out->uid = row->uid;
		out->gid = row->gid;
		out->start = row->start;
		memcpy(out->comm, row->comm, sizeof(out->comm));
	}
	out->comm[sizeof(out->comm) - 1] = 0;
}

bool owner_facts(struct kreg *k, owner_t owner, struct kreg_owner_facts *out)
{
	uint32_t seat = owner_seat(owner), entries = 0;
	uint64_t life;
	int64_t gifts;

	if (!life_look(&k->lives, owner, &life) || seat >= k->segment.seats)
		return false;
	handle_owner(k, owner, life, &out->owner);
	out->entries =
		interrupted_owner(&k->segment, &k->lives, seat, &entries) == owner ? entries : 0;
	gifts = gift_sum(&k->segment, &k->lives, owner);
	out->entries += gifts > 0 ? (uint64_t)gifts : 0;
	facts_of(k, seat, out);
	return life_is_alive(&k->lives, owner);
}

int kreg_each_owner(struct kreg *k, int (*visit)(const struct kreg_owner_facts *, void *),
		    void *data)
{
	UNCANCELLABLE;
	uint32_t seat, end, entries;
	int err = 0;

	if (!k || !visit)
		return -EINVAL;
	end = row_end(&k->segment);
	for (seat = 0; seat < end && !err; seat++) {
		owner_t owner = row_owner(&k->segment, &k->lives, seat, &entries);
		struct kreg_owner_facts facts = { 0 };

		if (owner && owner_facts(k, owner, &facts))
			err = visit(&facts, data);
	}
	return err;
}
