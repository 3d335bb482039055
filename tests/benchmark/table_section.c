/* SPDX-License-Identifier: MIT */
/*
 * The table of read sections: entering and leaving, without a read, beside the barest one
 * that there could be, and beside that of liburcu.
 */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include "tests/benchmark/tables.h"

#define SECTIONS 300000u

/* The barest: announces the epoch that it saw, and takes that back. It leaves out all else. */
struct bare {
	uint64_t epoch;
	uint64_t slot __attribute__((aligned(64)));
};

static inline void bare_enter(struct bare *b)
{
	__atomic_store_n(&b->slot, __atomic_load_n(&b->epoch, __ATOMIC_RELAXED) << 1 | 1,
			 __ATOMIC_RELAXED);
	__asm__ volatile("" : : : "memory");
}

static inline void bare_leave(struct bare *b)
{
	__atomic_store_n(&b->slot, 0, __ATOMIC_RELEASE);
}

static double bare_turn(void *state)
{
	struct bare b = { .epoch = 1 };
	double start = run_ns();
	uint32_t i;

	(void)state;
	for (i = 0; i < SECTIONS; i++) {
		bare_enter(&b);
		bare_leave(&b);
	}
	return (run_ns() - start) / SECTIONS;
}

static double urcu_turn(void *state)
{
	double start = run_ns();
	uint32_t i;

	(void)state;
	for (i = 0; i < SECTIONS; i++) {
		urcu_memb_read_lock();
		urcu_memb_read_unlock();
	}
	return (run_ns() - start) / SECTIONS;
}

static double kreg_turn(void *state)
{
	double start = run_ns();
	uint32_t i;

	for (i = 0; i < SECTIONS; i++) {
		kreg_read_enter(state);
		kreg_read_leave(state);
	}
	return (run_ns() - start) / SECTIONS;
}

static void section_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "bare section", bare_turn },
		{ "urcu_memb_read_lock, _unlock, inlined", urcu_turn },
		{ "kreg_read_enter, kreg_read_leave", kreg_turn, "<= 4" },
	};
	struct kreg *k = registry_open(options, REGISTRY);

	urcu_memb_register_thread();
	title_print(options, "A read section: enter and leave");
	row_heading("bare");
	ways_compare(options, ways, 3, "ns", k);
	urcu_memb_unregister_thread();
	kreg_close(k);
	registry_destroy(options, REGISTRY);
}

const struct table table_section = { "section", "entering and leaving a read section",
				     section_run };
