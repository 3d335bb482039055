/* SPDX-License-Identifier: MIT */
/*
 * How a registry ends: replaced by another segment, or destroyed.
 *
 * A segment belongs to one life table. When that is gone (another guard was started, or the first one), nobody
 * can attach to the segment any more, and as soon as nobody in it is alive the next who opens the name
 * replaces it. To destroy is the same without another segment. header->successor decides, see layout.h, and
 * name.c carries it out in the folder.
 *
 *   step                                        killed or stopped here
 *   1 look: is anybody alive who has something  nothing was written; if so, this is a refusal
 *   2 link the new segment as FILE+ID           a stray file
 *   3 CAS 0 -> {id, proposed}; fence            a proposal: in use, and whoever likes takes it away
 *   4 look again; if so, CAS the proposal -> 0  the same
 *   5 CAS the proposal -> {id}, or destroyed    it has happened; whoever opens FILE goes on with 7
 *   6 ring all bells                            who sleeps looks at the word from time to time
 *   7 rename FILE+ID -> FILE                    as after 5
 *     or, destroyed, take the name away:
 *   8 make the folder FILE+ID                   a stray folder
 *   9 CAS destroyed -> {id, removed}            a right to take the name away, which others withdraw
 *   10 rename FILE -> FILE+ID/gone              a stray folder with the memory in it
 *   11 unlink it, remove the folder             the same, or an empty one
 *
 * Force goes from whatever is not over straight to destroyed. A proposal is no end: nobody is sent away, woken
 * or refused for it. Who registers counts the entry first and looks at the word then; if a proposal is
 * there, it is taken away by CAS, so either that or step 5 succeeds. Who proposes looks at the counts
 * afterwards: one of the two sees the other. Only who has proposed an id commits it, and what is
 * committed is never withdrawn.
 *
 * The name of a destroyed segment is no obstacle: who wants it puts a new segment in its place as in 2, 5
 * and 7, when it has seen that nobody can take the name away any more: the right of the word, if there
 * is one, is used or withdrawn, and then FILE still leads to the segment. Its CAS takes the word on from
 * what it has seen, so nobody has got a new right meanwhile. No step waits for another process.
 *
 * tests/models/succession.pml is this page, and what each of its conditions is there for.
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

/* How often others may be quicker before we give up. */
#define TRIES 1000
/* So long a proposal of another process, or its right, is left alone before it is taken away. */
#define PATIENCE_NS 1000000

static bool word_is_over(uint64_t word)
{
	return word && !(word & SEGMENT_PROPOSED);
}

static bool successor_cas(const struct segment *s, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[successor_cas:A] full, with the fence: the successor, then a look at the rows;
	 * pairs with successor_load:A
	 */
	bool done = cas_acq_rel(&s->header->successor, seen, next);

	full_fence();
	return done;
}

static uint64_t successor_load(const struct segment *s)
{
	/*
	 * ORD[successor_load:A] full, before the load: our entry in the row, then the successor, and
	 * whether somebody listens; pairs with successor_cas:A, log_listen:A
	 */
	full_fence();
	return load_relaxed(&s->header->successor); /* relaxed: the fence has ordered it */
}

bool succession_is_current(const struct segment *s)
{
	return !word_is_over(successor_load(s));
}

/* Apart, because there is hardly ever a proposal. */
static __attribute__((noinline)) bool cancel(const struct segment *s, uint64_t seen)
{
	int tries;

	for (tries = 0; tries < TRIES && seen & SEGMENT_PROPOSED; tries++) {
		if (successor_cas(s, &seen, 0))
			return true;
	}
	return !seen;
}

bool succession_stay(const struct segment *s)
{
	uint64_t seen = successor_load(s);

	return caa_likely(!seen) || cancel(s, seen);
}

/* Where another layout has its bells is not known; who sleeps at them looks at the word from time to time. */
static void ring_all(const struct segment *s)
{
	if (!s->is_stranger)
		bell_ring_all(s);
}

static void pause_shortly(void)
{
	const struct timespec pause = { .tv_nsec = PATIENCE_NS };

	nanosleep(&pause, NULL);
}

/*
 * From in use to @end, if nobody who is alive has something in it. -EBUSY: somebody has, *alive is one;
 * 1: it has come to another end.
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
			/* It may well succeed. */
			other = seen;
			pause_shortly();
			continue;
		}
		if (!successor_cas(s, &seen, mine))
			continue;
		busy = in_use_by(s, lives, alive);
		seen = mine;
		if (busy) {
			successor_cas(s, &seen, 0);
			return -EBUSY;
		}
		if (successor_cas(s, &seen, end)) { /* happens here */
			ring_all(s);
			return 0;
		}
	}
	return -EBUSY;
}

/*
 * The registry's own keys and values outlive the segment. They come to lie in the first slabs, whose owner
 * is nobody who ever lived.
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

/* A segment that is to have the name after @s, as FILE+ID. */
static int next_make(const struct segment *s, const struct segment_path *path,
		     const struct segment_plan *plan, struct segment *next)
{
	int err = segment_create(next, path, plan);

	if (err)
		return err;
	/* What was destroyed has no heir, and of another layout the preamble is all that is known. */
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

/* It is the successor by its word. */
static void next_arrive(const struct segment *next, const struct segment_path *path, uint64_t *made)
{
	name_replace(path, next->header->id);
	name_tidy(next, path);
	*made = next->header->id;
}

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
	segment_close(&next);
	return err == 1 ? 0 : err;
}

/*
 * Carries out the end of @s by @word as far as others can. 0: the name leads to @s no more, or nobody can change
 * that any more but by another word.
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
			segment_say(path, "%s/%s+%016llx is in the way: %s; remove it",
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

	/* In this order: see above. */
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

uint64_t succession_help(const struct segment *s, const struct segment_path *path)
{
	uint64_t word = successor_load(s);

	if (!word_is_over(word) || word & SEGMENT_REMOVED)
		return 0;
	name_replace(path, word);
	return word;
}

/* Takes the name away by a right of our own. 0: it is done; 1: the right was withdrawn, or came too late. */
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

static int remove_name(const struct segment *s, const struct segment_path *path)
{
	uint64_t word, other = SEGMENT_DESTROYED;
	int tries, err = 1;

	for (tries = 0; tries < TRIES && err == 1; tries++) {
		word = successor_load(s);
		if (!(word & SEGMENT_REMOVED) || !name_leads_to(s, path))
			return 0;
		if (word != other) {
			/* Whoever has that right may well use it. */
			other = word;
			pause_shortly();
			continue;
		}
		err = settle(path, word);
		if (!err)
			err = name_leads_to(s, path) ? take_name(s, path, word) : 0;
	}
	if (err)
		segment_say(path, "%s/%s is destroyed, and its file cannot be removed: %s",
			    path->directory, path->file,
			    err == 1 ? "others try too" : strerror(-err));
	return err == 1 ? -EAGAIN : err;
}

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
	return 1;
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

	if (err) {
		segment_say(path, "%s/%s can be destroyed by user %u or root alone",
			    path->directory, path->file, path->owner);
		return err;
	}
	err = force ? end_by_force(s) : end_unused(s, lives, id, SEGMENT_DESTROYED, &alive);
	if (err == -EBUSY) {
		in_use_tell(text, &alive);
		segment_say(path, "%s/%s is in use: %s, or use --force", path->directory,
			    path->file, text);
	}
	if (err == 1 && succession_help(s, path))
		return 1;
	return err < 0 ? err : remove_name(s, path);
}
