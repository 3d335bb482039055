/* SPDX-License-Identifier: MIT */
/*
 * Owners: their facts, whether they are alive, and pidfds that certainly refer to them. A
 * process that may write the registry can write any owner into it, so only owners that
 * have opened it are signalled or described.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/process/opened.h"
#include "lib/process/owner.h"
#include "lib/process/usage.h"
#include "base/fd.h"
#include "base/process.h"
#include "shm/expelled.h"
#include "shm/gift.h"
#include "shm/interrupted.h"
#include "shm/log.h"
#include "shm/row.h"

int kreg_self(struct kreg *k, struct kreg_owner *self)
{
	uint64_t life;

	if (caa_unlikely(!k || !self))
		return refuse(k, k ? "self is NULL" : K_IS_NULL);
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

struct kreg_end owner_end(struct kreg *k, owner_t owner)
{
	uint32_t end = life_end(&k->lives, owner);
	int code = (int)(end & LIFE_END_CODE);

	if (!(end & LIFE_END_KNOWN))
		return (struct kreg_end){ .code = KREG_END_UNKNOWN };
	if (WIFEXITED(code))
		return (struct kreg_end){ KREG_END_EXITED, WEXITSTATUS(code) };
	return (struct kreg_end){ WCOREDUMP(code) ? KREG_END_DUMPED : KREG_END_KILLED,
				  WTERMSIG(code) };
}

/* The arguments of a call about an owner, which fills @out; and @no_out, if that is NULL. */
#define owner_check(k, owner, out, no_out) owner_check_in(k, owner, out, no_out, __func__)
static int owner_check_in(const struct kreg *k, const struct kreg_owner *owner, const void *out,
			  const char *no_out, const char *function)
{
	if (!k)
		return refuse_in(function, k, K_IS_NULL);
	if (!owner)
		return refuse_in(function, k, "owner is NULL");
	if (!owner->token)
		return refuse_in(function, k,
				 "owner has a token of 0: take an owner that a call has returned");
	return out ? 0 : refuse_in(function, k, no_out);
}

int kreg_owner_end(struct kreg *k, const struct kreg_owner *owner, struct kreg_end *end)
{
	int err = owner_check(k, owner, end, "end is NULL");

	if (err)
		return err;
	if (!life_was_taken(&k->lives, owner->token))
		return refuse(
			k, "owner was never one of this registry's: take an owner that a call has "
			   "returned");
	if (life_is_alive(&k->lives, owner->token))
		return -EBUSY;
	*end = owner_end(k, owner->token);
	return 0;
}

/*
 * What a pidfd is used for decides how certain it has to be that the owner has opened the
 * registry.
 */
enum pidfd_use {
	USE_END,       /* only to wait for the end */
	USE_OF_CALLER, /* passed to the caller, which may send any signal that it is permitted to */
	/*
	 * The target may be another process that the owner stands for. A foster parent's
	 * program is its child, and is not reaped before the owner's life is over. A
	 * watcher ends its program itself, and the pid in its row may be another
	 * process's by now.
	 */
	USE_SIGNALS,
};

static int check_opened(struct kreg *k, owner_t owner, pid_t pid, int fd, enum pidfd_use use)
{
	int err = use == USE_END ? 0 : opened_by(k, owner, pid);
	int held;

	if (use == USE_SIGNALS && opened_by_watcher(k, owner, pid))
		err = -ESRCH;
	held = fd_pidfd_signal(fd, 0);
	/* If the caller cannot signal the process anyway, no proof is needed. */
	if (held == -EPERM && err == -EACCES && use == USE_OF_CALLER)
		err = 0;
	/*
	 * The process is reaped by now, so what was checked may have been the next
	 * process with its pid.
	 */
	return held == -ESRCH ? held : err;
}

/* The pidfd of the process whose end is the owner's, or of the program that it stands for. */
static int open_pidfd(struct kreg *k, const struct kreg_owner *owner, enum pidfd_use use)
{
	pid_t pid = 0;
	uint64_t life;
	int fd, err;

	if (!k || !owner)
		return refuse(k, k ? "owner is NULL" : K_IS_NULL);
	if (!life_look(&k->lives, owner->token, &life))
		return -ESRCH;
	if (!handle_pid_is_ours(k, owner->token))
		return -EREMOTE;
	if (use != USE_SIGNALS && !k->lives.facts)
		pid = row_foster(&k->segment, owner->token);
	if (!pid)
		pid = handle_pid(k, owner->token, life);
	fd = fd_pidfd(pid);
	if (fd >= 0)
		err = check_opened(k, owner->token, pid, fd, use);
	else if (fd != -ESRCH)
		err = fd;
	/* A watcher is alive for a moment after the program that it stands for. */
	else if (use == USE_SIGNALS && !k->lives.facts && row_foster(&k->segment, owner->token))
		err = -ESRCH;
	else
		err = -EREMOTE;
	/* The pid cannot have been reused before the owner's life was over. */
	if (!life_is_alive(&k->lives, owner->token))
		err = -ESRCH;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int kreg_owner_pidfd(struct kreg *k, const struct kreg_owner *owner)
{
	UNCANCELLABLE;
	int fd = owner_pidfd_for_caller(k, owner);

	return fd == -EUCLEAN ? -ESRCH : fd;
}

int owner_pidfd_for_caller(struct kreg *k, const struct kreg_owner *owner)
{
	return open_pidfd(k, owner, USE_OF_CALLER);
}

int owner_pidfd_for_end(struct kreg *k, const struct kreg_owner *owner)
{
	return open_pidfd(k, owner, USE_END);
}

int owner_pidfd_for_signals(struct kreg *k, const struct kreg_owner *owner)
{
	return open_pidfd(k, owner, USE_SIGNALS);
}

/*
 * Facts noted by the guard at attaching; in the fallback, what the owner wrote then,
 * unverified until /proc is read. Only /proc knows the current ids.
 */
static void facts_of(struct kreg *k, uint32_t seat, struct kreg_owner_facts *out)
{
	const struct life_seat *fact = k->lives.facts ? &k->lives.facts[seat] : NULL;
	const struct row *row = row_look(&k->segment, seat);

	if (fact) {
		out->attach_uid = fact->uid;
		out->attach_gid = fact->gid;
		out->start = fact->start;
		memcpy(out->comm, fact->comm, sizeof(out->comm));
	} else {
		out->attach_uid = row->uid;
		out->attach_gid = row->gid;
		out->start = row->who.start;
		memcpy(out->comm, row->comm, sizeof(out->comm));
	}
	out->comm[sizeof(out->comm) - 1] = 0;
	out->uid = out->gid = KREG_ID_UNKNOWN;
}

/*
 * The current ids from /proc, or -EACCES. In the fallback also name and start, which the
 * row does not prove.
 */
static int read_status(struct kreg *k, pid_t pid, struct kreg_owner_facts *out)
{
	FILE *status = fd_stream_of(pid, "status");
	char line[256];
	uint32_t uid, gid;
	int found = 0;

	if (!status)
		return -EACCES;
	while (fgets(line, sizeof(line), status)) {
		if (!k->lives.facts)
			sscanf(line, "Name:\t%15[^\n]", out->comm);
		/* The effective ids. */
		found += sscanf(line, "Uid: %*u %u", &uid) == 1 ||
			 sscanf(line, "Gid: %*u %u", &gid) == 1;
	}
	fclose(status);
	if (found != 2)
		return -EACCES;
	out->uid = uid;
	out->gid = gid;
	if (!k->lives.facts)
		out->start = process_start(pid);
	return 0;
}

/*
 * Facts by the kernel alone. -EUCLEAN: it has not opened the registry; -EACCES: its ids,
 * or whether it has opened the registry, are hidden.
 */
static int ask_kernel(struct kreg *k, owner_t owner, struct kreg_owner_facts *out)
{
	pid_t pid = out->owner.pid;
	int fd = fd_pidfd(pid);
	bool is_here = handle_pid_is_ours(k, owner);
	int err = opened_by(k, owner, pid);
	int status = is_here ? read_status(k, pid, out) : -EACCES;

	/* The pidfd still has its process, so the pid was not reused meanwhile. */
	if (fd >= 0 && is_here && fd_pidfd_signal(fd, 0) == -ESRCH)
		err = -ESRCH;
	if (fd >= 0)
		close(fd);
	if (!err && !k->lives.facts)
		err = status;
	out->certain = !err;
	return err;
}

/* Figures that others have written are facts no more than the rest. */
static void uses_of(struct kreg *k, owner_t owner, const struct usage *usage,
		    struct kreg_owner_facts *out)
{
	struct expelled expelled;

	out->bytes = (uint64_t)usage->slabs * SLAB_BYTES;
	out->slots = usage->slots;
	out->readers = usage->readers;
	out->held_up_ms = usage->held_up_ms;
	out->log_bytes = log_bytes_of(&k->segment, owner_seat(owner));
	expelled_look(&k->segment, owner, &expelled);
	out->updates = row_moves(&k->segment, owner);
	out->expelled = expelled.count;
	out->expelled_ms = expelled_ms(expelled.at);
}

/* False: @owner is dead. */
static bool owner_facts(struct kreg *k, owner_t owner, const struct usage *usage,
			struct kreg_owner_facts *out)
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
	uses_of(k, owner, usage, out);
	facts_of(k, seat, out);
	return life_is_alive(&k->lives, owner);
}

int kreg_owner_facts(struct kreg *k, const struct kreg_owner *owner, struct kreg_owner_facts *facts)
{
	UNCANCELLABLE;
	struct kreg_owner_facts own = { 0 };
	struct usage usage;
	int err;

	err = owner_check(k, owner, facts, "facts is NULL");
	if (err)
		return err;
	if (!segment_is_whole(&k->segment))
		return -ENOMEM;
	usage_of_owner(k, owner->token, &usage);
	if (!owner_facts(k, owner->token, &usage, &own))
		return -ESRCH;
	err = ask_kernel(k, owner->token, &own);
	/* The facts are this owner's if it is still alive after they were read. */
	if (err == -EUCLEAN || !kreg_owner_is_alive(k, owner))
		return -ESRCH;
	if (!err)
		*facts = own;
	return err == -ESRCH ? -EACCES : err;
}

static int show(const struct kreg_owner_facts *facts,
		int (*visit)(const struct kreg_owner_facts *, void *), void *data)
{
	OUTSIDE_OF_CALL;

	return visit(facts, data);
}

int kreg_each_owner(struct kreg *k, int (*visit)(const struct kreg_owner_facts *, void *),
		    void *data)
{
	UNCANCELLABLE;
	struct usage *usage;
	uint32_t seat, end, entries;
	int err;

	if (!k || !visit)
		return refuse(k, k ? "visit is NULL" : K_IS_NULL);
	if (!segment_is_whole(&k->segment))
		return -ENOMEM;
	end = row_end(&k->segment);
	usage = calloc(end + 1u, sizeof(*usage));
	err = usage ? usage_of_all(k, usage, end) : -ENOMEM;
	for (seat = 0; seat < end && !err; seat++) {
		owner_t owner = row_owner(&k->segment, &k->lives, seat, &entries);
		struct kreg_owner_facts facts = { 0 };

		if (!owner || !owner_facts(k, owner, &usage[seat], &facts) ||
		    ask_kernel(k, owner, &facts) == -EUCLEAN || !life_is_alive(&k->lives, owner))
			continue;
		err = show(&facts, visit, data);
	}
	free(usage);
	return err;
}
