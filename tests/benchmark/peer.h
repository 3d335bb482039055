/* SPDX-License-Identifier: MIT */
/*
 * A contestant in the table of peers: another way in which the processes of a host find each
 * other by name.
 *
 * Most are a server or a file, and processes that have joined it: for these the table makes
 * the loops. One that lives in a virtual machine measures itself.
 */
#ifndef KREG_BENCHMARK_PEER_H
#define KREG_BENCHMARK_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/benchmark/bench.h"

#define PEER_NAMES 1000u /* names that are there while something is measured */

enum peer_measure {
	PEER_LOOKUP, /* ns for each */
	PEER_PAIR,   /* ns for a registration and its end */
	PEER_GONE,   /* us from the kill of an owner of PEER_NAMES to the last one not found */
	PEER_STILL,  /* of these, found right after the killer knows of the death */
	PEER_MEASURES
};

struct peer {
	const char *name;
	bool has_owners; /* whose death ends their names */
	/* How many lookups, and pairs, a turn has. */
	uint32_t lookups;
	uint32_t pairs;
	/* Prepares it in @folder; NULL if it can't run here, with the reason in @why. */
	void *(*open)(const struct bench_options *options, const char **why);
	void (*close)(void *peer);
	/* A process takes part: for each one, and once for each. */
	void *(*join)(void *peer);
	void (*leave)(void *member);
	void (*take)(void *member, uint32_t number);
	void (*give_up)(void *member, uint32_t number);
	bool (*find)(void *member, uint32_t number);
	/* Instead of the functions from join on. */
	double (*measure)(void *peer, enum peer_measure what);
};

extern const struct peer peer_kreg;

/* Their packages may be missing. */
extern const struct peer peer_dbus __attribute__((weak));
extern const struct peer peer_redis __attribute__((weak));
extern const struct peer peer_sqlite __attribute__((weak));
extern const struct peer peer_lmdb __attribute__((weak));
extern const struct peer peer_elixir __attribute__((weak));

/* The name with @number, up to twice PEER_NAMES, in letters that each of them allows. */
#define PEER_NAME_SIZE 24
const char *peer_name(uint32_t number);

/*
 * Runs @argv in a process that ends with this one; what it says goes nowhere. Returns its pid,
 * or -ENOENT if there is no such program.
 */
pid_t peer_program(const char *const *argv);
void peer_program_end(pid_t pid);

#endif
