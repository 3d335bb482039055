/* SPDX-License-Identifier: MIT */
/*
 * Meta: the registry's own keys and values, which belong to no process.
 *
 * Promises  a change is one CAS, so who reads finds all of one moment; what a writer leaves that dies, is
 *           stopped or calls exec is the old meta or the new, and memory that is recovered.
 * Needs     meta_blob(): a peek or a section. meta_replace(), meta_sweep(): a write section.
 * Context   any thread; lock-free. meta_take() may reserve memory, by madvise(2).
 * Used by   sweep, lib/.
 */
#ifndef KREG_SHM_META_H
#define KREG_SHM_META_H

#include "shm/land.h"

/* The word that leads to the blob of now, or says that there is none. */
uint64_t meta_word(const struct segment *s);

static inline bool meta_is_any(uint64_t word)
{
	return word >> PLACE_SHIFT;
}

/* The blob at @word and its size; NULL: none, or damage. */
const void *meta_blob(const struct segment *s, uint64_t word, uint32_t *bytes);

/* A blob that is not linked. How large it is, its maker remembers: in shared memory others could change that. */
struct meta_made {
	place_t place;
	uint32_t slab, slabs;
	uint64_t seen; /* what header->meta has to be for it to be linked */
};

/* A new blob of @bytes for @self, filled from @from, to be linked where @seen leads. -ENOSPC. */
int meta_take(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      const void *from, uint32_t bytes, uint64_t seen, struct meta_made *out);

/* It was not linked. */
void meta_return(const struct segment *s, const struct meta_made *blob);

/* Lets @blob be the meta, if the word is still what it was made for; gives the old one's memory back. */
bool meta_replace(const struct writer *w, const struct meta_made *blob);

/* Whether the meta of now lies in @slab. */
bool meta_is_in(const struct segment *s, uint32_t slab);

/* A slab of nobody's: retires it if it is of a blob that is not, and never will be, the meta. */
bool meta_sweep(const struct writer *w, uint32_t slab);

#endif
