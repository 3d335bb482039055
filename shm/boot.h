/* SPDX-License-Identifier: MIT */
/*
 * Boot: which start of the kernel this is.
 *
 * Promises  two processes of one boot are never told two ids: where the kernel's own is not to be had, it is none.
 * Context   any thread; reads /proc.
 * Used by   segment.
 */
#ifndef KREG_SHM_BOOT_H
#define KREG_SHM_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* 0, 0: not known. */
void boot_id(uint64_t out[2]);

/* Whether both are known and differ. */
static inline bool boot_is_other(const uint64_t one[2], const uint64_t other[2])
{
	return (one[0] | one[1]) && (other[0] | other[1]) &&
	       (one[0] != other[0] || one[1] != other[1]);
}

#endif
