/* SPDX-License-Identifier: MIT */
/*
 * The checker of histories accepts those that are linearizable and refuses those that are
 * not.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/linear/checker.h"
#include "tests/support/unit.h"

#define SMALL 6u
#define MANY 200000

static struct history history;
static struct checker *checker;
static uint8_t key;

static void set_up(void)
{
	history.count = 0;
	key = 0;
	checker = checker_new();
	ck_assert_ptr_nonnull(checker);
}

static void tear_down(void)
{
	checker_free(checker);
}

static struct operation *add(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t kind,
			     int32_t result)
{
	struct operation *op = &history.operations[history.count++];

	*op = (struct operation){ .begun = begun, .ended = ended, .worker = worker };
	op->kind = kind;
	op->result = result;
	op->key = key;
	op->holder = WORKER_NONE;
	return op;
}

static void registers(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t number)
{
	add(begun, ended, worker, OP_REGISTER, 0)->value = value_of(worker, number);
}

static void registers_with(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t number,
			   uint8_t flags)
{
	registers(begun, ended, worker, number);
	history.operations[history.count - 1].flags = flags;
}

static void sets_flags(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t flags,
		       int32_t result)
{
	add(begun, ended, worker, OP_SET_FLAGS, result)->flags = flags;
}

static void is_refused(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t holder)
{
	struct operation *op = add(begun, ended, worker, OP_REGISTER, -EEXIST);

	op->value = value_of(worker, OWN_MAX - 1);
	op->holder = holder;
}

static void unregisters(uint32_t begun, uint32_t ended, uint8_t worker, int32_t count)
{
	add(begun, ended, worker, OP_UNREGISTER, count);
}

/* Updates from the value @old to @number. */
static void updates(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t old, uint8_t number)
{
	struct operation *op = add(begun, ended, worker, OP_UPDATE, 0);

	op->found = value_of(worker, old);
	op->value = value_of(worker, number);
}

static void updates_if(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t expected,
		       uint8_t number, int32_t result)
{
	struct operation *op = add(begun, ended, worker, OP_UPDATE_IF, result);

	op->expected = value_of(worker, expected);
	op->value = value_of(worker, number);
}

static void finds(uint32_t begun, uint32_t ended, uint8_t worker, uint8_t owner, uint8_t number)
{
	struct operation *op = add(begun, ended, worker, OP_LOOKUP, 0);

	op->found = value_of(owner, number);
	op->holder = owner;
}

static void finds_none(uint32_t begun, uint32_t ended, uint8_t worker)
{
	add(begun, ended, worker, OP_LOOKUP, -ENOENT);
}

static void dies(uint32_t begun, uint32_t ended, uint8_t worker)
{
	add(begun, ended, worker, OP_DIE, 0);
}

static void assert_is(bool linearizable)
{
	uint64_t placed;
	bool got;

	history_sort(&history);
	got = checker_is_linearizable(checker, &history, &placed);
	if (got != linearizable)
		history_print(stdout, &history, placed);
	ck_assert_int_eq(got, linearizable);
	ck_assert(linearizable || placed != (1ull << history.count) - 1);
}

START_TEST(a_sequential_history_that_follows_the_model_is_accepted)
{
	finds_none(1, 2, 1);
	registers(3, 4, 0, 0);
	finds(5, 6, 1, 0, 0);
	is_refused(7, 8, 1, 0);
	is_refused(9, 10, 0, 0);
	updates(11, 12, 0, 0, 1);
	updates_if(13, 14, 0, 0, 2, -ECANCELED);
	updates_if(15, 16, 0, 1, 3, 0);
	updates_if(17, 18, 1, 1, 3, -EPERM);
	unregisters(19, 20, 1, 0);
	finds(21, 22, 2, 0, 3);
	unregisters(23, 24, 0, 1);
	registers(25, 26, 1, 4);
	dies(27, 28, 1);
	finds_none(29, 30, 0);
	assert_is(true);
}
END_TEST

START_TEST(overlapping_calls_may_happen_in_either_order)
{
	registers(1, 2, 0, 0);
	updates(3, 10, 0, 0, 1);
	finds(4, 5, 1, 0, 0);
	finds(6, 7, 2, 0, 1);
	unregisters(11, 20, 0, 1);
	registers(12, 15, 1, 0);
	is_refused(13, 14, 2, 0);
	assert_is(true);
}
END_TEST

START_TEST(a_lost_update_is_refused)
{
	registers(1, 2, 0, 0);
	updates(3, 4, 0, 0, 1);
	finds(5, 6, 1, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(an_update_that_replaces_another_value_than_it_says_is_refused)
{
	registers(1, 2, 0, 0);
	updates(3, 4, 0, 0, 1);
	updates(5, 6, 0, 0, 2);
	assert_is(false);
}
END_TEST

START_TEST(a_compare_and_swap_that_ignores_the_value_is_refused)
{
	registers(1, 2, 0, 0);
	updates(3, 4, 0, 0, 1);
	updates_if(5, 6, 0, 0, 2, 0);
	assert_is(false);
}
END_TEST

START_TEST(the_old_value_seen_after_the_new_one_is_refused)
{
	registers(1, 2, 0, 0);
	updates(3, 10, 0, 0, 1);
	finds(4, 5, 1, 0, 1);
	finds(6, 7, 2, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(an_absent_value_during_an_update_is_refused)
{
	registers(1, 2, 0, 0);
	updates(3, 10, 0, 0, 1);
	finds_none(4, 5, 1);
	assert_is(false);
}
END_TEST

START_TEST(two_owners_at_once_are_refused)
{
	registers(1, 4, 0, 0);
	registers(2, 3, 1, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_refusal_without_a_holder_is_refused)
{
	registers(1, 2, 0, 0);
	unregisters(3, 4, 0, 1);
	is_refused(5, 6, 1, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_refusal_that_names_another_holder_is_refused)
{
	registers(1, 2, 0, 0);
	is_refused(3, 4, 1, 2);
	assert_is(false);
}
END_TEST

START_TEST(a_lookup_with_a_value_of_another_owner_is_refused)
{
	registers(1, 2, 0, 0);
	finds(3, 4, 1, 0, 0);
	history.operations[1].holder = 1;
	assert_is(false);
}
END_TEST

START_TEST(a_torn_value_is_refused)
{
	registers(1, 2, 0, 0);
	finds(3, 4, 1, 0, 0);
	history.operations[1].found = VALUE_WRONG;
	assert_is(false);
}
END_TEST

START_TEST(an_update_of_anothers_key_has_its_own_error)
{
	registers(1, 2, 0, 0);
	updates_if(3, 4, 1, 0, 1, -ENOENT);
	assert_is(false);
}
END_TEST

START_TEST(an_update_of_no_ones_key_has_its_own_error)
{
	updates_if(1, 2, 1, 0, 1, -EPERM);
	assert_is(false);
}
END_TEST

START_TEST(an_error_that_the_model_does_not_know_is_refused)
{
	add(1, 2, 0, OP_REGISTER, -ENOSPC);
	assert_is(false);
}
END_TEST

START_TEST(a_name_is_seen_until_its_owners_death_and_never_again)
{
	registers(1, 2, 0, 0);
	dies(3, 10, 0);
	finds(4, 5, 1, 0, 0);
	finds_none(6, 7, 2);
	assert_is(true);
	finds(8, 9, 1, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_name_of_the_dead_seen_after_waitpid_is_refused)
{
	registers(1, 2, 0, 0);
	dies(3, 4, 0);
	finds(5, 6, 1, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_refusal_by_the_dead_after_waitpid_is_refused)
{
	registers(1, 2, 0, 0);
	dies(3, 4, 0);
	is_refused(5, 6, 1, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_name_that_vanishes_before_the_kill_is_refused)
{
	registers(1, 2, 0, 0);
	finds_none(3, 4, 1);
	dies(5, 6, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_death_removes_all_names_at_once)
{
	registers(1, 2, 0, 0);
	key = 1;
	registers(3, 4, 0, 1);
	dies(5, 20, 0);
	finds(6, 7, 1, 0, 1);
	key = 0;
	finds_none(8, 9, 1);
	assert_is(true);
	key = 1;
	finds(10, 11, 1, 0, 1);
	assert_is(false);
}
END_TEST

START_TEST(a_call_killed_inside_has_happened_or_not)
{
	uint32_t seen;

	for (seen = 0; seen < 2; seen++) {
		history.count = 0;
		registers(1, 0, 0, 0);
		dies(2, 10, 0);
		if (seen)
			finds(3, 4, 1, 0, 0);
		finds_none(5, 6, 1);
		assert_is(true);
	}
}
END_TEST

START_TEST(a_call_killed_inside_happens_neither_twice_nor_before_it_began)
{
	registers(1, 0, 0, 0);
	dies(2, 10, 0);
	finds(3, 4, 1, 0, 0);
	finds_none(5, 6, 1);
	finds(7, 8, 1, 0, 0);
	assert_is(false);
	history.count = 0;
	finds(1, 2, 1, 0, 0);
	registers(3, 0, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_call_killed_inside_does_not_happen_after_waitpid)
{
	registers(1, 0, 0, 0);
	dies(2, 3, 0);
	finds(4, 5, 1, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_call_after_death_changes_nothing_and_may_return_an_error)
{
	dies(1, 20, 0);
	add(2, 3, 0, OP_REGISTER, -EOWNERDEAD);
	registers(4, 5, 0, 1);
	finds_none(6, 7, 1);
	assert_is(true);
	finds(8, 9, 1, 0, 1);
	assert_is(false);
	history.count = 0;
	add(1, 2, 0, OP_REGISTER, -EOWNERDEAD);
	dies(3, 4, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_taker_drops_the_holder_that_allows_it)
{
	registers_with(1, 2, 0, 0, FLAG_DROP);
	updates(3, 4, 0, 0, 1);
	registers_with(5, 6, 1, 0, FLAG_REPLACE);
	finds(7, 8, 2, 1, 0);
	sets_flags(9, 10, 0, 0, -EPERM);
	unregisters(11, 12, 0, 0);
	unregisters(13, 14, 1, 1);
	sets_flags(15, 16, 1, FLAG_DROP, -ENOENT);
	assert_is(true);
}
END_TEST

START_TEST(a_takeover_that_the_holder_does_not_allow_is_refused)
{
	registers(1, 2, 0, 0);
	registers_with(3, 4, 1, 0, FLAG_REPLACE);
	assert_is(false);
	history.count = 0;
	registers_with(1, 2, 0, 0, FLAG_DROP);
	registers(3, 4, 1, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_takeover_from_the_taker_itself_is_refused)
{
	registers_with(1, 2, 0, 0, FLAG_DROP);
	registers_with(3, 4, 0, 1, FLAG_REPLACE);
	assert_is(false);
}
END_TEST

START_TEST(a_dropped_holder_that_is_back_is_refused)
{
	registers_with(1, 2, 0, 0, FLAG_DROP);
	registers_with(3, 4, 1, 0, FLAG_REPLACE);
	unregisters(5, 6, 1, 1);
	finds(7, 8, 2, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(an_absent_name_during_a_takeover_is_refused)
{
	registers_with(1, 2, 0, 0, FLAG_DROP);
	registers_with(3, 10, 1, 0, FLAG_REPLACE);
	finds_none(4, 5, 2);
	assert_is(false);
}
END_TEST

START_TEST(flags_of_a_former_owner_that_are_still_in_force_are_refused)
{
	registers_with(1, 2, 0, 0, FLAG_DROP);
	dies(3, 4, 0);
	registers(5, 6, 1, 0);
	registers_with(7, 8, 2, 0, FLAG_REPLACE);
	assert_is(false);
}
END_TEST

START_TEST(flags_that_were_set_are_in_force)
{
	registers(1, 2, 0, 0);
	sets_flags(3, 4, 0, FLAG_DROP, 0);
	registers_with(5, 6, 1, 0, FLAG_REPLACE);
	assert_is(true);
	history.count = 0;
	registers_with(1, 2, 0, 0, FLAG_DROP);
	sets_flags(3, 4, 0, 0, 0);
	registers_with(5, 6, 1, 0, FLAG_REPLACE);
	assert_is(false);
}
END_TEST

START_TEST(a_name_that_is_lost_while_its_flags_are_set_must_have_been_taken)
{
	registers(1, 2, 0, 0);
	sets_flags(3, 8, 0, FLAG_DROP, 0);
	add(3, 8, 0, OP_LOST, 0);
	registers_with(4, 5, 1, 0, FLAG_REPLACE);
	assert_is(true);
	history.operations[3].begun = 9;
	history.operations[3].ended = 10;
	assert_is(false);
}
END_TEST

START_TEST(flags_that_are_set_on_anothers_name_are_refused)
{
	registers(1, 2, 0, 0);
	sets_flags(3, 4, 1, FLAG_DROP, 0);
	assert_is(false);
}
END_TEST

START_TEST(an_unregister_all_that_leaves_the_name_or_miscounts_is_refused)
{
	registers(1, 2, 0, 0);
	add(3, 4, 1, OP_UNREGISTER_ALL, 0);
	add(5, 6, 0, OP_UNREGISTER_ALL, 1);
	finds_none(7, 8, 1);
	assert_is(true);
	finds(9, 10, 1, 0, 0);
	assert_is(false);
	history.count = 0;
	registers(1, 2, 0, 0);
	add(3, 4, 0, OP_UNREGISTER_ALL, 0);
	assert_is(false);
}
END_TEST

/* Tries all orders, without remembering configurations. */
static bool some_order_does(uint32_t done, model_t state)
{
	bool is_complete = true;
	uint32_t i, j;

	for (i = 0; i < history.count; i++) {
		const struct operation *op = &history.operations[i];
		model_t next = state;
		bool may_be_next = true, dead = false;

		if (done >> i & 1)
			continue;
		is_complete = is_complete && is_pending(op);
		for (j = 0; j < history.count; j++) {
			const struct operation *other = &history.operations[j];

			if (done >> j & 1)
				dead = dead ||
				       (other->kind == OP_DIE && other->worker == op->worker);
			else if (!is_pending(other) && other->ended < op->begun)
				may_be_next = false;
		}
		if (may_be_next && model_apply(&next, op, dead) &&
		    some_order_does(done | 1u << i, next))
			return true;
	}
	return is_complete;
}

static void choose_answer(struct operation *op, unsigned int *seed)
{
	static const int32_t failures[] = {
		[OP_REGISTER] = -EEXIST,     [OP_UNREGISTER] = 1,
		[OP_UNREGISTER_ALL] = 1,     [OP_UPDATE] = -ENOENT,
		[OP_SET_FLAGS] = -EPERM,     [OP_LOOKUP] = -ENOENT,
		[OP_UPDATE_IF] = -ECANCELED, [OP_DIE] = 0,
	};
	uint8_t value = history.operations[rand_r(seed) % (int)history.count].value;

	op->result = rand_r(seed) % 2 ? failures[op->kind] : 0;
	if (op->kind == OP_REGISTER || op->kind == OP_SET_FLAGS)
		op->flags = (uint8_t)(rand_r(seed) % 4);
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
	const TTest *const tests[] = {
		a_sequential_history_that_follows_the_model_is_accepted,
		overlapping_calls_may_happen_in_either_order,
		a_lost_update_is_refused,
		an_update_that_replaces_another_value_than_it_says_is_refused,
		a_compare_and_swap_that_ignores_the_value_is_refused,
		the_old_value_seen_after_the_new_one_is_refused,
		an_absent_value_during_an_update_is_refused,
		two_owners_at_once_are_refused,
		a_refusal_without_a_holder_is_refused,
		a_refusal_that_names_another_holder_is_refused,
		a_lookup_with_a_value_of_another_owner_is_refused,
		a_torn_value_is_refused,
		an_update_of_anothers_key_has_its_own_error,
		an_update_of_no_ones_key_has_its_own_error,
		an_error_that_the_model_does_not_know_is_refused,
		a_name_is_seen_until_its_owners_death_and_never_again,
		a_name_of_the_dead_seen_after_waitpid_is_refused,
		a_refusal_by_the_dead_after_waitpid_is_refused,
		a_name_that_vanishes_before_the_kill_is_refused,
		a_death_removes_all_names_at_once,
		a_call_killed_inside_has_happened_or_not,
		a_call_killed_inside_happens_neither_twice_nor_before_it_began,
		a_call_killed_inside_does_not_happen_after_waitpid,
		a_call_after_death_changes_nothing_and_may_return_an_error,
		a_taker_drops_the_holder_that_allows_it,
		a_takeover_that_the_holder_does_not_allow_is_refused,
		a_takeover_from_the_taker_itself_is_refused,
		a_dropped_holder_that_is_back_is_refused,
		an_absent_name_during_a_takeover_is_refused,
		flags_of_a_former_owner_that_are_still_in_force_are_refused,
		flags_that_were_set_are_in_force,
		a_name_that_is_lost_while_its_flags_are_set_must_have_been_taken,
		flags_that_are_set_on_anothers_name_are_refused,
		an_unregister_all_that_leaves_the_name_or_miscounts_is_refused,
		the_search_agrees_with_trying_all_orders,
		NULL,
	};

	return unit_run("linear", set_up, tear_down, tests);
}
