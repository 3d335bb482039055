/* SPDX-License-Identifier: MIT */
/*
 * Ordered access to shared words, with the order in the name.
 *
 * Promises  each wrapper is one access of the order it is named after.
 * Needs     a naturally aligned word that is only accessed through these.
 * Context   any; lock-free, signal-safe.
 * Used by   all of shm/ and lib/.
 *
 * liburcu's uatomic_load() and uatomic_store() with an order came with 0.15; this page keeps the
 * choice in one place. The fences are liburcu's, because gcc's own are not known to ThreadSanitizer.
 * Each use carries an ORD label that names its partner, checked by build-aux/check-orders.
 */
#ifndef KREG_SHM_ATOMIC_H
#define KREG_SHM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include <urcu/arch.h>
#include <urcu/compiler.h>

#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define fetch_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)

/* *seen is what was expected and becomes what was found. */
static inline bool cas_relaxed(uint64_t *word, uint64_t *seen, uint64_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static inline bool cas_relaxed_32(uint32_t *word, uint32_t *seen, uint32_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static inline bool cas_acq_rel(uint64_t *word, uint64_t *seen, uint64_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

#define compiler_fence() cmm_barrier()
#define fence_acquire() cmm_smp_rmb()
#define full_fence() cmm_smp_mb()

#endif
