/* SPDX-License-Identifier: MIT */
/*
 * The model computes the result; an operation can have happened if its result was that
 * one. model_duplicates.c has the part for duplicate keys.
 */
#include "tests/linear/model.h"

#include <errno.h>

#include "tests/linear/outcome.h"

/* Of a key: the value, the owner and 1, and whether DROP, and whether others may change it. */
#define KEY_BITS 16u
#define OWNER_AT 8u
#define DROP (1u << 12)
#define OTHERS (1u << 13)

_Static_assert(KEY_BITS *KEYS_MAX <= 8 * sizeof(model_t) && WORKERS_MAX < 15,
	       "a key takes 16 bits");

static uint32_t slot(model_t state, uint32_t key)
{
	return (uint32_t)(state >> KEY_BITS * key) & 0xffff;
}

static model_t with(model_t state, uint32_t key, uint32_t now)
{
	return (state & ~((model_t)0xffff << KEY_BITS * key)) | (model_t)now << KEY_BITS * key;
}

static uint32_t owned(uint32_t worker, uint8_t value, uint32_t bits)
{
	return value | (worker + 1) << OWNER_AT | bits;
}

static uint8_t value_in(uint32_t slot)
{
	return (uint8_t)slot;
}

static uint32_t bits_in(uint32_t slot)
{
	return slot & (DROP | OTHERS);
}

static bool is_held_by(uint32_t slot, uint32_t worker)
{
	return (slot >> OWNER_AT & 15) == worker + 1;
}

static struct outcome outcome_tell(struct outcome out, uint32_t slot)
{
	out.found = value_in(slot);
	out.holder = (uint8_t)((slot >> OWNER_AT & 15) - 1);
	return out;
}

/* DROP makes an entry one that others may change, and it stays that. */
static uint32_t bits_of(const struct operation *op)
{
	return op->flags & FLAG_DROP ? DROP | OTHERS : 0;
}

static struct outcome apply_register(struct outcome out, const struct operation *op, bool dead)
{
	uint32_t now = slot(out.state, op->key);
	bool may_take = op->flags & FLAG_REPLACE && now & DROP && !is_held_by(now, op->worker);

	if (now && !may_take) {
		out.result = -EEXIST;
		return outcome_tell(out, now);
	}
	now = dead ? 0 : owned(op->worker, op->value, bits_of(op));
	out.state = with(out.state, op->key, now);
	return out;
}

static struct outcome apply_unregister(struct outcome out, const struct operation *op)
{
	out.result = is_held_by(slot(out.state, op->key), op->worker);
	if (out.result)
		out.state = with(out.state, op->key, 0);
	return out;
}

/* What kreg_counter_add_bounded() makes of the counter. */
static uint8_t counted(const struct operation *op, uint8_t value)
{
	int sum = value - 1 + op->delta;
	bool passes = op->delta >= 0 ? sum > op->threshold : sum < op->threshold;

	return passes ? op->value : (uint8_t)(sum + 1);
}

/* The calls that need the caller's own entry. */
static struct outcome apply_update(struct outcome out, const struct operation *op)
{
	uint32_t now = slot(out.state, op->key), bits = bits_in(now);
	uint8_t value = op->value;

	if (!is_held_by(now, op->worker)) {
		out.result = now ? -EPERM : -ENOENT;
		return out;
	}
	if (op->kind == OP_SET_FLAGS) {
		value = value_in(now);
		bits = (bits & OTHERS) | bits_of(op);
	} else if (op->kind == OP_COUNT) {
		value = out.found = counted(op, value_in(now));
	} else if (op->kind == OP_UPDATE) {
		out.found = value_in(now);
	} else if (op->expected != value_in(now)) {
		out.result = -ECANCELED;
		return out;
	}
	out.state = with(out.state, op->key, owned(op->worker, value, bits));
	return out;
}

/* For a worker that lives. */
static struct outcome apply_for(struct outcome out, const struct operation *op)
{
	uint32_t now = slot(out.state, op->key);
	bool is_theirs = is_held_by(now, op->to);

	if (op->kind == OP_REGISTER_FOR) {
		if (now) {
			out.result = -EEXIST;
			return outcome_tell(out, now);
		}
		now = owned(op->to, op->value, OTHERS | bits_of(op));
	} else if (!is_theirs) {
		out.result = op->kind == OP_UPDATE_FOR ? -ENOENT : 0;
	} else if (!(now & OTHERS)) {
		out.result = -EPERM;
	} else if (op->kind == OP_UPDATE_FOR) {
		now = owned(op->to, op->value, bits_in(now));
	} else {
		now = 0;
		out.result = 1;
	}
	out.state = with(out.state, op->key, now);
	return out;
}

static struct outcome apply_lookup(struct outcome out, const struct operation *op)
{
	uint32_t now = slot(out.state, op->key);

	if (now)
		return outcome_tell(out, now);
	out.result = -ENOENT;
	return out;
}

static struct outcome apply_lost(struct outcome out, const struct operation *op)
{
	if (is_held_by(slot(out.state, op->key), op->worker))
		out.result = -EBUSY;
	return out;
}

static struct outcome apply_death(struct outcome out, const struct operation *op)
{
	uint32_t key;

	for (key = 0; key < KEYS_MAX; key++) {
		if (is_held_by(slot(out.state, key), op->worker))
			out.state = with(out.state, key, 0);
	}
	return out;
}

static struct outcome outcome_unique(struct outcome out, const struct operation *op, bool dead)
{
	switch ((enum operation_kind)op->kind) {
	case OP_REGISTER:
		return apply_register(out, op, dead);
	case OP_UNREGISTER:
	case OP_UNREGISTER_ALL:
		return apply_unregister(out, op);
	case OP_UPDATE:
	case OP_UPDATE_IF:
	case OP_SET_FLAGS:
	case OP_COUNT:
		return apply_update(out, op);
	case OP_REGISTER_FOR:
	case OP_UPDATE_FOR:
	case OP_UNREGISTER_FOR:
		return apply_for(out, op);
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

/* What a call for the dead, which changes nothing, may have returned. */
static bool is_of_the_dead(const struct operation *op)
{
	switch (op->result) {
	case 0:
	case -ESRCH:
	case -EPERM:
		return true;
	case 1:
		return op->kind == OP_UNREGISTER_FOR;
	case -ENOENT:
		return op->kind == OP_UPDATE_FOR;
	default:
		return op->result == -EEXIST && op->kind == OP_REGISTER_FOR;
	}
}

bool model_apply(enum form form, model_t *state, const struct operation *op, uint32_t dead)
{
	struct outcome out = { .state = *state, .holder = WORKER_NONE };
	bool is_dead = dead >> op->worker & 1;

	if (is_dead && op->result == -EOWNERDEAD && op->kind != OP_LOOKUP && !is_pending(op))
		return true;
	if (is_for_another(op) && dead >> op->to & 1)
		return is_pending(op) || is_of_the_dead(op);
	out = form == FORM_DUPLICATES ? outcome_duplicates(out, op, is_dead)
				      : outcome_unique(out, op, is_dead);
	if (!is_pending(op) && !result_matches(op, &out))
		return false;
	*state = out.state;
	return true;
}
