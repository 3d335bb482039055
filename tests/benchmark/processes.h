/* SPDX-License-Identifier: MIT */
/* Other processes of the benchmark: those that hold names, and those that measure. */
#ifndef KREG_BENCHMARK_PROCESSES_H
#define KREG_BENCHMARK_PROCESSES_H

#include <sys/types.h>

#include "tests/benchmark/bench.h"

/* The key with @number: random bytes, the same in all processes. */
#define NUMBERED_SIZE 32
void numbered_key(unsigned char *key, uint64_t number);
/* Registers it with an 8-byte value. */
void numbered_register(struct kreg *k, uint64_t number);

/*
 * Processes that hold names of a registry until they are ended: @count of them, with
 * @entries each, which @fill registers; NULL: numbered keys, from 0 on.
 */
struct holders {
	pid_t *pids;
	uint32_t count;
};

typedef void (*fill_fn)(struct kreg *k, uint32_t first, uint32_t entries);

struct holders *holders_start(const struct bench_options *options, const char *registry,
			      uint32_t count, uint32_t entries, fill_fn fill);
/* Kills them. */
void holders_end(struct holders *holders);

/* Runs @work in a new process, which ends with its result. */
double in_child(double (*work)(void *state), void *state);

/*
 * Runs @work in @count processes at the same time, each on a CPU of its own: first
 * @prepare, then all begin at once. Returns the longest of their results.
 */
struct together {
	void *(*prepare)(void *state, int number);
	double (*work)(void *prepared, int number);
};
double together(const struct together *what, void *state, int count);

#endif
