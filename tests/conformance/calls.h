/* SPDX-License-Identifier: MIT */
/*
 * What a step of a conformance case does: one call of kreg, and its result in words.
 *
 * Promises  entries of several owners are listed by owner, those of one owner in the order in which kreg
 *           gave them; owners are listed by their letters.
 * Needs     calls_begin() in the process that makes the calls.
 * Used by   step.c, which has their names; proc_conformance.c.
 */
#ifndef KREG_TESTS_CONFORMANCE_CALLS_H
#define KREG_TESTS_CONFORMANCE_CALLS_H

#include <sys/types.h>

#include "lib/kreg.h"

#define ACTORS 3 /* A, B and C */
#define SAID 512 /* bytes for what came of a step */

struct step;

/* Makes the step's call through @k and writes the result to @said. */
typedef void call_fn(struct kreg *k, const struct step *step, char *said);

struct step {
	char actor;       /* 'A' to 'C': the process that makes the call */
	call_fn *call;    /* NULL: the actor is killed */
	const char *said; /* the result that it has to have */
	const char *key;
	const char *value;
	const char *other; /* what else the call needs: an actor, or a value */
};

/* Whose pid stands for which letter; how a second registry is opened, and what its name ends with. */
void calls_begin(const pid_t *pids, const struct kreg_options *options, const char *suffix);

/* Names, each in one step. */
call_fn call_register, call_unregister, call_unregister_match, call_update, call_update_if;
call_fn call_lookup, call_whereis, call_send;

/* Several entries. */
call_fn call_entries, call_values, call_keys, call_match, call_select_prefix, call_select_glob;
call_fn call_select_value, call_select_all;
call_fn call_dispatch, call_dispatch_that_fails;
call_fn call_count, call_count_match, call_count_prefix;

/* What belongs to no process. */
call_fn call_meta, call_put_meta, call_delete_meta;

/* Locks: one for each actor at a time. */
call_fn call_lock, call_unlock;

/* A registry's beginning: @key is its name. */
call_fn call_start, call_start_again, call_start_without_kind, call_start_with_no_partition_left;
call_fn call_find_started;

/* Listening: from now on; what was heard since. */
call_fn call_listen, call_hear;

#endif
