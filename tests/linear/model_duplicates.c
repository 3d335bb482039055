/* SPDX-License-Identifier: MIT */
/*
 * The model of duplicate keys: the entries of each worker under one key.
 */
#include <errno.h>

#include "tests/linear/outcome.h"

#define ENTRY_BITS 4u
#define WORKER_BITS (ENTRY_BITS * OWN_ENTRIES)

_Static_assert(WORKER_BITS *WORKERS_MAX <= 8 * sizeof(model_t) && OWN_MAX < 15,
	       "an entry takes 4 bits");

/* The value of the worker's entry, VALUE_NONE if there are not so many; the oldest one is 0. */
static uint8_t entry(model_t state, uint32_t worker, uint32_t nth)
{
	uint32_t number = (uint32_t)(state >> (WORKER_BITS * worker + ENTRY_BITS * nth)) & 15;

	return number ? value_of(worker, number - 1) : VALUE_NONE;
}

static model_t with_entry(model_t state, uint32_t worker, uint32_t nth, uint8_t value)
{
	uint32_t at = WORKER_BITS * worker + ENTRY_BITS * nth;
	model_t number = value ? (model_t)(value - value_of(worker, 0)) + 1 : 0;

	return (state & ~((model_t)15 << at)) | number << at;
}

static uint32_t count_entries(model_t state, uint32_t worker)
{
	uint32_t count = 0;

	while (count < OWN_ENTRIES && entry(state, worker, count))
		count++;
	return count;
}

static model_t without(model_t state, uint32_t worker)
{
	uint32_t i;

	for (i = 0; i < OWN_ENTRIES; i++)
		state = with_entry(state, worker, i, VALUE_NONE);
	return state;
}

static struct outcome apply_update(struct outcome out, const struct operation *op)
{
	uint32_t count = count_entries(out.state, op->worker), at = count;

	if (!count) {
		out.result = -ENOENT;
		return out;
	}
	while (at && op->kind == OP_UPDATE_IF &&
	       entry(out.state, op->worker, at - 1) != op->expected)
		at--;
	if (!at) {
		out.result = -ECANCELED;
		return out;
	}
	if (op->kind == OP_UPDATE)
		out.found = entry(out.state, op->worker, at - 1);
	out.state = with_entry(out.state, op->worker, at - 1, op->value);
	return out;
}

/* That it is any of them decides what was found. */
static struct outcome apply_lookup(struct outcome out, const struct operation *op)
{
	uint32_t i;

	out.result = out.state ? 0 : -ENOENT;
	for (i = 0; i < OWN_ENTRIES && op->holder < WORKERS_MAX; i++) {
		if (op->found && entry(out.state, op->holder, i) == op->found) {
			out.found = op->found;
			out.holder = op->holder;
		}
	}
	return out;
}

struct outcome outcome_duplicates(struct outcome out, const struct operation *op, bool dead)
{
	uint32_t count = count_entries(out.state, op->worker);

	switch ((enum operation_kind)op->kind) {
	case OP_REGISTER:
		if (!dead && count < OWN_ENTRIES)
			out.state = with_entry(out.state, op->worker, count, op->value);
		break;
	case OP_UNREGISTER:
	case OP_UNREGISTER_ALL:
		out.result = (int)count;
		out.state = without(out.state, op->worker);
		break;
	case OP_UPDATE:
	case OP_UPDATE_IF:
		return apply_update(out, op);
	case OP_LOOKUP:
		return apply_lookup(out, op);
	case OP_DIE:
		out.state = without(out.state, op->worker);
		break;
	default:
		out.result = -EINVAL;
	}
	return out;
}
