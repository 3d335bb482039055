/* SPDX-License-Identifier: MIT */
/*
 * The time that processes of one host compare: in nanoseconds, and only while the host is
 * awake, but for clock_boot().
 *
 * Context   any; async-signal-safe.
 * Used by   bell.c, grace.c, row.c, lib/.
 */
#ifndef KREG_BASE_CLOCK_H
#define KREG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * CLOCK_MONOTONIC is not set by anybody, and is the same for all processes of a time
 * namespace; another time namespace may have an offset.
 */
static inline uint64_t clock_now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

/*
 * The same as of the last tick of the kernel's clock, some milliseconds ago; a fraction
 * of the cost, for what is asked in each call.
 */
static inline uint64_t clock_tick(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

/*
 * CLOCK_BOOTTIME, which also goes on while the host sleeps, as what other hosts wait for does. In
 * another time namespace it is another one, too.
 */
static inline uint64_t clock_boot(void)
{
	struct timespec at;

	clock_gettime(CLOCK_BOOTTIME, &at);
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

/* A time of clock_now(), as the kernel takes it. */
static inline struct timespec clock_time(uint64_t at)
{
	return (struct timespec){ .tv_sec = (time_t)(at / 1000000000),
				  .tv_nsec = (long)(at % 1000000000) };
}

/* The time at which @ms milliseconds from now will have passed. */
static inline uint64_t clock_after_ms(uint64_t ms)
{
	return clock_now() + ms * 1000000;
}

/*
 * From now until @deadline; 0 if that is over, because a negative timeout is an error to
 * the kernel.
 */
static inline struct timespec clock_left(uint64_t deadline)
{
	uint64_t now = clock_now();

	return clock_time(deadline > now ? deadline - now : 0);
}

#endif
