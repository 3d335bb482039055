/* SPDX-License-Identifier: MIT */
#include "shm/line.h"

#include <errno.h>

#include "shm/grace.h"
#include "shm/table_search.h"

/* Who is overtaken so often does not know. */
#define PRINT_TRIES 8

static uint64_t mix(uint64_t print, uint64_t word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 32;
}

/* 0, -EUCLEAN. */
static int print_order(const struct segment *s, const struct life_table *lives,
		       const struct query *q, uint64_t *print)
{
	struct found found = { 0 };
	struct table_walk walk;
	order_t order;
	int err;

	table_first(s, q->order, q->order, &walk);
	while (!(err = table_next(s, lives, &walk, &found, &order))) {
		if (order != q->order ||
		    !entry_has_key(s, found.entry, found.info, q->key, q->key_size))
			continue;
		*print = mix(*print, found.place);
		*print = mix(*print, found.owner);
		*print = mix(*print, entry_kind(found.info));
	}
	return err == -ENOENT ? 0 : err;
}

static int print_lines(const struct segment *s, const struct life_table *lives,
		       const struct query *q, uint64_t *print)
{
	struct query in = *q;
	uint32_t partition;
	int err;

	if (!(q->kinds & KINDS_OF_NAMES))
		return print_order(s, lives, q, print);
	in = table_query_claim(s, q->key, q->key_size);
	err = print_order(s, lives, &in, print);
	in = *q;
	for (partition = 0; partition < s->partitions && !err; partition++) {
		table_query_partition(&in, partition);
		/* Where one line ends and the next one begins is part of it. */
		*print = mix(*print, partition);
		err = print_order(s, lives, &in, print);
	}
	return err;
}

uint64_t line_print(const struct segment *s, const struct life_table *lives, const struct query *q,
		    owner_t self)
{
	int tries, err;

	for (tries = 0; tries < PRINT_TRIES; tries++) {
		uint64_t epoch = grace_peek(s);
		uint64_t print = mix(segment_is_over(s), life_is_alive(lives, self));

		err = print_lines(s, lives, q, &print);
		if (grace_peek_held(s, epoch))
			return err ? 0 : print + !print;
	}
	return 0;
}
