/* SPDX-License-Identifier: MIT */
/*
 * Meta: the registry's own keys and values, which belong to no process.
 *
 * Promises  a change is one CAS, so who reads finds all of one moment; what a writer that dies leaves is
 *           the old meta or the new, and memory that is recovered.
 * Needs     meta_current(): a peek or a section. meta_replace(): a write section, and a blob that
 *           meta_take() gave.
 * Context   any thread; lock-free. meta_take() may call fallocate().
 * Used by   sweep, lib/.
 */
#ifndef KREG_SHM_META_H
#define KREG_SHM_META_H

#include "shm/land.h"

/* The word that leads to the blob of now; 0: there never was one. */
uint64_t meta_word(const struct segment *s);

/* The blob at @word and its size; NULL: none, or damage. */
const void *meta_blob(const struct segment *s, uint64_t word, uint32_t *bytes);

/* A new blob of @bytes for @self, filled from @from. -ENOSPC. */
int meta_take(const struct segment *s, const struct life_table *lives, owner_t self,
	      const void *from, uint32_t bytes, uint32_t *from_slab, place_t *out);
void meta_return(const struct segment *s, place_t blob);

/* Lets @blob be the meta, if @seen still leads to it; gives the old one's memory back. */
bool meta_replace(const struct writer *w, uint64_t seen, place_t blob);

/* Whether the meta of now lies in @slab. */
bool meta_is_in(const struct segment *s, uint32_t slab);

#endif
