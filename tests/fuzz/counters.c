/* SPDX-License-Identifier: MIT */
/*
 * Coverage by children of fork(), for libFuzzer: the counters of an instrumented program
 * are in memory that the children share with the process that reads the counters. Without
 * libFuzzer there are none.
 */
#include "tests/fuzz/target.h"

#ifdef FUZZ_COUNTERS

#include <sys/mman.h>

/* counters.ld places these around them; they begin and end with a page. */
extern uint8_t fuzz_counters[], fuzz_counters_end[];

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);

/*
 * The compiler's own constructor needs names that some linkers do not define when a
 * script is added to their own.
 */
static void __attribute__((constructor)) announce(void)
{
	__sanitizer_cov_8bit_counters_init(fuzz_counters, fuzz_counters_end);
}

void fuzz_share_counters(void)
{
	void *at = mmap(fuzz_counters, (size_t)(fuzz_counters_end - fuzz_counters),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	fuzz_must(at == fuzz_counters, "memory for the counters");
}

#else

void fuzz_share_counters(void)
{
}

#endif
