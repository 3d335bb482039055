/* SPDX-License-Identifier: MIT */
/*
 * The look: a peek that began earlier, so that a lookup need not begin one.
 *
 * What a lookup needs of the header is in private memory: the number of buckets, and the epoch
 * in which that was read. A lookup that ends while the header's epoch is still that one lies
 * within a peek (grace.h) that began when both were read: nothing that it came by was used
 * again since. So it reads the header once, at its end.
 *
 *   words of the look   are stored                    so a lookup that has loaded
 *   mask                before epoch; only upwards    the epoch sees the mask of that epoch or
 *   epoch               last                          a later one
 *   lines_of_land       when more is accessible       a smaller number asks the list
 *   rows                when more are reserved        the same
 *
 * A lookup goes by the mask that it loads behind the epoch. What look_has_all() compares for a miss
 * may have been loaded a little earlier, and be smaller: then the table has grown, and it says no.
 *
 * Threads of a process renew the look at the same time without a lock. One that is late stores
 * an epoch that is over, so that the next lookup renews it again; the mask it leaves, as that
 * only grows. With a smaller mask beside a later epoch a lookup would go by a cell of a line
 * that was given up before that epoch, and whose block may be another entry's (index.h).
 *
 * A miss also needs the number of buckets to have been the same from before it read the line:
 * it only grows, so it was, if it is that of the mask afterwards.
 *
 * Promises  as index.h does of index_probe(). A look that was not renewed for long only sends
 *           lookups to the list.
 * Needs     look_probe(): look_begin() before the line and the entry are read,
 *           and that look_held() says so when all was copied. Of many lookups in one look it
 *           may be asked once, behind the last one, as may look_has_all(): the look was right for
 *           the whole time then, and so for each of them.
 * Context   any thread, signal handlers; wait-free. look_renew() may call mprotect(2).
 * Used by   lib/find/, many.c.
 */
#ifndef KREG_SHM_LOOK_H
#define KREG_SHM_LOOK_H

#include "shm/copy.h"
#include "shm/index.h"

/*
 * Words that are put aside take no register that a hit has a use for: of nine that a function need
 * not save, six have the arguments of a lookup.
 */
#if defined(INDEX_BY_SSE2) && defined(__x86_64__)
typedef __m128i look_aside;

static inline look_aside look_put(const uint64_t *word)
{
	look_aside aside = _mm_loadl_epi64((const __m128i *)word);

	/* On x86 the load is an acquire if the compiler moves nothing to in front of it. */
	__asm__ volatile("" : "+x"(aside) : : "memory");
	return aside;
}

static inline uint64_t look_get(look_aside aside)
{
	return (uint64_t)_mm_cvtsi128_si64(aside);
}

static inline look_aside look_set(uint64_t word)
{
	return _mm_cvtsi64_si128((int64_t)word);
}

/* To and from bytes, as copy_out(). */
static inline look_aside look_copy(const unsigned char *from)
{
	return _mm_loadl_epi64((const __m128i *)from);
}

static inline void look_copied(void *to, look_aside aside)
{
	_mm_storel_epi64(to, aside);
}

/* Epoch and mask by one load, of which the processor may make two, in any order. */
typedef __m128i look_began;

static inline look_began look_load(const struct segment_look *look)
{
	look_began began = _mm_loadu_si128((const __m128i *)&look->epoch);

	/* As above. */
	__asm__ volatile("" : "+x"(began) : : "memory");
	return began;
}

static inline uint64_t look_epoch(look_began began)
{
	return look_get(began);
}

static inline uint64_t look_least_mask(look_began began)
{
	return look_get(_mm_unpackhi_epi64(began, began));
}
#else
typedef uint64_t look_aside;

static inline look_aside look_put(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t look_get(look_aside aside)
{
	return aside;
}

static inline look_aside look_set(uint64_t word)
{
	return word;
}

static inline look_aside look_copy(const unsigned char *from)
{
	look_aside aside;

	copy_out(&aside, from, sizeof(aside));
	return aside;
}

static inline void look_copied(void *to, look_aside aside)
{
	memcpy(to, &aside, sizeof(aside));
}

typedef struct {
	uint64_t epoch, mask;
} look_began;

static inline look_began look_load(const struct segment_look *look)
{
	look_began began;

	began.epoch = look_put(&look->epoch);
	began.mask = load_relaxed(&look->mask); /* relaxed: behind the epoch */
	return began;
}

static inline uint64_t look_epoch(look_began began)
{
	return began.epoch;
}

static inline uint64_t look_least_mask(look_began began)
{
	return began.mask;
}
#endif

_Static_assert(offsetof(struct segment_look, mask) ==
		       offsetof(struct segment_look, epoch) + sizeof(uint64_t),
	       "they are loaded together");

/*
 * The beginning of a lookup: the epoch, which is loaded before all that comes behind it, and a mask
 * that may be smaller than that of the epoch: for look_has_all(), not to go by.
 */
static inline look_began look_begin(const struct segment *s)
{
	/* ORD[look_begin:A] acquire: the epoch, then the mask; pairs with look_renew:A */
	return look_load(&s->look);
}

/* Whether what was read since look_begin() holds. */
static inline bool look_held(const struct segment *s, look_began began)
{
	/* ORD[look_held:A] acquire: as grace_peek_held:A; pairs with grace_advance:C */
	fence_acquire();
	/* relaxed: behind the fence */
	return caa_likely(load_operand(&s->look.header->epoch) == look_epoch(began));
}

/* Brings the look of @s, which is in private memory, up to date. */
void look_renew(const struct segment *s);

/*
 * Whether there were as many lines as @mask has, and the epoch was that of look_begin(), all the
 * time until now. Behind look_probe_line(), whose fence orders its loads before these. A mask that
 * is smaller than that of the line sends the lookup to the list.
 */
static inline __attribute__((always_inline)) bool look_has_all(const struct segment_look *look,
							       uint64_t mask, look_began began)
{
	/* relaxed: behind the fence */
	return load_operand(&look->header->buckets) == mask + 1 &&
	       load_operand(&look->header->epoch) == look_epoch(began); /* relaxed: as above */
}

/*
 * What a line of the look says of @hash: 0, and the entry, as index_probe() does. -EAGAIN: ask
 * the list. -ENOENT: the name is free if look_has_all() says so for the mask and the beginning by
 * which the caller has come to the line.
 */
static inline __attribute__((always_inline)) int look_probe_line(const struct segment_look *look,
								 const struct index_line *line,
								 uint32_t hash,
								 struct entry **entry)
{
	/*
	 * ORD[look_probe_line:A] acquire: as index_probe:B; pairs with bump:A, complete:A,
	 * line_overflow:B
	 */
	look_aside kept = look_put(&line->control);
	const index_half *at = index_match_upper(line, hash);
	uint64_t control;
	uint32_t upper;

	if (at) {
		/*
		 * ORD[look_probe_line:B] acquire: the cell, then the entry; pairs with cell_cas:A
		 *
		 * Its upper half is {place, LOOK}. Turned around, LOOK makes it larger than any
		 * bound, so one comparison does for both; what others than cells have there is
		 * LOOK as well.
		 */
		upper = load_acquire(at) - look->land_twice;
		upper = upper >> 1 | upper << 31;
		/* relaxed: a bound of this process's own */
		if (caa_unlikely(upper >= load_operand(&look->lines_of_land)))
			return -EAGAIN;
		*entry = (struct entry *)(look->land + (uint64_t)upper * LINE_BYTES);
		return 0;
	}
	/* ORD[look_probe_line:C] acquire: as index_probe:D; pairs with bump:A */
	fence_acquire();
	control = look_get(kept);
	/* relaxed: behind the fence */
	if (caa_unlikely(!(control & INDEX_COMPLETE) || load_operand(&line->control) != control))
		return -EAGAIN;
	return -ENOENT;
}

/*
 * As index_probe(), by the look, since look_begin(). -ENOENT needs no look_held().
 */
static inline __attribute__((always_inline)) int look_probe(const struct segment *s, uint32_t hash,
							    look_began began, struct entry **entry)
{
	const struct segment_look *look = &s->look;
	const struct index_line *line;
	int err;

	/* relaxed: behind the epoch, so it is that of the epoch or a later one */
	line = look->lines + (hash & load_operand(&look->mask));
	err = look_probe_line(look, line, hash, entry);
	if (err == -ENOENT && caa_unlikely(!look_has_all(look, look_least_mask(began), began)))
		return -EAGAIN;
	return err;
}

#endif
