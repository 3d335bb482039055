/* SPDX-License-Identifier: MIT */
#include "shm/line.h"

#include <errno.h>

#include "shm/grace.h"
#include "shm/query.h"

/* Who is overtaken so often does not know. */
#define PRINT_TRIES 8

static uint64_t mix(uint64_t print, uint64_t word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 32;
}

struct look {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self, whose;
	struct line_view *out;
};

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
	out->has_his_name |= found->owner == look->whose && kind == ENTRY_NAME;
}

/* 0, -EUCLEAN. */
static int see_order(struct look *look, const struct query *q)
{
	struct found found = { 0 };
	struct table_walk walk;
	order_t order;
	int err;

	table_first(look->s, q->order, q->order, &walk);
	while (!(err = table_next(look->s, look->lives, &walk, &found, &order))) {
		if (order == q->order &&
		    entry_has_key(look->s, found.entry, found.info, q->key, q->key_size))
			see(look, &found);
	}
	return err == -ENOENT ? 0 : err;
}

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
		/* Where one line ends and the next one begins is part of it. */
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

		*out = (struct line_view){ 0 };
		out->print = mix(segment_is_over(s), life_is_alive(lives, self));
		err = see_lines(&look, q);
		if (!grace_peek_held(s, epoch))
			continue;
		out->print = err ? 0 : out->print + !out->print;
		return;
	}
	out->print = 0;
}
