/* SPDX-License-Identifier: MIT */
/*
 * What calls may answer in a context in which they do not work, such as a child of fork(2): their headers are the
 * specification (build-aux/documented-errors).
 *
 * Promises  answers that are wrong are kept, with their calls, for answers_check():
 *           an error that the header of the call does not give;
 *           in a context with a refusal, such as -EOWNERDEAD: any answer but that one of a call whose header gives it, and
 *           it of no other call. What is wrong with an argument may be said instead.
 *           With a reference, what calls without the refusal answered before in the same order: another answer.
 *           A new call is under these rules as soon as any_call.h makes it. Exceptions are listed, with a reason.
 * Needs     memory that the processes share, for a child's (child_shared()).
 * Context   one thread at a time.
 */
#ifndef KREG_TESTS_CONTEXTS_ANSWERS_H
#define KREG_TESTS_CONTEXTS_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/any_call.h"

/* A call that may answer otherwise than by the rule, and why. */
struct exception {
	const char *call;
	/* The other answer, 0 or an error; or WORKS: whatever its header gives. */
	int answer;
	const char *reason;
};
#define WORKS 1

struct context {
	const char *name;
	/* Above 0; 0: the calls work as far as they can. */
	int refusal;
	/* The last one has no call. */
	const struct exception *exceptions;
};

/* For a thread without a slot, or whose slot has no memory: what is answered before one is asked for. */
extern const struct exception slot_exceptions[];

#define CALLS_MAX 256
#define ANSWERS_KEPT 40000

/* The answers of calls in their order. */
struct reference {
	uint32_t count;
	struct answer {
		const char *call;
		int64_t result;
	} at[ANSWERS_KEPT];
};

struct answers {
	const struct context *context;
	/* Each NULL, or what to fill, and what to compare with from the first one on. */
	struct reference *fill, *compare;
	uint32_t compared;
	/* With duplicate keys some calls are never made with arguments that are allowed. */
	bool has_duplicates;
	/* By documented call. */
	struct answered {
		uint32_t made, refused, failed;
	} calls[CALLS_MAX];
	/* A line for each. */
	char faults[8192];
};

/* For any->said; @data is a struct answers. */
void answers_note(void *data, const char *call, int64_t result);

/* Another fault than a wrong answer. */
void answers_fault(struct answers *answers, const char *call, const char *what);

/* The end of a context: prints how many calls were refused, notes those that never were, and begins again to count. */
void answers_of_context(struct answers *answers);

/* Fails the test if there is a fault. */
void answers_check(const struct answers *answers);

/* Whether the header of @call gives the @error, above 0. */
bool answers_are_documented(const char *call, int error);

#endif
