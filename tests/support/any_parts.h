/* SPDX-License-Identifier: MIT */
/*
 * The parts of any_call.h: what calls are made with, and the calls, in a file for each kind.
 *
 * Promises  arguments that calls take; few of each, so that calls meet. Each call is made in some of its ways.
 * Context   as any_call.h.
 * Used by   any_call.c, any_read.c, any_service.c, any_wait.c.
 */
#ifndef KREG_TESTS_SUPPORT_ANY_PARTS_H
#define KREG_TESTS_SUPPORT_ANY_PARTS_H

#include <stdbool.h>

#include "tests/support/any_call.h"

struct any_key {
	char bytes[KREG_KEY_MAX];
	size_t size;
};

extern const unsigned char any_zeros[KREG_VALUE_MAX];

/*
 * CALL(any, kreg_NAME, arguments) makes the call, says its result, and has its value. All calls of any_*.c are made
 * by it, except those that return nothing (build-aux/check-called).
 */
#define CALL(any, call, ...)                                                                       \
	({                                                                                         \
		__typeof__(call(__VA_ARGS__)) result = call(__VA_ARGS__);                          \
                                                                                                   \
		any_said(any, #call, result);                                                      \
		result;                                                                            \
	})
int64_t any_said(struct any *any, const char *call, int64_t result);

uint32_t any_below(struct any *any, uint32_t end);
struct any_key any_key(struct any *any);
uint32_t any_value_size(struct any *any);
int64_t any_integer(struct any *any);

/* Aborts unless it @holds. */
void any_must(bool holds);

/* Reads all the bytes. */
void any_look_at(const void *bytes, size_t size);

/* A visitor, a match and a change of a value; @data is a struct any. */
int any_look(const struct kreg_entry *entry, void *data);
int any_match_some(const struct kreg_entry *entry, void *data);
ssize_t any_change_value(void *value, size_t capacity, const void *old, size_t old_size,
			 void *data);

/* Calls that change, or that only a handle for writing is allowed. */
void any_await(struct any *any);
void any_listen(struct any *any);
void any_lock(struct any *any);
void any_pending(struct any *any);
void any_section(struct any *any);
void any_service_change(struct any *any);
void any_service_count(struct any *any);
void any_service_for(struct any *any);
void any_service_report(struct any *any);
void any_service_wait(struct any *any);
void any_telemetry(struct any *any);

/* Calls that read. */
void any_figures(struct any *any);
void any_lookup(struct any *any);
void any_lookup_many(struct any *any);
void any_meta_read(struct any *any);
void any_of_key(struct any *any);
void any_owner(struct any *any);
void any_pool(struct any *any);
void any_process(struct any *any);
void any_ref(struct any *any);
void any_remote_host(struct any *any);
void any_select(struct any *any);
void any_service_read(struct any *any);
void any_service_visit(struct any *any);

/* What is left of the calls of any_wait.c. */
void any_wait_end(struct any *any);

#endif
