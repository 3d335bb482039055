/* SPDX-License-Identifier: MIT */
/*
 * The time, for what processes of one host compare: in nanoseconds, and only while the host is awake.
 *
 * Context   any; async-signal-safe.
 * Used by   grace.c, row.c.
 */
#ifndef KREG_SHM_CLOCK_H
#define KREG_SHM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

#endif
