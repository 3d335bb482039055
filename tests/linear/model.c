/* SPDX-License-Identifier: MIT */
/*
 * The model computes the result; an operation can have happened if its result was that
 * one.
 */
#include "tests/linear/model.h"

#include <errno.h>

struct outcome {
	model_t state;
	int result;
	uint8_t found;
	uint8_t holder;
};

static uint8_t held(model_t state, uint32_t key)
{
	return (uint8_t)(state >> 8 * key);
}

static model_t with(model_t state, uint32_t key, uint8_t value)
{
	return (state & ~(0xffu << 8 * key)) | (model_t)value << 8 * key;
}

_Static_assert(9 * KEYS_MAX <= 8 * sizeof(model_t), "a key takes a byte and a bit");

static bool is_droppable(model_t state, uint32_t key)
{
	return state >> (8 * KEYS_MAX + key) & 1;
}

static model_t with_flags(model_t state, uint32_t key, uint8_t flags)
{
	model_t bit = (model_t)1 << (8 * KEYS_MAX + key);

	return flags & FLAG_DROP ? state | bit : state & ~bit;
}

/* No owner has no flags either. */
static model_t without(model_t state, uint32_t key)
{
	return with_flags(with(state, key, VALUE_NONE), key, 0);
}

static bool is_held_by(model_t state, uint32_t key, uint32_t worker)
{
	return held(state, key) && value_writer(held(state, key)) == worker;
}

static struct outcome outcome_tell(struct outcome out, uint8_t value)
{
	out.found = value;
	out.holder = value_writer(value);
	return out;
}

static bool may_take(model_t state, const struct operation *op)
{
	return op->flags & FLAG_REPLACE && is_droppable(state, op->key) &&
	       !is_held_by(state, op->key, op->worker);
}

static struct outcome apply_register(struct outcome out, const struct operation *op, bool dead)
{
	uint8_t value = held(out.state, op->key);

	if (value && !may_take(out.state, op)) {
		out.result = -EEXIST;
		return outcome_tell(out, value);
	}
	out.state = without(out.state, op->key);
	if (!dead)
		out.state = with_flags(with(out.state, op->key, op->value), op->key, op->flags);
	return out;
}

static struct outcome apply_unregister(struct outcome out, const struct operation *op)
{
	out.result = is_held_by(out.state, op->key, op->worker);
	if (out.result)
		out.state = without(out.state, op->key);
	return out;
}

static struct outcome apply_update(struct outcome out, const struct operation *op)
{
	if (!is_held_by(out.state, op->key, op->worker)) {
		out.result = held(out.state, op->key) ? -EPERM : -ENOENT;
		return out;
	}
	if (op->kind == OP_SET_FLAGS) {
		out.state = with_flags(out.state, op->key, op->flags);
		return out;
	}
	if (op->kind == OP_UPDATE) {
		out.found = held(out.state, op->key);
	} else if (op->expected != held(out.state, op->key)) {
		out.result = -ECANCELED;
		return out;
	}
	out.state = with(out.state, op->key, op->value);
	return out;
}

static struct outcome apply_lookup(struct outcome out, const struct operation *op)
{
	uint8_t value = held(out.state, op->key);

	if (value)
		return outcome_tell(out, value);
	out.result = -ENOENT;
	return out;
}

static struct outcome apply_lost(struct outcome out, const struct operation *op)
{
	if (is_held_by(out.state, op->key, op->worker))
		out.result = -EBUSY;
	return out;
}

static struct outcome apply_death(struct outcome out, const struct operation *op)
{
	uint32_t key;

	for (key = 0; key < KEYS_MAX; key++) {
		if (is_held_by(out.state, key, op->worker))
			out.state = without(out.state, key);
	}
	return out;
}

static struct outcome outcome_of(model_t state, const struct operation *op, bool dead)
{
	struct outcome out = { .state = state, .holder = WORKER_NONE };

	switch ((enum operation_kind)op->kind) {
	case OP_REGISTER:
		return apply_register(out, op, dead);
	case OP_UNREGISTER:
	case OP_UNREGISTER_ALL:
		return apply_unregister(out, op);
	case OP_UPDATE:
	case OP_UPDATE_IF:
	case OP_SET_FLAGS:
		return apply_update(out, op);
	case OP_LOOKUP:
		return apply_lookup(out, op);
	case OP_LOST:
		return apply_lost(out, op);
	case OP_DIE:
		break;
	}
	return apply_death(out, op);
}

/*
 * A result that was not returned is not compared: of a refusal by a reserved name there is no
 * value.
 */
static bool result_matches(const struct operation *op, const struct outcome *out)
{
	return op->result == out->result && (!op->found || op->found == out->found) &&
	       (op->holder == WORKER_NONE || op->holder == out->holder);
}

bool model_apply(model_t *state, const struct operation *op, bool dead)
{
	struct outcome out;

	if (dead && op->result == -EOWNERDEAD && op->kind != OP_LOOKUP && !is_pending(op))
		return true;
	out = outcome_of(*state, op, dead);
	if (!is_pending(op) && !result_matches(op, &out))
		return false;
	*state = out.state;
	return true;
}
