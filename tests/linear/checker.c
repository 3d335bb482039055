/* SPDX-License-Identifier: MIT */
/*
 * The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993):
 * try each of the operations that may come next, and continue from there; with the memory
 * of Lowe ("Testing for linearizability", 2017): a configuration, which is the set of
 * operations done and the resulting state, is continued only once.
 *
 * An operation may come next if no remaining one has ended before it began.
 */
#include "tests/linear/checker.h"

#include <stdlib.h>

#define SEEN_AT_FIRST 4096u

/* The slot is empty unless it belongs to the current search. */
struct configuration {
	uint64_t done;
	model_t state;
	uint32_t search;
};

struct checker {
	struct configuration *seen;
	uint64_t capacity; /* a power of two */
	uint64_t used;
	uint64_t work;
	uint32_t search;
	const struct history *history;
	uint64_t required;    /* all but the pending ones */
	uint64_t most_placed; /* the largest set so far */
	uint64_t deaths[WORKERS_MAX];
};

struct checker *checker_new(void)
{
	struct checker *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->capacity = SEEN_AT_FIRST;
	c->seen = calloc(c->capacity, sizeof(*c->seen));
	if (c->seen)
		return c;
	free(c);
	return NULL;
}

void checker_free(struct checker *c)
{
	free(c->seen);
	free(c);
}

uint64_t checker_work(const struct checker *c)
{
	return c->work;
}

/* The slot that the configuration has, or would have. */
static struct configuration *seen_at(const struct checker *c, uint64_t done, model_t state)
{
	uint64_t at = (done * 0xff51afd7ed558ccdull ^ state) * 0x9e3779b97f4a7c15ull >> 20;
	struct configuration *seen;

	for (;; at++) {
		seen = &c->seen[at & (c->capacity - 1)];
		if (seen->search != c->search || (seen->done == done && seen->state == state))
			return seen;
	}
}

static void seen_grow(struct checker *c)
{
	struct configuration *old = c->seen;
	uint64_t i, capacity = c->capacity;

	c->capacity *= 2;
	c->seen = calloc(c->capacity, sizeof(*c->seen));
	/* Going on without memory would report what was not checked. */
	if (!c->seen)
		abort();
	for (i = 0; i < capacity; i++) {
		if (old[i].search == c->search)
			*seen_at(c, old[i].done, old[i].state) = old[i];
	}
	free(old);
}

/* Return: whether it is new. */
static bool seen_add(struct checker *c, uint64_t done, model_t state)
{
	struct configuration *seen = seen_at(c, done, state);

	if (seen->search == c->search)
		return false;
	*seen = (struct configuration){ done, state, c->search };
	c->work++;
	if (++c->used > c->capacity / 2)
		seen_grow(c);
	return true;
}

/* The first end among the remaining operations: one that began later may not come next. */
static uint32_t first_end(const struct checker *c, uint64_t done)
{
	uint64_t left = c->required & ~done;
	uint32_t first = UINT32_MAX;

	for (; left; left &= left - 1) {
		uint32_t ended = c->history->operations[__builtin_ctzll(left)].ended;

		if (ended < first)
			first = ended;
	}
	return first;
}

/* A bit for each worker. */
static uint32_t dead_workers(const struct checker *c, uint64_t done)
{
	uint32_t i, dead = 0;

	for (i = 0; i < WORKERS_MAX; i++)
		dead |= (uint32_t)((done & c->deaths[i]) != 0) << i;
	return dead;
}

/* Whether, from this configuration, all the rest can be put in order. */
static bool search(struct checker *c, uint64_t done, model_t state)
{
	uint32_t i, end = first_end(c, done), dead = dead_workers(c, done);

	if (__builtin_popcountll(done) > __builtin_popcountll(c->most_placed))
		c->most_placed = done;
	if (!(c->required & ~done))
		return true;
	if (!seen_add(c, done, state))
		return false;
	for (i = 0; i < c->history->count; i++) {
		const struct operation *op = &c->history->operations[i];
		model_t next = state;

		if (op->begun > end)
			break;
		if (done >> i & 1 || !model_apply(c->history->form, &next, op, dead))
			continue;
		/*
		 * It makes no difference whether a pending operation without effect has
		 * happened.
		 */
		if (is_pending(op) && next == state)
			continue;
		if (search(c, done | 1ull << i, next))
			return true;
	}
	return false;
}

bool checker_is_linearizable(struct checker *c, const struct history *h, uint64_t *placed)
{
	bool is_linearizable;
	uint32_t i;

	c->history = h;
	c->search++;
	c->used = c->required = c->most_placed = 0;
	for (i = 0; i < WORKERS_MAX; i++)
		c->deaths[i] = 0;
	for (i = 0; i < h->count; i++) {
		const struct operation *op = &h->operations[i];

		if (!is_pending(op))
			c->required |= 1ull << i;
		if (op->kind == OP_DIE)
			c->deaths[op->worker] |= 1ull << i;
	}
	is_linearizable = search(c, 0, 0);
	if (placed)
		*placed = c->most_placed;
	return is_linearizable;
}
