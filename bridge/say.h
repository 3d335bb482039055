/* SPDX-License-Identifier: MIT */
/*
 * What the bridge says, a line each, to stderr; and the last sentence of each kind that comes often,
 * for state.c.
 *
 * Context   any.
 */
#ifndef BRIDGE_SAY_H
#define BRIDGE_SAY_H

#include <stdbool.h>
#include <stddef.h>

/* How much of a name is shown, escaped. */
#define SAY_BYTES 800

/* How much of a sentence is kept. */
#define SAY_LAST 512

/*
 * For what comes often: said once, and then how many there were, at most each ten seconds. All that
 * came are counted, and the last one is kept, with its time of clock_now().
 */
struct say_often {
	unsigned long long next, kept;
	unsigned long long count, at;
	char last[SAY_LAST];
};

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_often(struct say_often *often, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* @bytes as text without control characters, in @out, which is returned. */
const char *say_bytes(char out[SAY_BYTES], const void *bytes, size_t size);

#endif
