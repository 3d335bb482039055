/* SPDX-License-Identifier: MIT */
/*
 * Boot ids: which start of the kernel a registry was made in.
 *
 * A tmpfs does not outlive a boot, but a copy of its files does, and nobody in such a
 * copy is alive.
 *
 * Promises  two processes of one boot never get two ids: where the kernel's own cannot be
 *           read, the id is 0, not known.
 * Context   any thread; reads /proc.
 * Used by   segment.
 */
#ifndef KREG_SHM_BOOT_H
#define KREG_SHM_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* The id; 0, 0: not known. */
void boot_id(uint64_t out[2]);

/*
 * Whether both are known and differ. An unknown one differs from none: to take a registry
 * of this boot for a leftover would end it under those who live in it.
 */
static inline bool boot_is_other(const uint64_t one[2], const uint64_t other[2])
{
	return (one[0] | one[1]) && (other[0] | other[1]) &&
	       (one[0] != other[0] || one[1] != other[1]);
}

#endif
