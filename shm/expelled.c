/* SPDX-License-Identifier: MIT */
/*
 * Records of expulsions, in the header's page.
 *
 *   owner of a record   means               becomes, by
 *   0                   nothing is noted    an owner, expelled_note()
 *   an owner            of that one         another owner; the one that was noted longest ago
 *                                           gives way
 *
 * Killed in between, a process leaves a record with another owner's count and time, or one that
 * says 0. There is no lock: the process that expels may be stopped or killed here, and the next
 * one must not wait for a figure.
 */
#include "shm/expelled.h"

#include "base/clock.h"

static struct expulsion *find(const struct segment *s, owner_t owner)
{
	struct expulsion *at = s->header->expulsions, *end = at + EXPULSIONS_KEPT;

	for (; at < end; at++) {
		if (load_relaxed(&at->owner) == owner) /* relaxed: a figure */
			return at;
	}
	return NULL;
}

static struct expulsion *oldest(const struct segment *s)
{
	struct expulsion *at = s->header->expulsions, *end = at + EXPULSIONS_KEPT, *found = at;

	for (; at < end; at++) {
		/* relaxed: figures; a wrong choice forgets another owner */
		if (load_relaxed(&at->at) < load_relaxed(&found->at))
			found = at;
	}
	return found;
}

void expelled_note(const struct segment *s, owner_t owner, uint32_t tid)
{
	uint32_t seat = owner_seat(owner);
	struct expulsion *record = find(s, owner);

	fetch_add_relaxed(&s->header->expelled, 1); /* relaxed: a figure */
	if (!record) {
		record = oldest(s);
		store_relaxed(&record->count, 0u); /* relaxed: a figure */
		/* relaxed: as above */
		store_relaxed(&record->pid,
			      seat < segment_rows(s) ? load_relaxed(&s->rows[seat].who.pid) : 0);
		store_relaxed(&record->owner, owner); /* relaxed: as above */
	}
	fetch_add_relaxed(&record->count, 1);    /* relaxed: as above */
	store_relaxed(&record->tid, tid);        /* relaxed: as above */
	store_relaxed(&record->at, clock_now()); /* relaxed: as above */
}

static void copy(const struct expulsion *record, struct expelled *out)
{
	*out = (struct expelled){
		.owner = load_relaxed(&record->owner), /* relaxed: a figure */
		.pid = load_relaxed(&record->pid),     /* relaxed: as above */
		.tid = load_relaxed(&record->tid),     /* relaxed: as above */
		.count = load_relaxed(&record->count), /* relaxed: as above */
		.at = load_relaxed(&record->at),       /* relaxed: as above */
	};
}

void expelled_look(const struct segment *s, owner_t owner, struct expelled *out)
{
	const struct expulsion *record = find(s, owner);

	*out = (struct expelled){ 0 };
	if (record)
		copy(record, out);
}

void expelled_last(const struct segment *s, struct expelled *out)
{
	const struct expulsion *at = s->header->expulsions, *end = at + EXPULSIONS_KEPT;
	struct expelled next;

	*out = (struct expelled){ 0 };
	for (; at < end; at++) {
		copy(at, &next);
		if (next.owner && next.at >= out->at)
			*out = next;
	}
}

int64_t expelled_ms(uint64_t at)
{
	uint64_t now = clock_now();

	if (!at)
		return -1;
	/* Another process may have noted it after this one has read the clock. */
	return at < now ? (int64_t)((now - at) / 1000000) : 0;
}
