/* SPDX-License-Identifier: MIT */
/*
 * The time since the boot of the host, in nanoseconds, while it sleeps as well: what the start of a
 * process and the times of a bridge are compared with.
 */
#ifndef TOOLS_BOOT_TIME_H
#define TOOLS_BOOT_TIME_H

#include <stdint.h>
#include <time.h>

static inline uint64_t boot_time(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int64_t boot_time_ms(void)
{
	return (int64_t)(boot_time() / 1000000);
}

#endif
