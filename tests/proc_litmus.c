/* SPDX-License-Identifier: MIT */
/*
 * The assumption of shm/grace.c between processes: a plain store and a load behind a
 * compiler barrier in one process; a store, membarrier(2) and a load in the other. At
 * least one of them sees the other's store.
 *
 * The same without membarrier has to go wrong, or the test shows nothing. So both
 * processes are kept on CPUs of their own, and each store follows some stores to uncached
 * memory: a store has to wait for those before it, a load does not.
 */
#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

#define ROUNDS 300000
#define ROUNDS_WITHOUT 3000000
#define SPINS 4000
/* Uncached stores in front of each store: to this many words. */
#define COLD 8
#define COLD_WORDS (1u << 21)
#define SECONDS 10

/* Each word in a line of its own. */
struct board {
	uint64_t round __attribute__((aligned(64))); /* the advancer's: both are in this round */
	uint64_t slot __attribute__((aligned(64)));
	uint64_t link __attribute__((aligned(64)));
	uint64_t seen __attribute__((aligned(64))); /* the reader's link */
	uint64_t done
		__attribute__((aligned(64))); /* the reader's: the last round that it finished */
};

static struct board *board;

static uint64_t *cold;

static void store_cold(uint64_t *state)
{
	int i;

	for (i = 0; i < COLD; i++) {
		*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		store_relaxed(&cold[(*state >> 33) % COLD_WORDS],
			      *state); /* relaxed: no process reads it */
	}
}

/* Moves to the first or the last CPU that is allowed. False: they are the same. */
static bool stay_on(bool last)
{
	cpu_set_t all, one;
	int cpu = last ? CPU_SETSIZE - 1 : 0;

	if (sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < 2)
		return false;
	while (!CPU_ISSET(cpu, &all))
		cpu += last ? -1 : 1;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return !sched_setaffinity(0, sizeof(one), &one);
}

static void wait_for(const uint64_t *word, uint64_t least)
{
	int spins = 0;

	/* relaxed: a test of orders has its own; here nothing follows but the fence below */
	while (load_relaxed(word) < least) {
		if (++spins % SPINS == 0)
			sched_yield();
		caa_cpu_relax();
	}
	full_fence();
}

/* Like a section's begin: the slot, then the link. */
static int read_in_rounds(int link, void *data)
{
	uint64_t round, state = 1;

	(void)data;
	stay_on(true);
	grace_join();
	link_say(link, 0);
	for (round = 1;; round++) {
		wait_for(&board->round, round);
		if (load_relaxed(&board->round) == UINT64_MAX)
			return 0;
		store_cold(&state);
		store_relaxed(&board->slot, round);
		compiler_fence();
		store_relaxed(&board->seen, load_relaxed(&board->link));
		full_fence();
		store_relaxed(&board->done, round);
	}
}

/*
 * Like an advance: the unlinking, then the slot. Return: how often neither saw the other;
 * if not @all, it ends at the first.
 */
static uint64_t count_misses(uint64_t *round, uint64_t rounds, bool with_fence, bool all)
{
	uint64_t misses = 0, end = *round + rounds, slot, state = 2;
	time_t late = time(NULL) + SECONDS;

	while (*round < end && (all || !misses) && (*round % 1024 || time(NULL) < late)) {
		store_relaxed(&board->round, ++*round);
		/* At a different moment each time. */
		for (slot = 0; slot < *round % 64; slot++)
			compiler_fence();
		store_cold(&state);
		store_relaxed(&board->link, *round);
		compiler_fence();
		if (with_fence)
			ck_assert(grace_fence());
		slot = load_relaxed(&board->slot);
		wait_for(&board->done, *round);
		misses += slot != *round && load_relaxed(&board->seen) != *round;
	}
	return misses;
}

START_TEST(membarrier_orders_the_plain_stores_of_another_process)
{
	uint64_t round = 0, misses, rounds;
	struct child reader;
	bool is_apart;

	board = child_shared(sizeof(*board));
	cold = calloc(COLD_WORDS, sizeof(*cold));
	ck_assert_ptr_nonnull(cold);
	if (!grace_join()) {
		printf("# skipped: the kernel refuses membarrier\n");
		return;
	}
	memset(cold, 1, COLD_WORDS * sizeof(*cold));
	reader = child_start(read_in_rounds, NULL);
	is_apart = stay_on(false);
	ck_assert_int_eq(link_hear(reader.link), 0);
	misses = count_misses(&round, ROUNDS, true, true);
	printf("# with membarrier: %lu misses in %lu rounds\n", (unsigned long)misses,
	       (unsigned long)round);
	ck_assert_uint_eq(misses, 0);
	rounds = round;
	misses = count_misses(&round, ROUNDS_WITHOUT, false, false);
	if (misses)
		printf("# without: the first miss in round %lu\n", (unsigned long)(round - rounds));
	else
		printf("# skipped: cannot tell; without membarrier no miss in %lu rounds either\n",
		       (unsigned long)(round - rounds));
	/* Two processes on one CPU see each other's stores in order. */
	ck_assert(misses || !is_apart || unit_slowness() > 1);
	store_relaxed(&board->round, UINT64_MAX);
	ck_assert_int_eq(child_end(&reader), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		membarrier_orders_the_plain_stores_of_another_process,
		NULL,
	};

	return unit_run("litmus", NULL, NULL, tests);
}
