/* SPDX-License-Identifier: MIT */
/*
 * The checker of histories accepts those that are linearizable and refuses those that are
 * not.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/linear/written.h"
#include "tests/support/unit.h"

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

static struct operation *for_another(uint32_t at, uint8_t worker, uint8_t kind, uint8_t to,
				     int32_t result)
{
	struct operation *op = add(at, at + 1, worker, kind, result);

	op->to = to;
	op->value = value_of(worker, 0);
	return op;
}

START_TEST(what_others_register_and_update_is_its_owners)
{
	for_another(1, 1, OP_REGISTER_FOR, 0, 0);
	add(3, 4, 2, OP_LOOKUP, 0)->holder = 0;
	history.operations[1].found = value_of(1, 0);
	for_another(5, 2, OP_UPDATE_FOR, 0, 0);
	add(7, 8, 0, OP_UPDATE, 0)->found = value_of(2, 0);
	for_another(9, 2, OP_UNREGISTER_FOR, 0, 1);
	finds_none(11, 12, 1);
	assert_is(true);
	/* Or the caller's. */
	history.operations[1].holder = 1;
	assert_is(false);
}
END_TEST

START_TEST(what_a_worker_has_registered_itself_is_its_own)
{
	registers(1, 2, 0, 0);
	for_another(3, 1, OP_UPDATE_FOR, 0, -EPERM);
	for_another(5, 1, OP_UNREGISTER_FOR, 0, -EPERM);
	for_another(7, 1, OP_UPDATE_FOR, 2, -ENOENT);
	for_another(9, 1, OP_UNREGISTER_FOR, 2, 0);
	assert_is(true);
	history.operations[1].result = 0;
	assert_is(false);
}
END_TEST

START_TEST(an_unregister_for_that_misses_the_name_is_refused)
{
	for_another(1, 1, OP_REGISTER_FOR, 0, 0);
	for_another(3, 1, OP_UNREGISTER_FOR, 0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_call_for_the_dead_changes_nothing)
{
	dies(1, 2, 0);
	for_another(3, 1, OP_REGISTER_FOR, 0, 0);
	for_another(5, 1, OP_UPDATE_FOR, 0, -ESRCH);
	finds_none(7, 8, 2);
	assert_is(true);
	history.operations[3].result = 0;
	assert_is(false);
}
END_TEST

static void counts(uint32_t at, int8_t delta, uint8_t threshold, uint8_t to, uint8_t now)
{
	struct operation *op = add(at, at + 1, 0, OP_COUNT, 0);

	op->delta = delta;
	op->threshold = threshold;
	op->value = to + 1;
	op->found = now + 1;
}

START_TEST(a_count_that_passes_its_threshold_is_refused)
{
	history.form = FORM_COUNTERS;
	add(1, 2, 0, OP_REGISTER, 0)->value = 7 + 1;
	counts(3, 2, 9, 0, 9);
	counts(5, 1, 9, 3, 3);
	counts(7, -2, 2, 6, 6);
	assert_is(true);
	history.operations[2].found = 10 + 1;
	assert_is(false);
}
END_TEST

START_TEST(a_counter_seen_past_the_threshold_is_refused)
{
	history.form = FORM_COUNTERS;
	add(1, 2, 0, OP_REGISTER, 0)->value = 8 + 1;
	counts(3, 4, 9, 0, 0);
	add(3, 4, 1, OP_LOOKUP, 0)->found = VALUE_WRONG;
	assert_is(false);
}
END_TEST

START_TEST(of_duplicates_the_one_registered_last_is_updated)
{
	history.form = FORM_DUPLICATES;
	registers(1, 2, 0, 0);
	registers(3, 4, 0, 1);
	registers(5, 6, 1, 0);
	updates(7, 8, 0, 1, 2);
	updates_if(9, 10, 0, 0, 3, 0);
	updates_if(11, 12, 0, 0, 4, -ECANCELED);
	finds(13, 14, 2, 0, 3);
	unregisters(15, 16, 0, 2);
	finds(17, 18, 2, 1, 0);
	assert_is(true);
	history.operations[3].found = value_of(0, 0);
	assert_is(false);
}
END_TEST

START_TEST(a_duplicate_key_without_an_owner_while_it_has_one_is_refused)
{
	history.form = FORM_DUPLICATES;
	registers(1, 2, 0, 0);
	registers(3, 4, 1, 0);
	unregisters(5, 6, 0, 1);
	finds_none(5, 6, 2);
	assert_is(false);
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
		what_others_register_and_update_is_its_owners,
		what_a_worker_has_registered_itself_is_its_own,
		an_unregister_for_that_misses_the_name_is_refused,
		a_call_for_the_dead_changes_nothing,
		a_count_that_passes_its_threshold_is_refused,
		a_counter_seen_past_the_threshold_is_refused,
		of_duplicates_the_one_registered_last_is_updated,
		a_duplicate_key_without_an_owner_while_it_has_one_is_refused,
		NULL,
	};

	return unit_run("linear", written_begin, written_end, tests);
}
