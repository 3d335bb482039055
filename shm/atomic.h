/* SPDX-License-Identifier: MIT */
/*
 * Atomics: ordered access to shared words, with the order in the name.
 *
 * The name says what order an access has, so a reader of the code need not look up a
 * memory-model argument; and the choice of primitives is kept in one place: liburcu's
 * uatomic_load() and uatomic_store() with an order came with 0.15 only, and the fences
 * are liburcu's, because gcc's own are not known to ThreadSanitizer.
 *
 * Promises  each wrapper is one access of the order it is named after.
 * Needs     a naturally aligned word that is only accessed through these. A plain access
 *           beside them could be split, repeated or moved by the compiler.
 * Context   any; lock-free, signal-safe.
 * Used by   all of shm/ and lib/.
 *
 * Each use carries an ORD label that names its partner, or "relaxed:" and the reason;
 * build-aux/check-orders reads them.
 */
#ifndef KREG_SHM_ATOMIC_H
#define KREG_SHM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include <urcu/arch.h>
#include <urcu/compiler.h>

#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
/*
 * As load_relaxed(), for a word that is compared once and not used again, so that it does not
 * matter how often the compiler loads it: it may be an operand of the comparison.
 */
#ifdef __SANITIZE_THREAD__
#define load_operand(p) load_relaxed(p)
#else
#define load_operand(p) (*(p))
#endif
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define fetch_or_acq_rel(p, v) __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
#define fetch_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)

/*
 * *seen is the expected value, and becomes the value that was found. Strong, not weak: a
 * failure means that another process was first, and callers rely on that.
 */
static inline bool cas_relaxed(uint64_t *word, uint64_t *seen, uint64_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

/* The same for a word of 32 bits. */
static inline bool cas_relaxed_32(uint32_t *word, uint32_t *seen, uint32_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

/* As cas_relaxed(); acquire also if it fails, so that what is found can be followed. */
static inline bool cas_acq_rel(uint64_t *word, uint64_t *seen, uint64_t next)
{
	return __atomic_compare_exchange_n(word, seen, next, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/*
 * compiler_fence() orders only what the same thread, or the kernel in its context, sees.
 * fence_acquire() orders earlier loads against later loads, and no stores. full_fence()
 * orders everything, a store against a later load included.
 */
#define compiler_fence() cmm_barrier()
#define fence_acquire() cmm_smp_rmb()

/*
 * On x86-64 a locked instruction on the stack, as the kernel's: mfence, which waits for the loads
 * and prefetches underway as well, takes ten times as long.
 */
#ifdef __x86_64__
#define full_fence() __asm__ __volatile__("lock; addl $0,-4(%%rsp)" : : : "memory", "cc")
#else
#define full_fence() cmm_smp_mb()
#endif

/*
 * As full_fence(), between a CAS by this thread that has succeeded and its later loads. On
 * x86 the CAS itself is one.
 */
#if defined(__x86_64__) || defined(__i386__)
#define fence_after_cas() compiler_fence()
#else
#define fence_after_cas() full_fence()
#endif

#endif
