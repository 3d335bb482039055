/* SPDX-License-Identifier: MIT */
/*
 * The time as tests measure it: in milliseconds, of the clock that the library compares.
 */
#ifndef KREG_TESTS_SUPPORT_CLOCK_H
#define KREG_TESTS_SUPPORT_CLOCK_H

#include "base/clock.h"

static inline int64_t clock_ms(void)
{
	return (int64_t)(clock_now() / 1000000);
}

#endif
