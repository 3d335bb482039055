/* SPDX-License-Identifier: MIT */
/*
 * A listener compares its mirror with the table when it begins, and where records were missed.
 * Between the comparison and the end of a call that was open then, something may change that no
 * record will tell:
 *
 *   the call                               returns                  is killed, or its program
 *                                                                   execs, behind its CAS
 *   has found that nobody listens, before  tells of it behind       nobody tells
 *     the listener began                     its CAS
 *   has announced it without memory, so    nobody tells: the        the same
 *     that it counts as missed before        number was counted
 *     its CAS                                already
 *
 * What was the owner's own goes with its death, which the kernel reports; but by gifts and take-overs
 * a call changes what belongs to another owner, which lives on. So the listener remembers the slots whose
 * `writing` was set, and compares once more when these calls are over:
 *
 *   in the slot             the call
 *   writing is 0            has returned; it may have been another one by then, which costs time only
 *   another owner           has returned, or the slot is a dead one's
 *   the same, not alive     its process was killed, or its program has called exec
 *   the same, alive         is open; SLOT_EXPELLED says the same
 *
 * One that is stopped stays open; halted.c compares meanwhile.
 *
 * The order is: 1 the listener says that it listens, or sees the number of a missed record; 2 the
 * logs are read from here on; 3 a look at the slots; 4 a look at the table. A call that is not open
 * in 3 is over, and its change is in the table, or it began after 1 and announces. One that has
 * announced without memory since 2 has a number that will be missed.
 *
 * A section stores its slot without a fence, so in 1 the store may still be on its way, while the call has
 * looked for listeners already. So the listener fences for all, as an advancer does (grace.c). Where
 * the kernel refuses that, sections fence for themselves, but surely only GRACE_SETTLED_NS later: then a listener
 * that begins compares all again.
 *
 * In the fallback a thread may run for another instant after its life is over, and the signal that
 * kills it is pending: a fence between a look at the slots and the table ends it. A slot that
 * another thread has taken is no exception, because the life was over before.
 *
 * All of this is in the listener's own memory, so its death leaves nothing, and no writer pays for it.
 * tests/models/listen.pml models it.
 */
#include "lib/events/underway.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "shm/gift.h"
#include "shm/grace.h"

/* How long the comparison waits for the rest of the calls that were followed. */
#define TOGETHER_NS 90000000u

struct underway_call {
	uint64_t word; /* of the slot's owner; 0: not followed */
	owner_t ended; /* its owner's entries are to be compared; 0: none */
	bool told;
};

int underway_init(struct underway *u, struct kreg *k)
{
	*u = (struct underway){ .k = k };
	u->calls = calloc(k->segment.slots_count, sizeof(*u->calls));
	return u->calls ? 0 : -ENOMEM;
}

void underway_free(struct underway *u)
{
	free(u->calls);
}

bool underway_is_any(const struct underway *u)
{
	return u->followed || u->is_ended || u->is_due || u->again;
}

/* In the fallback: from here on, the dead do not run any more. */
static void fence_the_dead(const struct kreg *k)
{
	if (!k->lives.facts)
		grace_fence();
}

void underway_begin(struct underway *u)
{
	if (!grace_fence() && !grace_sections_fence(&u->k->segment))
		u->again = clock_now() + GRACE_SETTLED_NS;
}

/* The owner's word of a slot that is inside of a call; 0: it is not. */
static uint64_t call_in(const struct slot *slot)
{
	/*
	 * ORD[call_in:A] acquire: that a call is over, then its records and the table; pairs with
	 * grace_leave:A
	 */
	uint64_t writing = load_acquire(&slot->writing);

	/*
	 * ORD[call_in:B] acquire: that the slot is another thread's, then what the call before has left; pairs with
	 * slot_take:A
	 */
	return writing ? load_acquire(&slot->owner) : 0;
}

static bool is_open(const struct underway *u, uint32_t number, uint64_t word)
{
	return call_in(&u->k->segment.slots[number]) == word &&
	       life_image_is_alive(&u->k->lives, word);
}

static void call_ends(struct underway *u, struct underway_call *call)
{
	/* Two calls of one slot since the last comparison: not kept apart. */
	u->all |= call->ended != 0;
	call->ended = call->told ? 0 : owner_without_image(call->word);
	call->word = 0;
	u->followed--;
	u->is_ended = true;
}

void underway_follow(struct underway *u, const uint64_t *seats, bool told)
{
	const struct kreg *k = u->k;
	uint32_t i, end = segment_slots(&k->segment);

	for (i = 0; i < end; i++) {
		struct underway_call *call = &u->calls[i];
		uint64_t word = call_in(&k->segment.slots[i]);
		uint32_t seat = owner_seat(word);

		if (!word || seat >= k->segment.seats || (seats && !seats[seat]) ||
		    !life_image_is_alive(&k->lives, word))
			continue;
		if (call->word && call->word != word)
			call_ends(u, call);
		u->followed += !call->word;
		call->told = told && (!call->word || call->told);
		call->word = word;
	}
	fence_the_dead(k);
	u->since = clock_now();
}

void underway_look(struct underway *u)
{
	uint32_t i, end = u->followed ? segment_slots(&u->k->segment) : 0;
	uint64_t now = underway_is_any(u) ? clock_now() : 0;

	for (i = 0; i < end; i++) {
		struct underway_call *call = &u->calls[i];

		if (call->word && !is_open(u, i, call->word))
			call_ends(u, call);
	}
	if (u->is_ended && (!u->followed || now - u->since >= TOGETHER_NS)) {
		fence_the_dead(u->k);
		u->is_due = true;
		u->is_ended = false;
	}
	if (u->again && now >= u->again) {
		underway_follow(u, NULL, true);
		u->is_due = u->all = true;
		u->again = 0;
	}
}

static int compare_each(struct underway *u, struct mirror *m)
{
	uint32_t i, end = segment_slots(&u->k->segment);
	int err = 0;

	for (i = 0; i < end && !err; i++) {
		owner_t owner = u->calls[i].ended;

		if (owner && life_is_alive(&u->k->lives, owner))
			err = mirror_resync(m, owner);
		if (!err)
			u->calls[i].ended = 0;
	}
	return err;
}

static int compare_all(struct underway *u, struct mirror *m)
{
	uint32_t i, end = segment_slots(&u->k->segment);
	int err = mirror_resync(m, 0);

	for (i = 0; i < end && !err; i++)
		u->calls[i].ended = 0;
	return err;
}

int underway_catch_up(struct underway *u, struct mirror *m)
{
	int err;

	if (!u->is_due)
		return 0;
	u->all |= gift_was_any(&u->k->segment);
	err = u->all ? compare_all(u, m) : compare_each(u, m);
	if (err)
		return err == -EAGAIN ? 0 : err;
	u->all = u->is_due = false;
	return 0;
}
