/* SPDX-License-Identifier: MIT */
/*
 * What calls say through a log about arguments that they refuse.
 *
 * Promises  heard_begin() opens two registries, and heard_end() closes them; REFUSED() and SILENT()
 *           fail the test if there is not exactly one sentence, or is one.
 * Needs     Check; one thread.
 * Used by   test_arguments.c, test_arguments_services.c.
 */
#ifndef KREG_TESTS_HEARD_H
#define KREG_TESTS_HEARD_H

#include <check.h>
#include <errno.h>
#include <stdint.h>

#include "lib/kreg.h"

#define HEARD_BYTES 1024

/* What a log has heard. */
struct heard {
	int count;
	char sentence[HEARD_BYTES];
};

/* By the log of the process, and that of handles. */
extern struct heard heard_process, heard_handles;

/* A registry with unique keys, one with duplicate ones in two partitions, and the caller. */
extern struct kreg *heard_k, *heard_d;
extern struct kreg_owner heard_self;

/* A log; @data: a struct heard. */
void hear(const char *sentence, void *data);

/* @heard: for a log of its own; may be NULL. */
struct kreg *heard_open(const char *name, uint32_t keys, uint32_t partitions, struct heard *heard);

/* Each has an entry "a" with a value of 5 bytes. @i: 1 with a log of the handles' own. */
void heard_begin(int i);
void heard_end(void);

void heard_clear(void);
/* One sentence, which begins with the call and has @says; and @got is -EINVAL. */
void heard_expect(const char *call, const char *says, int64_t got);

/* REFUSED(call, what it says, (arguments)) */
#define REFUSED(call, says, arguments)                                                             \
	do {                                                                                       \
		heard_clear();                                                                     \
		heard_expect(#call, says, (int64_t)call arguments);                                \
	} while (0)

/* SILENT(result, call and arguments): what is returned is said by nobody. */
#define SILENT(result, ...)                                                                        \
	do {                                                                                       \
		heard_clear();                                                                     \
		ck_assert_int_eq((int64_t)(__VA_ARGS__), result);                                  \
		ck_assert_msg(!heard_process.count && !heard_handles.count, "%s says \"%s%s\"",    \
			      #__VA_ARGS__, heard_process.sentence, heard_handles.sentence);       \
	} while (0)

#endif
