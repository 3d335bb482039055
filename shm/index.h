/* SPDX-License-Identifier: MIT */
/*
 * The index: for each bucket a line of cells that lead a lookup to its entry, so that a
 * hit reads two cache lines beside the header, and a miss one.
 *
 * The list says what is registered, and each change of it is one CAS, whatever the index
 * holds. A line only spares lookups the way along the list. It may be incomplete or behind:
 * then it says so, and the lookup asks the list. The words are described in layout_index.h.
 *
 * Promises  a lookup that the index answers gets an answer that the list could have given
 *           at some moment of the call; it ends, whatever the memory holds, and reads
 *           nothing outside of what is reserved.
 * Needs     index_probe(): a peek or a section of grace.h around it. The rest: a write
 *           section; each function says what a hazard must name.
 * Context   any thread; lookups are wait-free, the rest is lock-free.
 * Used by   table_write.c, table_grow.c, sweep, gift, check, lib/.
 *
 * Only registries with unique keys have an index, and only names are in it, reserved ones
 * included: locks, claims and statuses are few and have their own orders.
 *
 *   step of a registration     killed, stopped or exec here
 *   1 fill in the entry        as without an index, see heap.c
 *   2 CAS a cell to            a cell of an entry that is in no list: lookups of its key ask
 *     {entry, LOOK}            the list; cleared with the entry's block
 *   3 CAS into the list        the same, and the list has the entry
 *   4 CAS LOOK away            done. Of an entry that others may be put in front of LOOK
 *                              stays, and its info word becomes LISTED
 *
 *   step of its end
 *   5 the mark, or the death   lookups that come by the cell see either, and ask the list
 *   6 raise the version        the same
 *   7 CAS the cell to 0        done; only now may the block be used again
 *
 * Why a lookup that finds no cell is right, if the line was complete and its version and the
 * number of buckets are the same before and after: suppose that the name was held all the time that it looked, first
 * by the entry H. H had its cell before step 3, so the lookup found it cleared; the version
 * was raised after H had ended and before that. H held the name when the lookup began, so
 * the version changed meanwhile: a contradiction. (Had the table grown, the name could have
 * passed to an entry whose cell is in another line.) A version that is raised at any other
 * moment would not do: a process that is stopped between 6 and 7 clears a cell at any later
 * time, and a name that passes from an entry whose cell is read last to one whose cell was
 * read first would be missed.
 *
 * Why a cell without LOOK is right: nothing comes in front of a living entry that is not
 * replaceable, so an entry that was first when LOOK was taken away is first until its end.
 * And its block is not used again before step 7, or until two epochs after that.
 *
 * Why a cell with LOOK is right if it is alone, which index_alone() asks for: its entry is LISTED,
 * so it was in the list; its line was complete, and has no other cell of its order; version and
 * number of buckets are the same before and after. Suppose that at every moment until the entry
 * was seen alive another one held the name: the one that held it when the line was read first
 * would have had its cell, as above. So the entry was the first at some moment. What comes in
 * front of it later has taken its cell before.
 *
 * Each step after the first reading of an entry relies on its block not being used again:
 * a hazard names it.
 *
 * Growth: a line of a new level begins without C. index_level.c says when it may be built,
 * which index_build() does. A builder adds cells for entries of others, which may end at any
 * moment and clear their cells before the builder's appears. So it adds a word of another
 * form, by which no lookup goes and which no end leaves unnoticed:
 *
 *   {place, builder, B,     becomes a cell by CAS, once the entry was seen alive after it was
 *    LOOK}                  added; 0 by anybody at any time, and with the end of its entry
 *
 * So no cell is ever left behind by an entry whose block may be used again.
 */
#ifndef KREG_SHM_INDEX_H
#define KREG_SHM_INDEX_H

#include <errno.h>

#include "shm/query.h"
#include "shm/table_link.h"

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#include <emmintrin.h>
#define INDEX_BY_SSE2 1
#endif

/* In the bit that distinguishes a claim in the word of a bucket; cells have no claims. */
#define CELL_LOOK REF_CLAIM
/* In the bit of the mark; above it the number of the builder's slot instead of an order. */
#define CELL_BUILT REF_MARK /* and CELL_LOOK, so that one test does for lookups */

/* A cell that this call has taken for the entry that it is about to link. */
struct index_claim {
	/* NULL: none; the line says that it is not complete, or there is no index */
	uint64_t *cell;
	/* as the cell holds it, with LOOK */
	uint64_t word;
	/* the line is about to be full */
	bool crowded;
	/* the line is to be built, see table_prepare() */
	bool unready;
};

/*
 * Whether lookups that use @buckets do not come by @cell in the line of bucket @number: a
 * builder's, or one from before the table grew. Anybody may clear such a cell. A lookup
 * that uses fewer buckets finds out that it does when it misses something.
 */
static inline bool index_cell_is_idle(uint64_t cell, uint32_t number, uint64_t buckets)
{
	return cell && (cell & CELL_BUILT ||
			(order_hash(ref_order(cell)) ^ number) & (uint32_t)(buckets - 1));
}

/* The halves of the words of a line. */
typedef uint32_t __attribute__((may_alias)) index_half;

#ifdef INDEX_BY_SSE2
/* As __builtin_ctz(), of a set that is not empty. */
static inline __attribute__((always_inline)) uint64_t index_lowest(uint32_t set)
{
#ifdef __x86_64__
	uint64_t bit;

	/* The compiler would extend it to 64 bits once more. */
	__asm__("rep bsfl %1, %k0" : "=r"(bit) : "r"(set) : "cc");
	return bit;
#else
	return (uint32_t)__builtin_ctz(set);
#endif
}

/*
 * The cells of @line for the order of @hash: two bits for each word, that of its lower half and
 * that of its upper one. One comparison of eight words: the control word is among them, and never
 * matches.
 */
static inline __attribute__((always_inline)) uint32_t index_matches(const struct index_line *line,
								    uint32_t hash)
{
	/* As ref_make() has it; a hash has as many bits as an order has room for. */
	const uint32_t low = 2 * hash + 2 * ORDER_OF_ENTRY;
	const __m128i *two = (const __m128i *)line;
	const __m128i sought = _mm_set1_epi32((int)low);
	/* The low halves of four words each. */
	__m128 a = _mm_shuffle_ps(_mm_castsi128_ps(two[0]), _mm_castsi128_ps(two[1]),
				  _MM_SHUFFLE(2, 0, 2, 0));
	__m128 b = _mm_shuffle_ps(_mm_castsi128_ps(two[2]), _mm_castsi128_ps(two[3]),
				  _MM_SHUFFLE(2, 0, 2, 0));

	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi32(_mm_cmpeq_epi32(_mm_castps_si128(a), sought),
				_mm_cmpeq_epi32(_mm_castps_si128(b), sought)));
}

/* The first cell of @line for the order of @hash; NULL: there is none. */
static inline __attribute__((always_inline)) const uint64_t *
index_match(const struct index_line *line, uint32_t hash)
{
	uint32_t set = index_matches(line, hash);

	return set ? (const uint64_t *)((const index_half *)line + index_lowest(set)) : NULL;
}

/* The upper half of that, which says where it leads to. */
static inline __attribute__((always_inline)) const index_half *
index_match_upper(const struct index_line *line, uint32_t hash)
{
	uint32_t set = index_matches(line, hash) & 0xaaaa;

	return set ? (const index_half *)line + index_lowest(set) : NULL;
}
#else
static inline const uint64_t *index_match(const struct index_line *line, uint32_t hash)
{
	const uint32_t low = 2 * hash + 2 * ORDER_OF_ENTRY;
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		/* relaxed: the caller loads it again, and then what it leads to */
		if ((uint32_t)load_relaxed(&line->cells[i]) == low)
			return &line->cells[i];
	}
	return NULL;
}

static inline const index_half *index_match_upper(const struct index_line *line, uint32_t hash)
{
	const index_half *at = (const index_half *)index_match(line, hash);

	return at ? at + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) : NULL;
}
#endif

/*
 * What the index says of @q. 0: *entry at *place is the first of its order, unless it has a
 * mark, its owner is dead, or its key is another one; then ask the list. -ENOENT: the name
 * is free. -EAGAIN: ask the list.
 */
static inline __attribute__((always_inline)) int
index_probe(const struct segment *s, const struct query *q, struct entry **entry, place_t *place)
{
	const struct segment_header *header = s->header;
	const struct segment_view *view = s->view;
	const struct index_line *line;
	uint64_t buckets, control, cell;
	const uint64_t *at;

	/*
	 * ORD[index_probe:A] acquire: the number, then the line; a line that is used for it
	 * was reserved before; pairs with table_grow:A, unindex:A
	 */
	buckets = load_acquire(&header->buckets);
	/* relaxed: a bound of this process's own. Above it also if there is no index */
	if (caa_unlikely(buckets - 1 >= load_relaxed(&view->lines)))
		return -EAGAIN;
	line = &s->lines[q->hash & (buckets - 1)];
	/*
	 * ORD[index_probe:B] acquire: the control word, then the cells; pairs with
	 * bump:A, complete:A, line_overflow:B
	 */
	control = load_acquire(&line->control);
	at = index_match(line, q->hash);
	if (at) {
		/*
		 * ORD[index_probe:C] acquire: the cell, then the entry; pairs with
		 * cell_cas:A
		 */
		cell = load_acquire(at);
		/*
		 * It may have become a cell of another key since it was compared: then the
		 * entry has that key.
		 */
		if (caa_unlikely(cell & (CELL_LOOK | CELL_BUILT)))
			return -EAGAIN;
		*place = ref_place(cell);
		/*
		 * relaxed: a bound of this process's own, which the search along the list
		 * extends
		 */
		if (caa_unlikely((*place - s->land_place) / (SLAB_BYTES / LINE_BYTES) >=
				 load_relaxed(&view->slabs)))
			return -EAGAIN;
		*entry = (struct entry *)(s->land_base + (uint64_t)*place * LINE_BYTES);
		return 0;
	}
	/*
	 * ORD[index_probe:D] acquire: the cells, then the control word again; pairs with
	 * bump:A
	 */
	fence_acquire();
	/* relaxed: behind the fence */
	if (caa_unlikely(!(control & INDEX_COMPLETE) ||
			 load_relaxed(&line->control) != control || /* relaxed: as above */
			 load_relaxed(&header->buckets) != buckets))
		return -EAGAIN;
	return -ENOENT;
}

/*
 * Whether the line of @q has a cell of its order, or there is no line. If it has none the name
 * is free, or the list has it alone: for a writer, whose CAS decides.
 */
static inline __attribute__((always_inline)) bool index_may_have(const struct segment *s,
								 const struct query *q)
{
	/* relaxed: the line is only looked at */
	uint64_t buckets = load_relaxed(&s->header->buckets);

	/* relaxed: a bound of this process's own */
	if (caa_unlikely(buckets - 1 >= load_relaxed(&s->view->lines)))
		return true;
	return index_match(&s->lines[q->hash & (buckets - 1)], q->hash);
}

/* Whether @entry, to which the index has led, is a living name with the key of @q. */
static inline bool index_is_holder(const struct segment *s, const struct life_table *lives,
				   const struct query *q, struct entry *entry, struct found *out)
{
	ref_t next = table_load(&entry->next);

	out->info = load_relaxed(&entry->info); /* relaxed: behind the cell */
	return entry_kind(out->info) == ENTRY_NAME &&
	       entry_has_key(s, entry, out->info, q->key, q->key_size) &&
	       name_is_live(lives, entry, next, out);
}

/*
 * index_probe() for a name of any size. 0: *out is the living holder; -ENOENT: the name is
 * free; -EAGAIN: ask the list.
 */
static inline int index_find(const struct segment *s, const struct life_table *lives,
			     const struct query *q, struct found *out)
{
	struct entry *entry;
	int err;

	err = index_probe(s, q, &entry, &out->place);
	if (err)
		return err;
	return index_is_holder(s, lives, q, entry, out) ? 0 : -EAGAIN;
}

/*
 * For a lookup, in a peek or a section: leads to the entry of the only cell of @q's order, though that
 * has LOOK, if the entry was in the list as a replaceable name. If it has no mark, its owner lives
 * and its key is that of @q, it held the name at some moment of the call. False: ask the list.
 */
bool index_alone(const struct segment *s, const struct query *q, struct entry **entry,
		 place_t *place);

/* The same where index_find() has said -EAGAIN. False: ask the list. */
static inline bool index_find_alone(const struct segment *s, const struct life_table *lives,
				    const struct query *q, struct found *out)
{
	struct entry *entry;

	return index_alone(s, q, &entry, &out->place) && index_is_holder(s, lives, q, entry, out);
}

/*
 * For a lookup, in a peek or a section: *at is the link of an entry in front of @order that has a
 * cell, and was in the list when that was loaded. So it is a start as good as the bucket, and
 * spares the entries in between. False: start at the bucket.
 */
bool index_start(const struct segment *s, order_t order, ref_t *at);

/*
 * Takes a cell for the entry at @place, which is filled in, has a link without a mark, is
 * in no list, and is named by a hazard. To be called before each try to link it, with the
 * same *claim, all 0 at first: it also says to lookups that the line is not complete if no
 * cell is free. -EAGAIN: the section was entered again, and the step starts over. Sets
 * HAZARD_NEXT.
 */
int index_claim(const struct writer *w, const struct query *q, place_t place,
		struct index_claim *claim);

/*
 * After @entry was linked, which is named by a hazard: it is settled if it is the @first of its key
 * and nothing may be put in front of it; a replaceable one is LISTED.
 */
void index_settle(const struct index_claim *claim, struct entry *entry, bool first);

/* If it was not linked after all. */
void index_unclaim(struct index_claim *claim);

/*
 * Whether lookups take the entry at @place for the first of its key without asking the
 * list. If its owner lives and it has no mark, it is.
 */
bool index_is_settled(const struct segment *s, order_t order, place_t place);

/* For an entry that is linked and has become the first of its key; named by a hazard. */
void index_settle_at(const struct writer *w, order_t order, place_t place, uint64_t info);

/*
 * Clears the cells of the entry at @place, which has ended: it has a mark, its owner is
 * dead, or it was never linked. It is named by a hazard from before that was known. Its
 * block may be used again only after this. False: it may not, because other processes
 * have kept changing the line.
 */
bool index_clear(const struct writer *w, order_t order, place_t place);

/* Clears cells of the line of @bucket that are of no use since the table has grown. */
void index_narrow(const struct segment *s, uint32_t bucket);

/*
 * Builds the line of @bucket, if it is not complete and may be built. For upkeep: it tries
 * once. Sets HAZARD_NEXT.
 */
void index_build(const struct writer *w, uint32_t bucket);

/*
 * Whether every process that links an entry from now on takes its cell in the line of
 * @buckets, or will not link it. Makes the next step towards that if not; index_level.c.
 */
bool index_level_is_settled(const struct writer *w, uint64_t buckets);

/*
 * Whether a process is stopped in front of a CAS that links an entry, and may make it
 * although its section is over; index_level.c.
 */
bool index_some_link_late(const struct writer *w);

/* Asks for the next epoch now and then, for lines that wait for it. */
void index_hurry(const struct writer *w);

#endif
