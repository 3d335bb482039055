/* SPDX-License-Identifier: MIT */
/*
 * All meta is one blob that is never written to after it was linked; a change makes
 * another one. It lies in slabs of its own, side by side. header->meta leads to it:
 *
 *   63            33 32                    0
 *  +----------------+-----------------------+
 *  | place, or 0    | changes so far        |
 *  +----------------+-----------------------+
 *
 *   step                                 killed, or exec, here
 *   1 slabs are taken and filled         slabs of the dead; if the process lives on as
 *                                        another program, they come back with its end, as
 *                                        blocks do
 *   2 they become unowned, with the      nothing leads to them and their maker is gone:
 *     number of the change to be         swept
 *   3 CAS header->meta: the new blob     the old one's slabs are unowned, and the word
 *     is in force                        does not lead to them: swept
 *   4 the old one's slabs are retired    done
 *
 * 2 comes before 3: in the other order the meta would lie in slabs of its maker, and be
 * reused when that dies.
 *
 * Any process can tell whether an unowned slab is in use, whichever made it and whatever
 * became of that (m is the change in the slab's word, c that of header->meta):
 *
 *   the current blob lies in it        in use
 *   else, m is c or before             over: it was replaced, or another change was first.
 *                                      Nothing can link it, because the CAS of step 3 is
 *                                      from m - 1
 *   else, its maker's program is       it may still be linked
 *     alive
 *   else                               over; but a new program might take this very slab
 *                                      for the same change. So c is raised first, by CAS,
 *                                      after which there is no such change
 *
 * The word of a slab says m, and m stays over once it is over: a CAS from that word frees
 * no other use of the slab, however late it comes.
 */
#include "shm/meta.h"

#include <errno.h>

#include "shm/copy.h"

/*
 * The changes so far, as header->meta counts them and as a slab's word does, which has
 * fewer bits for them.
 */
#define CHANGES ((1ull << PLACE_SHIFT) - 1)
#define NUMBER (LAND_META - 1)

/* How many slabs a blob of @bytes takes with its head. */
static uint32_t slabs_of(uint32_t bytes)
{
	return (uint32_t)(((uint64_t)bytes + sizeof(struct meta_head) + SLAB_BYTES - 1) /
			  SLAB_BYTES);
}

/* The word of the slabs of a blob that is to be linked where @seen is. */
static uint64_t slab_word(uint64_t seen)
{
	return LAND_META | ((seen + 1) & NUMBER);
}

/*
 * Whether the change by which @word's slab was to be linked has happened, or another one
 * in its place. The numbers wrap, so half of them count as past. Meta carried over from
 * another segment has no number; it counts as past.
 */
static bool is_past(uint64_t now, uint64_t word)
{
	return !(word & LAND_META) || ((now - word) & NUMBER) <= NUMBER / 2;
}

/*
 * Leads to @place, one change after @seen. Always another number, also when only that
 * changes: so a late CAS from @seen fails.
 */
static uint64_t next_word(uint64_t seen, place_t place)
{
	return (uint64_t)place << PLACE_SHIFT | ((seen + 1) & CHANGES);
}

uint64_t meta_word(const struct segment *s)
{
	/* ORD[meta_word:A] acquire: the word, then the blob; pairs with word_cas:A */
	return load_acquire(&s->header->meta);
}

static bool word_cas(const struct segment *s, uint64_t seen, uint64_t next)
{
	/*
	 * ORD[word_cas:A] acq_rel: the blob, then the word that leads to it; pairs with
	 * meta_word:A, meta_sweep:A. The change happens here.
	 */
	return cas_acq_rel(&s->header->meta, &seen, next);
}

/* NULL: there is none, or the place is not reserved. */
static struct meta_head *meta_head(const struct segment *s, uint64_t word)
{
	place_t place = (place_t)(word >> PLACE_SHIFT);

	return place ? segment_at(s, place, sizeof(struct meta_head)) : NULL;
}

const void *meta_blob(const struct segment *s, uint64_t word, uint32_t *bytes)
{
	const struct meta_head *head = meta_head(s, word);

	if (!head)
		return NULL;
	/* relaxed: behind the word */
	*bytes = load_relaxed(&head->bytes);
	/*
	 * The size is in shared memory, so it is untrusted. The bound also keeps the sum
	 * below from overflowing.
	 */
	if (*bytes > SEGMENT_META_MAX ||
	    !segment_at(s, (place_t)(word >> PLACE_SHIFT), (uint32_t)sizeof(*head) + *bytes))
		return NULL;
	return head + 1;
}

/* Steps 1 and 2. */
int meta_take(const struct segment *s, const struct life_table *lives, const struct life_self *self,
	      const void *from, uint32_t bytes, uint64_t seen, struct meta_made *out)
{
	struct meta_head *head;
	uint32_t i, start = 0;
	int err;

	*out = (struct meta_made){ .slabs = slabs_of(bytes), .seen = seen };
	err = land_take(s, lives, self->owner, out->slabs, &start, &out->slab);
	if (err)
		return err;
	out->place = segment_slab_place(s, out->slab);
	head = segment_at(s, out->place, (uint32_t)sizeof(*head) + bytes);
	if (!head)
		return -EUCLEAN;
	/* relaxed: private until the CAS of step 3 */
	store_relaxed(&head->owner, self->owner);
	store_relaxed(&head->bytes, bytes); /* relaxed: as above */
	copy_in(head + 1, from, bytes);
	/*
	 * The slabs become unowned one after the other. Killed in between: the rest is
	 * the dead's.
	 */
	for (i = 0; i < out->slabs && !err; i++)
		err = land_disown(s, out->slab + i, self, slab_word(seen));
	/* Our life is over. What did become unowned is freed; the rest is the dead's. */
	if (err)
		meta_return(s, out);
	return err;
}

/*
 * By CAS from the words of this very blob: slabs that a sweep has retired are left alone.
 */
void meta_return(const struct segment *s, const struct meta_made *blob)
{
	uint32_t i;

	for (i = 0; i < blob->slabs; i++)
		land_take_back(s, blob->slab + i, slab_word(blob->seen));
}

/* How many slabs the blob at @word has, and the first; 0: none, or out of reach. */
static uint32_t meta_slabs(const struct segment *s, uint64_t word, uint32_t *first)
{
	uint32_t bytes;

	if (!meta_blob(s, word, &bytes))
		return 0;
	*first = segment_slab_of(s, (place_t)(word >> PLACE_SHIFT));
	return slabs_of(bytes);
}

/*
 * Steps 3 and 4. The old blob's slabs are determined before the CAS: afterwards its size
 * may be another use's. A stopped process that does 4 late uses meta_sweep(), which looks
 * again.
 */
bool meta_replace(const struct writer *w, const struct meta_made *blob)
{
	uint32_t i, first = 0, count = meta_slabs(w->s, blob->seen, &first);

	if (!word_cas(w->s, blob->seen, next_word(blob->seen, blob->place)))
		return false;
	for (i = 0; i < count; i++)
		meta_sweep(w, first + i);
	return true;
}

/* Whether the blob at @now lies in @slab. */
static bool is_in(const struct segment *s, uint64_t now, uint32_t slab)
{
	uint32_t first = 0, count = meta_slabs(s, now, &first);

	return slab >= first && slab - first < count;
}

bool meta_is_in(const struct segment *s, uint32_t slab)
{
	return is_in(s, meta_word(s), slab);
}

/*
 * Loads the slab's word first. If the slab is reused for another change after that, its
 * word is another one, and the CAS at the end fails.
 */
bool meta_sweep(const struct writer *w, uint32_t slab)
{
	const struct segment *s = w->s;
	uint64_t word = land_owner(s, slab);
	uint64_t now = meta_word(s);

	if (!land_is_nobodys(word) || (word != SEGMENT_NOBODY && !(word & LAND_META)))
		return false;
	/* If the current blob may be out of reach, it may be in any slab. */
	if (is_in(s, now, slab) || (meta_is_any(now) && !segment_is_whole(s)))
		return false;
	/*
	 * ORD[meta_sweep:A] acquire: the size that was read, then the word once more: if
	 * that has not changed, the size was the blob's; pairs with word_cas:A
	 */
	fence_acquire();
	if (meta_word(s) != now)
		return false;
	/*
	 * The maker is gone, and its change has not come: raises c, so that it never can.
	 * A failure means that another change was made; the next sweep decides by that.
	 */
	if (!is_past(now, word) &&
	    (land_maker_is_alive(s, w->lives, slab) ||
	     !word_cas(s, now, next_word(now, (place_t)(now >> PLACE_SHIFT)))))
		return false;
	return land_retire_from(s, slab, word);
}
