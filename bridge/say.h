/* SPDX-License-Identifier: MIT */
/*
 * What the bridge says, a line each, to stderr.
 *
 * Context   any.
 */
#ifndef BRIDGE_SAY_H
#define BRIDGE_SAY_H

#include <stdbool.h>
#include <stddef.h>

/* How much of a name is shown, escaped. */
#define SAY_BYTES 800

/* For what comes often: said once, and then how many there were, at most each ten seconds. */
struct say_often {
	unsigned long long next, kept;
};

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_often(struct say_often *often, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* @bytes as text without control characters, in @out, which is returned. */
const char *say_bytes(char out[SAY_BYTES], const void *bytes, size_t size);

#endif
