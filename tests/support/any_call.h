/* SPDX-License-Identifier: MIT */
/*
 * Any call with any arguments, for tests in which no result is wrong: each call has to return, and
 * to touch no memory but the registry's and its arguments.
 *
 * Promises  the same numbers mean the same call with the same arguments. Few keys and values of
 *           all sizes, so that calls meet; keys that the index has in a line of their own or not,
 *           with 0 bytes inside, and of 255 bytes. A result that no caller may get, such as a key
 *           that is too long, aborts. Each result is said to @said, by which the tests of contexts
 *           see which call has answered what.
 * Needs     any_end() before the handle is closed.
 * Context   one thread for each struct any.
 */
#ifndef KREG_TESTS_SUPPORT_ANY_CALL_H
#define KREG_TESTS_SUPPORT_ANY_CALL_H

#include "lib/kreg.h"

struct any {
	struct kreg *k;
	/* The next number, of 32 bits. */
	uint32_t (*number)(void *data);
	void *data;
	/* kreg_options.directory, for the calls without a handle. */
	const char *directory;
	/* Gets each call, as "kreg_lookup", and what it has returned; NULL: nobody does. */
	void (*said)(void *said_data, const char *call, int64_t result);
	void *said_data;
	/* What calls have left for others. */
	struct kreg_owner owner;
	struct kreg_pool pool;
	struct kreg_ref ref;
	struct kreg_pending *pending;
	struct kreg_listener *listener;
	struct kreg_lock lock;
	char pool_key[KREG_KEY_MAX], ref_key[KREG_KEY_MAX];
};

/* A call that changes the registry, or waits in it without blocking. */
void any_change(struct any *any);

/* A call that only reads; each that a read-only handle is allowed. */
void any_read(struct any *any);

/* A call that waits, at most so long. */
void any_wait(struct any *any, int64_t timeout_ms);

void any_end(struct any *any);

#endif
