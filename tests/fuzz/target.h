/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target: a function that takes any bytes and must return, without reading or
 * writing memory that is not the library's own. Each is linked twice: with bounded.c for
 * `make check`, and with libFuzzer for `make fuzz`; see README.md.
 *
 * Promises  an input always means the same to a target.
 * Context   one thread; what a target sets up stays until the program ends.
 */
#ifndef KREG_TESTS_FUZZ_TARGET_H
#define KREG_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* The name of its folder of kept inputs. */
extern const char fuzz_name[];

/* How many changed inputs the bounded run tries. */
extern const unsigned int fuzz_runs;

/* From now on what children of fork() do counts as coverage. */
void fuzz_share_counters(void);

/* Aborts with @what is wrong, unless @holds. */
void fuzz_must(int holds, const char *what);

/* Aborts if a promise is broken. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes bytes from the front of an input; zeros behind its end. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes);

#endif
