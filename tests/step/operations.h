/* SPDX-License-Identifier: MIT */
/*
 * Operations: every call of kreg.h that writes, the state before it, and what each key
 * may lead to after its process was killed, stopped or called exec anywhere inside.
 *
 * Used by   point.c, checker.c, series.c.
 *
 * All operations on one registry begin alike: the victim has "v-1", "v-line" and the lock
 * "v-lock", the bystander has "b-1", "b-line", "b-replaceable" and "b-dropped". If they
 * are watched, the waiter is in line for "v-line" and for "v-lock", and waits for the end of @gone and
 * for @awaited.
 */
#ifndef KREG_TESTS_STEP_OPERATIONS_H
#define KREG_TESTS_STEP_OPERATIONS_H

#include "tests/step/company.h"

/* The victim's state. */
struct victim {
	struct place_of_registry at;
	struct kreg *k;
	struct kreg_owner bystander;
	struct kreg_lock lock, other_lock;
	struct kreg_listener *listener;
};

/* The state of the process that checks. */
struct stage {
	struct place_of_registry at;
	bool guarded, watched;
	const char *
		other_life; /* a guard's folder or "none", not the one of @at; NULL: there is none */
	struct kreg *k;
	struct company company;
	struct kreg_stat base;
};

/*
 * What a key leads to: "-" nothing; or owner and value: V the victim, B the bystander, W
 * the waiter, P a started program. "w" is W:w if there is a waiter, otherwise nothing.
 * NULL ends the list.
 */
struct outcome {
	const char *key;
	const char *before, *after; /* while the victim's names count */
	const char *dead_before, *dead_after;
};

#define OUTCOMES_MAX 6

enum operation_flags {
	OPERATION_OPENS = 1 << 0,      /* the victim has nothing before */
	OPERATION_APART = 1 << 1,      /* it uses only the registry OTHER, without company */
	OPERATION_META = 1 << 2,       /* the meta "m" is "old" before, and after it ... */
	OPERATION_UNSURE = 1 << 3,     /* its result depends on what others do meanwhile */
	OPERATION_STARTS = 1 << 4,     /* a program, under the name "o-1" */
	OPERATION_UNLOCKS = 1 << 5,    /* "v-lock" */
	OPERATION_TAKES_OVER = 1 << 6, /* what is left over from another life table */
};

struct operation {
	const char *name;
	int64_t (*run)(struct victim *victim);
	int64_t (*setup)(struct victim *victim); /* or NULL */
	int (*prepare)(struct stage *stage);     /* before the victim exists; or NULL */
	void (*wake)(struct stage *stage);       /* what the operation waits for; or NULL */
	uint32_t flags;
	int64_t result;
	const char *awaited, *gone; /* NULL: "o-1", "v-1" */
	const char *meta;           /* after it; NULL: none */
	struct outcome outcomes[OUTCOMES_MAX];
};

#define OTHER "other"

extern const struct operation operations[];
extern const uint32_t operations_count;

#endif
