/* SPDX-License-Identifier: MIT */
/*
 * A history: the operations of some workers on a few names at once, and their results.
 *
 * Each operation has the tick at which it began and the tick at which it ended, from one
 * counter that all workers share. One operation precedes another if it ended before the
 * other began; otherwise they overlap, and may have happened in either order.
 *
 * A death is an operation too: from before the kill until waitpid() has returned. The
 * victim's last operation has no end if the victim was killed inside it.
 *
 * Used by   all of tests/linear/, proc_linear.c, test_linear.c.
 */
#ifndef KREG_TESTS_LINEAR_HISTORY_H
#define KREG_TESTS_LINEAR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WORKERS_MAX 8u
#define KEYS_MAX 3u
#define OPERATIONS_MAX 64u /* of a history: a set of them is a word of bits */
#define OWN_MAX 10u        /* of these, at most this many by one worker */

/* What the entries of a history are. */
enum form {
	FORM_NAMES,      /* of unique keys; each value is written by one operation only */
	FORM_COUNTERS,   /* of unique keys; their values are 0 to COUNT_MAX */
	FORM_DUPLICATES, /* of one key, at most OWN_ENTRIES of each worker; values as of FORM_NAMES */
	FORMS
};

#define COUNT_MAX 9
#define OWN_ENTRIES 2u

enum operation_kind {
	OP_REGISTER,
	OP_UNREGISTER,
	OP_UNREGISTER_ALL, /* one step only if the history has one key */
	OP_UPDATE,
	OP_UPDATE_IF,
	OP_SET_FLAGS,
	OP_COUNT, /* kreg_counter_add_bounded() */
	OP_REGISTER_FOR,
	OP_UPDATE_FOR,
	OP_UNREGISTER_FOR,
	OP_LOOKUP,
	OP_LOST, /* the second step of an OP_SET_FLAGS that returned KREG_WAITING */
	OP_DIE
};

/* Of OP_REGISTER; OP_SET_FLAGS sets FLAG_DROP or clears it; OP_REGISTER_FOR has FLAG_DROP or not. */
enum { FLAG_REPLACE = 1, FLAG_DROP = 2 };

/* Of FORM_NAMES and FORM_DUPLICATES as value_of() makes it, of FORM_COUNTERS the number and 1. */
enum { VALUE_NONE = 0, VALUE_WRONG = 0xff };
enum { WORKER_NONE = 0xff, WORKER_WRONG = 0xfe };

struct operation {
	uint32_t begun;
	uint32_t ended; /* 0: never */
	int32_t result; /* 0, a count, or a negative errno */
	uint8_t kind;
	uint8_t worker;
	uint8_t key;
	uint8_t flags;
	uint8_t value;    /* written by it */
	uint8_t expected; /* of OP_UPDATE_IF */
	uint8_t found;    /* the value returned, or VALUE_NONE */
	uint8_t holder;   /* the owner returned, or WORKER_NONE */
	uint8_t to;       /* the worker for whom OP_..._FOR is */
	int8_t delta; /* of OP_COUNT, whose @value is what a count that passes @threshold becomes */
	uint8_t threshold;
};

struct history {
	enum form form;
	uint32_t count;
	struct operation operations[OPERATIONS_MAX];
};

static inline uint8_t value_of(uint32_t worker, uint32_t number)
{
	return (uint8_t)(1 + worker * OWN_MAX + number);
}

static inline uint8_t value_writer(uint8_t value)
{
	return (uint8_t)((value - 1u) / OWN_MAX);
}

static inline bool is_for_another(const struct operation *op)
{
	return op->kind == OP_REGISTER_FOR || op->kind == OP_UPDATE_FOR ||
	       op->kind == OP_UNREGISTER_FOR;
}

static inline bool is_pending(const struct operation *op)
{
	return !op->ended;
}

/* By the ticks at which they began, as the checker needs them. */
void history_sort(struct history *h);

/*
 * How many operations overlap another worker's on the same key, where one of the two
 * changed it.
 */
uint32_t history_overlaps(const struct history *h);

/* A line for each operation; a star on those that are not in @placed. */
void history_print(FILE *out, const struct history *h, uint64_t placed);

#endif
