/* SPDX-License-Identifier: MIT */
/*
 * Meta: the registry's own keys and values, which belong to no process.
 *
 * All of it is one blob that is replaced as a whole: it is read on hot paths and changed
 * seldom, and one word leads to it.
 *
 * Promises  a change is one CAS, so a reader finds all of it as it was at one time; a
 *           writer that dies, is stopped or calls exec leaves the old meta or the new one,
 *           and memory that is recovered.
 * Needs     meta_blob(): a peek or a section. meta_replace(), meta_sweep(): a write
 *           section.
 * Context   any thread; lock-free. meta_take() may reserve memory, by madvise(2).
 * Used by   sweep, lib/.
 */
#ifndef KREG_SHM_META_H
#define KREG_SHM_META_H

#include "shm/land.h"

/*
 * The word that leads to the current blob, or says that there is none. It has another
 * value after each change (2^33 of them), so two equal ones mean that nothing has changed
 * in between.
 */
uint64_t meta_word(const struct segment *s);

static inline bool meta_is_any(uint64_t word)
{
	return word >> PLACE_SHIFT;
}

/*
 * The blob at @word and its size; NULL: none, or damage, or out of this process's reach.
 * It stays as it is while the caller's section or peek holds.
 */
const void *meta_blob(const struct segment *s, uint64_t word, uint32_t *bytes);

/*
 * A blob that is not linked. Its maker remembers the size in private memory, because any
 * process could change it in shared memory, and meta_return() would free others' slabs.
 */
struct meta_made {
	place_t place;
	uint32_t slab, slabs;
	/* The value that header->meta must have for the blob to be linked. */
	uint64_t seen;
};

/*
 * Makes a blob of @bytes for @self, filled from @from, to be linked where @seen leads.
 * Then meta_replace(), and if that fails meta_return(). Nothing is left on an error.
 * -ENOSPC, -ENOMEM; -EOWNERDEAD; -EUCLEAN: damage.
 */
int meta_take(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      const void *from, uint32_t bytes, uint64_t seen, struct meta_made *out);

/* The blob was not linked: frees its slabs. */
void meta_return(const struct segment *s, const struct meta_made *blob);

/*
 * Makes @blob the meta if the word is still the one that it was made for, and retires the
 * old blob. False: another change was first; the caller reads that and makes a new blob.
 */
bool meta_replace(const struct writer *w, const struct meta_made *blob);

/* Whether the current meta lies in @slab. */
bool meta_is_in(const struct segment *s, uint32_t slab);

/* Retires an unowned slab if it is of a blob that is not, and never will be, the meta. */
bool meta_sweep(const struct writer *w, uint32_t slab);

#endif
