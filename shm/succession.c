/* SPDX-License-Identifier: MIT */
/*
 * How a registry ends: replaced by another segment, or destroyed.
 *
 * A segment belongs to one life table. When that is gone (another guard was started, or
 * the first one), no process can attach to the segment any more, and as soon as nobody
 * in it is alive, the next process that opens the name replaces it. Destroying is the
 * same without another segment. header->successor decides, see layout_preamble.h; name.c carries
 * it out in the folder.
 *
 *   step                                        killed or stopped here
 *   1 look: has a living process something      nothing was written; if so, this is a refusal
 *   2 link the new segment as FILE+ID           a stray file
 *   3 CAS 0 -> {id, proposed}; fence            a proposal: in use, and any process cancels it
 *   4 look again; if so, CAS the proposal -> 0  the same
 *   5 CAS the proposal -> {id}, or destroyed    it has happened; any process that opens FILE
 *                                               continues with 7
 *   6 ring all bells                            waiters check the word from time to time
 *   7 rename FILE+ID -> FILE                    as after 5
 *     or, if destroyed, remove the name:
 *   8 make the folder FILE+ID                   a stray folder
 *   9 CAS destroyed -> {id, removed}            a right to remove the name, which others withdraw
 *   10 rename FILE -> FILE+ID/gone              a stray folder with the memory in it
 *   11 unlink it, remove the folder             the same, or an empty one
 *
 * Force goes from any word that is not over straight to destroyed. A proposal is no
 * end: no process is sent away, woken or refused because of it. A process that
 * registers counts its entry first and loads the word afterwards; if there is a
 * proposal, it cancels that by CAS, so either that or step 5 succeeds. A proposer looks
 * at the counts after the proposal: one of the two sees the other. Only the process
 * that proposed an id commits it, and what is committed is never withdrawn.
 *
 * Each step relies on the one before:
 *
 *   5 without 3 and 4   an entry that was registered after 1 would be in a segment that is over
 *   5 before 2          the word would lead to an id without a file, and no process could open
 *   7 before 5          FILE would lead to a segment that may still be refused
 *   10 before 9         nobody could withdraw the right, and a late rename would remove a
 *                       successor's name
 *
 * The name of a destroyed segment is no obstacle: a creator puts a new segment in its
 * place by 2, 5 and 7, after it has seen that nobody can remove the name any more: the
 * right in the word, if there is one, is used or withdrawn, and FILE still leads to the
 * segment afterwards. Its CAS starts from the word that it saw, so nobody has got a new
 * right meanwhile. No step waits for another process.
 *
 * tests/models/succession.pml models this page, and what each of its conditions is
 * there for.
 */
#include "shm/succession.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/in_use.h"
#include "shm/name.h"
#include "shm/meta.h"

/* How often other processes may win before a call gives up; then it reports -EAGAIN. */
#define TRIES 1000
/*
 * How long a proposal or a right of another process is left alone before it is
 * cancelled. It gives a running process time to finish, and is once for each word that
 * is met: a stopped process delays others by a millisecond.
 */
#define PATIENCE_NS 1000000

/* Whether the end is committed. A proposal means "in use" for everybody. */
static bool word_is_over(uint64_t word)
{
	return word && !(word & SEGMENT_PROPOSED);
}

/*
 * Every change of the word. An acquire-release CAS alone would not keep the proposer's
 * next look at the rows behind it on a weakly ordered processor.
 */
static bool successor_cas(const struct segment *s, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[successor_cas:A] full, with the fence: the successor, then a look at the
	 * rows; pairs with successor_load:A, succession_stay:A
	 */
	bool done = cas_acq_rel(&s->header->successor, seen, next);

	full_fence();
	return done;
}

static uint64_t successor_load(const struct segment *s)
{
	/*
	 * ORD[successor_load:A] full, before the load: our entry in the row, then the
	 * successor; pairs with successor_cas:A
	 */
	full_fence();
	return load_relaxed(&s->header->successor); /* relaxed: the fence has ordered it */
}

bool succession_is_current(const struct segment *s)
{
	return !word_is_over(successor_load(s));
}

/*
 * Cancels a proposal; whether the segment is in use afterwards. The proposer's commit
 * and this CAS start from one word, so exactly one succeeds.
 */
bool succession_cancel(const struct segment *s, uint64_t seen)
{
	int tries;

	for (tries = 0; tries < TRIES && seen & SEGMENT_PROPOSED; tries++) {
		if (successor_cas(s, &seen, 0))
			return true;
	}
	return !seen;
}

/* In another layout the bells' place is unknown; its waiters look at the word anyway. */
static void ring_all(const struct segment *s)
{
	if (!s->is_stranger)
		bell_ring_all(s);
}

/* Gives the process behind a proposal or a right time to finish; a signal cuts it short. */
static void pause_shortly(void)
{
	const struct timespec pause = { .tv_nsec = PATIENCE_NS };

	nanosleep(&pause, NULL);
}

/*
 * Steps 1 and 3 to 6: from in use to @end, by a proposal with @id, if no living process
 * has something in the segment. -EBUSY: one has, described in *alive; -EAGAIN: others
 * changed the word in each of TRIES; 1: the segment has come to another end. @id is
 * new, so the commit cannot be taken for that of another proposal, nor a late one
 * succeed.
 */
static int end_unused(const struct segment *s, const struct life_table *lives, uint64_t id,
		      uint64_t end, struct in_use *alive)
{
	const uint64_t mine = id | SEGMENT_PROPOSED;
	uint64_t seen, other = 0;
	bool busy;
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (in_use_by(s, lives, alive))
			return -EBUSY;
		seen = successor_load(s);
		if (word_is_over(seen))
			return 1;
		if (seen && seen != other) {
			/* Its proposer may be about to commit it. */
			other = seen;
			pause_shortly();
			continue;
		}
		if (!successor_cas(s, &seen, mine))
			continue;
		/*
		 * Behind the fence of the proposal: an entry that this look does not
		 * see is counted later, and its process finds the proposal then.
		 */
		busy = in_use_by(s, lives, alive);
		seen = mine;
		if (busy) {
			/* If this fails, another process has cancelled it already. */
			successor_cas(s, &seen, 0);
			return -EBUSY;
		}
		if (successor_cas(s, &seen, end)) { /* happens here */
			ring_all(s);
			return 0;
		}
	}
	return -EAGAIN;
}

/*
 * Copies meta, which outlives the segment, into the first slabs of @next. Their word is
 * that of slabs without an owner, so meta.c decides about them and no process's death.
 * @next is private as yet, so plain stores will do. -ENOMEM: this process does not map
 * all of @s: the meta would be lost without a notice; -ENOSPC and others. Meta that is
 * damaged is left behind: 0.
 */
static int carry_over(const struct segment *s, const struct segment *next)
{
	place_t place =
		(place_t)(load_relaxed(&s->header->meta) >> PLACE_SHIFT); /* relaxed: no writer */
	const struct meta_head *from = place ? segment_at(s, place, sizeof(*from)) : NULL;
	uint32_t bytes = from ? from->bytes : 0, slabs, i;
	struct meta_head *to = (struct meta_head *)(next->land_base + next->land_offset);
	int err;

	if (place && !segment_is_whole(s))
		return -ENOMEM;
	if (!from || bytes > SEGMENT_META_MAX ||
	    !segment_at(s, place, (uint32_t)sizeof(*from) + bytes))
		return 0;
	slabs = (uint32_t)((sizeof(*from) + bytes + SLAB_BYTES - 1) / SLAB_BYTES);
	if (slabs > next->slabs_max)
		return -ENOSPC;
	err = segment_reserve_slabs(next, 0, slabs);
	if (err)
		return err;
	memcpy(to, from, sizeof(*from) + bytes);
	to->bytes = bytes;
	to->owner = SEGMENT_NOBODY;
	for (i = 0; i < slabs; i++) {
		next->directory[i].owner = SEGMENT_NOBODY;
		next->directory[i].about = LAND_MAKER;
	}
	next->header->slabs = slabs;
	next->header->meta = (uint64_t)next->land_place << PLACE_SHIFT | 1;
	return 0;
}

/*
 * Step 2: builds the segment that is to have the name after @s, and links it as
 * FILE+ID. On an error, which was reported to the path's log, nothing is left. The
 * caller closes *next.
 */
static int next_make(const struct segment *s, const struct segment_path *path,
		     const struct segment_plan *plan, struct segment *next)
{
	int err = segment_create(next, path, plan);

	if (err)
		return err;
	/* Destroyed meta stays gone; of another layout only the preamble is known. */
	if (!(successor_load(s) & SEGMENT_REMOVED) && !s->is_stranger)
		err = carry_over(s, next);
	if (!err)
		err = name_propose(next, path, s->header->id);
	if (err) {
		segment_say(path, "cannot replace %s/%s: %s", path->directory, path->file,
			    strerror(-err));
		segment_close(next);
	}
	return err;
}

/*
 * Step 7, after the word was committed to @next. If this process is killed before it,
 * or may not rename, succession_help() of any other process does it.
 */
static void next_arrive(const struct segment *next, const struct segment_path *path, uint64_t *made)
{
	name_replace(path, next->header->id);
	name_tidy(next, path);
	*made = next->header->id;
}

static void say_overtaken(const char *what, const struct segment_path *path)
{
	segment_say(path,
		    "cannot %s %s/%s: other processes tried to end it each of %d times; retry",
		    what, path->directory, path->file, TRIES);
}

/* On failure FILE+ID is withdrawn: the word does not lead to it, so nobody misses it. */
int succession_take_over(const struct segment *s, const struct segment_path *path,
			 const struct segment_plan *plan, uint64_t *made)
{
	struct segment next = { .fd = -1 };
	struct in_use alive;
	uint64_t id = 0;
	int err = in_use_by(s, NULL, &alive) ? -EBUSY : next_make(s, path, plan, &next);

	if (!err) {
		id = next.header->id;
		err = end_unused(s, NULL, id, id, &alive);
	}
	if (!err)
		next_arrive(&next, path, made);
	else if (id)
		name_withdraw(path, id);
	if (err == -EBUSY) {
		in_use_say(s, path, &alive);
		if (s->is_stranger)
			err = -EPROTO;
	}
	if (err == -EAGAIN)
		say_overtaken("replace", path);
	segment_close(&next);
	return err == 1 ? 0 : err;
}

/*
 * Carries out the end that @word has decided, as far as another process can. 0: FILE
 * leads to the segment no longer, or nobody can change that any more without another
 * word. Errors are of a right that could not be withdrawn, and reported.
 */
static int settle(const struct segment_path *path, uint64_t word)
{
	uint64_t id = word & SEGMENT_ID_MASK;
	int err = 0;

	if (!(word & SEGMENT_REMOVED)) {
		name_replace(path, id);
	} else if (id) {
		err = name_right_end(path, id);
		if (err)
			segment_say(path, "cannot remove %s/%s+%016llx: %s; remove it",
				    path->directory, path->file, (unsigned long long)id,
				    strerror(-err));
	}
	return err;
}

int succession_follow(const struct segment *s, const struct segment_path *path,
		      const struct segment_plan *plan, uint64_t *made)
{
	uint64_t word = successor_load(s);
	struct segment next;
	int err = settle(path, word);

	/*
	 * The right is withdrawn before the look at FILE: in the other order its holder
	 * could remove the name after the look, and then that of the new segment.
	 */
	if (err || !name_leads_to(s, path))
		return err;
	err = next_make(s, path, plan, &next);
	if (err)
		return err;
	if (successor_cas(s, &word, next.header->id)) /* happens here */
		next_arrive(&next, path, made);
	else
		name_withdraw(path, next.header->id);
	segment_close(&next);
	return 0;
}

/* A rename that another process has done already fails here, which does no harm. */
uint64_t succession_help(const struct segment *s, const struct segment_path *path)
{
	uint64_t word = successor_load(s);

	if (!word_is_over(word) || word & SEGMENT_REMOVED)
		return 0;
	name_replace(path, word);
	return word;
}

/*
 * Steps 8 to 11: removes the name by a right of this process. @word is destroyed, and
 * its right, if any, was withdrawn. 0: done; 1: the right was withdrawn, or came too
 * late; errors.
 *
 * The folder exists before the CAS announces it, because a process that reads the id
 * has to find what it is to withdraw. Whatever the outcome, the right is ended last.
 */
static int take_name(const struct segment *s, const struct segment_path *path, uint64_t word)
{
	uint64_t id = name_new_id();
	int right, err = 1;

	if (!id)
		return -EIO;
	right = name_right_make(path, id);
	if (right < 0)
		return right == -EEXIST ? 1 : right;
	if (successor_cas(s, &word, id | SEGMENT_REMOVED)) {
		err = name_right_use(path, right);
		if (!err)
			name_tidy_after(s, path);
		if (err == -ENOENT)
			err = 1;
	}
	close(right);
	name_right_end(path, id);
	return err;
}

/*
 * Removes the name of a destroyed segment, against others that do the same or put a new
 * segment in its place. 0: FILE does not lead to @s any more; -EAGAIN after TRIES;
 * errors are reported.
 */
static int remove_name(const struct segment *s, const struct segment_path *path)
{
	uint64_t word, other = SEGMENT_DESTROYED;
	int tries, err = 1;

	for (tries = 0; tries < TRIES && err == 1; tries++) {
		word = successor_load(s);
		if (!(word & SEGMENT_REMOVED) || !name_leads_to(s, path))
			return 0;
		if (word != other) {
			/* Its holder may be about to use it. */
			other = word;
			pause_shortly();
			continue;
		}
		err = settle(path, word);
		if (!err)
			err = name_leads_to(s, path) ? take_name(s, path, word) : 0;
	}
	if (err)
		segment_say(path, "%s/%s is destroyed, but its file could not be removed: %s",
			    path->directory, path->file,
			    err == 1 ? "other processes changed it each time; retry"
				     : strerror(-err));
	return err == 1 ? -EAGAIN : err;
}

/*
 * 0: the segment was not over and is destroyed now; 1: it was over already; -EAGAIN:
 * others changed the word in each of TRIES. Living processes notice the word at their
 * next call, and the bells wake waiters for that.
 */
static int end_by_force(const struct segment *s)
{
	uint64_t seen = successor_load(s);
	int tries;

	for (tries = 0; tries < TRIES && !word_is_over(seen); tries++) {
		if (!successor_cas(s, &seen, SEGMENT_DESTROYED)) /* happens here */
			continue;
		ring_all(s);
		return 0;
	}
	return word_is_over(seen) ? 1 : -EAGAIN;
}

void succession_end_lost(const struct segment *s)
{
	end_by_force(s);
}

int succession_destroy(const struct segment *s, const struct segment_path *path,
		       const struct life_table *lives, bool force)
{
	uint64_t id = name_new_id();
	char text[IN_USE_TEXT];
	struct in_use alive;
	int err = id ? name_is_mine(path) : -EIO;

	if (err == -EPERM)
		segment_say(path,
			    "cannot destroy %s/%s: it belongs to user %u; run as it or as root",
			    path->directory, path->file, path->owner);
	else if (err)
		segment_say(path, "cannot destroy %s/%s: %s", path->directory, path->file,
			    strerror(-err));
	if (err)
		return err;
	err = force ? end_by_force(s) : end_unused(s, lives, id, SEGMENT_DESTROYED, &alive);
	if (err == -EBUSY) {
		in_use_tell(text, &alive);
		segment_say(path, "%s/%s is in use: %s, or use --force", path->directory,
			    path->file, text);
	}
	if (err == -EAGAIN)
		say_overtaken("destroy", path);
	if (err == 1 && succession_help(s, path))
		return 1;
	return err < 0 ? err : remove_name(s, path);
}
