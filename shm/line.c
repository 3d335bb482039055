/* SPDX-License-Identifier: MIT */
/*
 * One peek, one walk through each line of the key, one hash over what was found.
 * Nothing is written, so a death, stop or exec anywhere leaves nothing.
 */
#include "shm/line.h"

#include <errno.h>

#include "shm/grace.h"
#include "shm/query.h"

/*
 * How often a view may be overtaken before it is unknown. The attendant asks again 100
 * ms later anyway, so it need not insist, and one call stays short.
 */
#define PRINT_TRIES 8

/*
 * Adds @word to @print. The order counts, so the same owners in another order have
 * another print; the shift brings high bits down, without which the low ones would
 * never mix.
 */
static uint64_t mix(uint64_t print, uint64_t word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 32;
}

/* The arguments of one line_look(), private to it. */
struct look {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self, whose;
	struct line_view *out;
};

/*
 * Adds a live entry of the key to the view. The place is in the print beside the owner:
 * a name that was unregistered and registered again by one owner is a change that a
 * waiter may await. A claim is no place in the line, so it counts neither as the first
 * entry nor as self's.
 */
static void see(struct look *look, const struct found *found)
{
	struct line_view *out = look->out;
	uint32_t kind = entry_kind(found->info);

	out->print = mix(out->print, found->place);
	out->print = mix(out->print, found->owner);
	out->print = mix(out->print, kind);
	if (kind == ENTRY_CLAIM) {
		if (!out->claim)
			out->claim = found->owner;
		return;
	}
	if (!out->first.owner)
		out->first = *found;
	if (!out->holder && kind == ENTRY_NAME)
		out->holder = found->owner;
	out->has_self |= found->owner == look->self;
	out->has_whose |= found->owner == look->whose;
	out->has_whose_name |= found->owner == look->whose && kind == ENTRY_NAME;
}

/*
 * Sees the entries of q's key in q's order. table_next() and not table_line_next(),
 * because the view has to have all of the line: a take-over in front during the walk
 * gives -EAGAIN, and the view is unknown instead of a mixture of two lines. 0, -EAGAIN,
 * -EUCLEAN, -ENOMEM.
 */
static int see_order(struct look *look, const struct query *q)
{
	struct found found = { 0 };
	struct table_walk walk;
	order_t order;
	int err;

	table_first(look->s, q->order, q->order, &walk);
	while (!(err = table_next(look->s, look->lives, &walk, &found, &order))) {
		/* A walk starts in front of its order, and that may have other keys. */
		if (order == q->order &&
		    entry_has_key(look->s, found.entry, found.info, q->key, q->key_size))
			see(look, &found);
	}
	return err == -ENOENT ? 0 : err;
}

/*
 * Sees all lines of the key. Claims come first and locks have none: the order is part
 * of the print, so it must not depend on what is found.
 */
static int see_lines(struct look *look, const struct query *q)
{
	struct query in = *q;
	uint32_t partition;
	int err;

	if (!(q->kinds & KINDS_OF_NAMES))
		return see_order(look, q);
	in = table_query_claim(look->s, q->key, q->key_size);
	err = see_order(look, &in);
	in = *q;
	for (partition = 0; partition < look->s->partitions && !err; partition++) {
		table_query_partition(&in, partition);
		/* So that the same entries, spread over the lines otherwise, differ. */
		look->out->print = mix(look->out->print, partition);
		err = see_order(look, &in);
	}
	return err;
}

void line_look(const struct segment *s, const struct life_table *lives, const struct query *q,
	       owner_t self, owner_t whose, struct line_view *out)
{
	struct look look = { .s = s, .lives = lives, .self = self, .whose = whose, .out = out };
	int tries, err;

	for (tries = 0; tries < PRINT_TRIES; tries++) {
		uint64_t epoch = grace_peek(s);

		/* Cleared: an overtaken walk may have read reused blocks. */
		*out = (struct line_view){ 0 };
		/* The end of the registry and of the asking life end a wait as well. */
		out->print = mix(segment_is_over(s), life_is_alive(lives, self));
		err = see_lines(&look, q);
		if (!grace_peek_held(s, epoch))
			continue;
		/* 0 means unknown, so a print that happens to be 0 becomes 1. */
		out->print = err ? 0 : out->print + !out->print;
		return;
	}
	out->print = 0;
}
