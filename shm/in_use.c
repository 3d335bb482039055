/* SPDX-License-Identifier: MIT */
/*
 * In use: one look at everything that keeps a registry in use.
 *
 * That is counted in three places: what is held and the names in the rows, gifts where
 * they lie. A look reads them one after the other, without a lock. It finds whatever is
 * counted during the whole look, although that may move from one place to another
 * meanwhile: either it moves in the direction of the look and is counted at the new place
 * before it is not counted at the old one any more, or the row of the process that moves
 * it holds it during the move (change.c); a process that looks twice then sees that at
 * the second look.
 *
 * Nothing is written, so a process that is killed here leaves nothing.
 */
#include "shm/in_use.h"

#include <stdio.h>

#include "shm/ended.h"
#include "shm/gift.h"
#include "shm/interrupted.h"
#include "shm/judge.h"
#include "shm/row.h"

/* One look. Private to the call. */
struct look {
	const struct segment *s;
	/* NULL if the segment's table is gone: then processes are judged by judge.h */
	const struct life_table *table;
	struct judge judge;
	/*
	 * describes the last process that counted as alive; valid only if the look
	 * returns true
	 */
	struct in_use *found;
};

/*
 * Without the table. True also for a process that cannot be judged, because to end a
 * registry that is in use cannot be undone, and to refuse one that is not can be
 * repeated.
 */
static bool process_is_alive(struct look *look, const struct segment_who *who)
{
	enum verdict verdict = judge_look(&look->judge, who);

	look->found->pid = (pid_t)who->pid;
	look->found->pid_namespace = who->pid_namespace;
	look->found->is_unseen = verdict == JUDGE_UNSEEN;
	return verdict != JUDGE_DEAD;
}

/*
 * Whether @owner counts as alive. With the table the life word decides, and the guard's
 * note of who has opened the registry: a row can be written by any process with write
 * access, so without that question anybody could keep a registry in use in a stranger's
 * name. Without the table the rows are all there is; a life that is noted as ended is
 * dead although its process goes on.
 */
static bool owner_is_alive(struct look *look, owner_t owner)
{
	const struct segment_who *who = segment_who(look->s, owner_seat(owner));
	uint64_t life;

	if (!look->table)
		return !ended_is_known(look->s, owner) && process_is_alive(look, who);
	if (!life_look(look->table, owner, &life) || !row_is_members(look->s, look->table, owner))
		return false;
	/*
	 * The guard's pids are those of the initial PID namespace; in the fallback the
	 * row has the pid, and the namespace that it is of.
	 */
	*look->found = look->table->facts
			       ? (struct in_use){ .pid = (pid_t)(life & LIFE_PID_MASK),
						  .pid_namespace = ROW_PID_NAMESPACE_INITIAL }
			       : (struct in_use){ .pid = (pid_t)who->pid,
						  .pid_namespace = who->pid_namespace };
	return true;
}

/*
 * The rows do not count gifts, so all slabs are looked at, if there may be any gift. If
 * part of the land is beyond what this process could map, a gift may lie there: it counts
 * as in use, because gifts that cannot be seen must not be taken for none.
 */
static bool someone_has_gift(struct look *look)
{
	const struct segment *s = look->s;
	uint32_t slab, slabs = gift_is_any(s) ? land_slabs(s) : 0;

	*look->found = (struct in_use){ .is_beyond = slabs && !segment_is_whole(s) };
	if (look->found->is_beyond)
		return true;
	for (slab = 0; slab < slabs; slab++) {
		owner_t owner = gift_owner(s, slab);

		/*
		 * The seat is checked first: the owner word is whatever stands in shared
		 * memory, and segment_who() does not check it.
		 */
		if (owner && owner_seat(owner) < row_end(s) && owner_is_alive(look, owner))
			return true;
	}
	return false;
}

/*
 * The rows, then the gifts, in this order: see the head. The rows that are reserved by
 * now are all that matter: a process raises their number before it registers, and looks
 * at the successor word behind a fence afterwards. So at the second look, which is behind
 * the fence of the proposal, either the number has its row, or it finds the proposal.
 */
static bool someone_has_something(struct look *look)
{
	const struct segment *s = look->s;
	uint32_t seat, end = row_end(s);

	for (seat = 0; seat < end; seat++) {
		/*
		 * relaxed: a full fence stands before, and nothing is read through the
		 * word
		 */
		owner_t owner = owner_of(load_relaxed(&s->rows[seat].entries), seat);

		/*
		 * The cheaper question first: with the table, whether the owner is alive
		 * is one load, and what it has may take a walk of the table after an
		 * exec; without it, judging a process reads /proc.
		 */
		if (look->table
			    ? owner_is_alive(look, owner) &&
				      interrupted_is_in_use(s, look->table, seat)
			    : interrupted_is_in_use(s, NULL, seat) && owner_is_alive(look, owner))
			return true;
	}
	return someone_has_gift(look);
}

/*
 * Of a segment of another layout. What its owners have in it is not known, so each living
 * process that a row names counts.
 */
static bool someone_was_there(struct look *look)
{
	uint32_t seat, end = row_end(look->s);

	for (seat = 0; seat < end; seat++) {
		if (process_is_alive(look, segment_who(look->s, seat)))
			return true;
	}
	return false;
}

/*
 * Chooses the evidence: the lives in the segment itself (the fallback), or the caller's
 * table if it is the one that the segment was made under, or none.
 */
bool in_use_by(const struct segment *s, const struct life_table *lives, struct in_use *who)
{
	struct life_table own = { .words = s->lives, .seats = s->seats };
	struct look look = { .s = s, .table = s->lives ? &own : lives, .found = who };

	*who = (struct in_use){ 0 };
	if (s->is_leftover)
		return false;
	/*
	 * Another guard's words say nothing about these owners: all of them would look
	 * dead, and a registry in use would be ended.
	 */
	if (look.table && look.table->identity != s->header->identity)
		look.table = NULL;
	if (!look.table || s->is_stranger)
		judge_begin(&look.judge);
	if (s->is_stranger)
		return someone_was_there(&look);
	return someone_has_something(&look);
}

void in_use_tell(char *out, const struct in_use *who)
{
	unsigned long long here = row_pid_namespace(), there = who->pid_namespace;
	bool is_elsewhere = here && there && here != there;

	if (who->is_beyond)
		snprintf(out, IN_USE_TEXT,
			 "it does not fit into this process's address space, so its users cannot "
			 "be seen and count as alive; raise the limit (ulimit -v)");
	else if (!who->is_unseen && is_elsewhere)
		snprintf(out, IN_USE_TEXT,
			 "process %d of PID namespace %llu in it is alive; end it there", who->pid,
			 there);
	else if (!who->is_unseen)
		snprintf(out, IN_USE_TEXT, "process %d in it is alive; end it", who->pid);
	else if (is_elsewhere)
		snprintf(out, IN_USE_TEXT,
			 "process %d in it is of PID namespace %llu, which is not visible from "
			 "here (%llu), so it counts as alive; open it where the process, or its "
			 "guard's folder in bpffs, is visible",
			 who->pid, there, here);
	else
		snprintf(out, IN_USE_TEXT,
			 "process %d in it cannot be judged without /proc, so it counts as "
			 "alive; mount /proc, or open it where that is mounted",
			 who->pid);
}

void in_use_say(const struct segment *s, const struct segment_path *path,
		const struct in_use *alive)
{
	char text[IN_USE_TEXT];

	in_use_tell(text, alive);
	if (s->is_stranger)
		segment_say(path,
			    "%s/%s has layout %u, this library has %u, and %s, or "
			    "`regtool destroy --force` the registry",
			    path->directory, path->file, s->header->layout, SEGMENT_LAYOUT, text);
	else
		segment_say(path,
			    "%s/%s was made under %s, and %s, or `regtool destroy --force` the "
			    "registry",
			    path->directory, path->file,
			    s->lives ? "the fallback" : "a guard that is not visible from here",
			    text);
}
