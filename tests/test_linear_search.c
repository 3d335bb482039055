/* SPDX-License-Identifier: MIT */
/*
 * The checker of histories says the same as trying all orders does, for histories of a few operations
 * that chance makes.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/linear/written.h"
#include "tests/support/unit.h"

#define SMALL 6u
#define MANY 200000

/* Tries all orders, without remembering configurations. */
static bool some_order_does(uint32_t done, model_t state)
{
	bool is_complete = true;
	uint32_t i, j;

	for (i = 0; i < history.count; i++) {
		const struct operation *op = &history.operations[i];
		model_t next = state;
		bool may_be_next = true;
		uint32_t dead = 0;

		if (done >> i & 1)
			continue;
		is_complete = is_complete && is_pending(op);
		for (j = 0; j < history.count; j++) {
			const struct operation *other = &history.operations[j];

			if (done >> j & 1)
				dead |= (uint32_t)(other->kind == OP_DIE) << other->worker;
			else if (!is_pending(other) && other->ended < op->begun)
				may_be_next = false;
		}
		if (may_be_next && model_apply(history.form, &next, op, dead) &&
		    some_order_does(done | 1u << i, next))
			return true;
	}
	return is_complete;
}

static void choose_answer(struct operation *op, unsigned int *seed)
{
	static const int32_t failures[] = {
		[OP_REGISTER] = -EEXIST,     [OP_UNREGISTER] = 1,     [OP_UNREGISTER_ALL] = 1,
		[OP_UPDATE] = -ENOENT,       [OP_SET_FLAGS] = -EPERM, [OP_LOOKUP] = -ENOENT,
		[OP_UPDATE_IF] = -ECANCELED, [OP_COUNT] = -ENOENT,    [OP_REGISTER_FOR] = -EEXIST,
		[OP_UPDATE_FOR] = -EPERM,    [OP_UNREGISTER_FOR] = 1, [OP_DIE] = 0,
	};
	uint8_t value = history.operations[rand_r(seed) % (int)history.count].value;

	op->result = rand_r(seed) % 2 ? failures[op->kind] : 0;
	if (op->kind == OP_REGISTER || op->kind == OP_SET_FLAGS)
		op->flags = (uint8_t)(rand_r(seed) % 4);
	op->to = (uint8_t)(rand_r(seed) % 3);
	if (op->kind == OP_UPDATE_IF)
		op->expected = value;
	else if ((op->kind == OP_UPDATE || op->kind >= OP_LOOKUP) && !op->result &&
		 rand_r(seed) % 2)
		op->found = value;
}

/* At each tick one of a few workers begins an operation, or ends one. */
static void make_small(unsigned int *seed)
{
	uint32_t tick, ticks = (uint32_t)rand_r(seed) % (2 * SMALL) + 1;
	struct operation *now[3] = { NULL };

	history.count = 0;
	for (tick = 1; tick <= ticks; tick++) {
		uint8_t worker = (uint8_t)(rand_r(seed) % 3);
		struct operation *op = now[worker];

		now[worker] = NULL;
		if (op) {
			op->ended = tick;
			continue;
		}
		key = rand_r(seed) % 4 == 0;
		op = add(tick, 0, worker, (uint8_t)(rand_r(seed) % (OP_DIE + 1)), 0);
		op->value = value_of(worker, tick % OWN_MAX);
		choose_answer(op, seed);
		now[worker] = op;
	}
	for (tick = 0; tick < history.count; tick++) {
		if (history.operations[tick].kind == OP_DIE && !history.operations[tick].ended)
			history.operations[tick].ended = ticks + 1;
	}
}

START_TEST(the_search_agrees_with_trying_all_orders)
{
	unsigned int seed = unit_seed();
	uint32_t i, accepted = 0;

	printf("# KREG_SEED=%u\n", seed);
	for (i = 0; i < MANY; i++) {
		bool expected, got;

		make_small(&seed);
		expected = some_order_does(0, 0);
		got = checker_is_linearizable(checker, &history, NULL);
		if (got != expected)
			history_print(stdout, &history, 0);
		ck_assert_int_eq(got, expected);
		accepted += got;
	}
	printf("# %u of %u histories are linearizable\n", accepted, MANY);
	ck_assert_uint_gt(accepted, MANY / 50);
	ck_assert_uint_lt(accepted, MANY / 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { the_search_agrees_with_trying_all_orders, NULL };

	return unit_run("search", written_begin, written_end, tests);
}
