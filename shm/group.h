/* SPDX-License-Identifier: MIT */
/*
 * Groups: from the first bytes of a key, up to a slash, to the names that begin with them.
 *
 * A namespace is listed without a look at the other names of the registry. The list says
 * what is registered; groups only say in which orders of it to look. A key belongs to a
 * group if it has a slash behind 1 to GROUP_MAX bytes, of which the first and the last are
 * printable characters; any other key has no part in this, and costs one look for a slash.
 *
 * Promises  a name of the group that is held all the time that a walk takes is among the
 *           orders that it finds, unless it says that it cannot know.
 * Needs     group_each(): nothing. The rest: a write section; group_clear(): a hazard.
 * Context   any thread; lock-free. group_claim() may reserve memory.
 * Used by   table_write.c, check, lib/.
 *
 * Only registries with unique keys have groups, and only names, reserved ones included, are
 * in them. The lines (layout_index.h) are a tree: 64 of them at the top, by bits of the group's
 * hash; below a line that was full, four, by the next two bits; from 18 bits on they are bits
 * of the order of the key. So the names of a small group are in a few lines, and those of a
 * large one below the last of these. An entry's way is given by its key. Lines are added
 * where its way ends, and stay for ever.
 *
 *   step of a registration     killed, stopped or exec here
 *   1 fill in the entry        as without groups, see heap.c
 *   2 CAS a cell of the way    a cell of an entry that is in no list: a walk adds its order,
 *     to {place, group}        where the list has nothing; cleared with the entry's block
 *   3 CAS into the list        done
 *
 *   step of its end
 *   4 the mark, or the death   a walk adds its order, where the list has nothing
 *   5 raise the version        the same
 *   6 CAS the cell to 0        done; only now may the block be used again
 *
 * An entry that replaces another one, with the same key and hence the same way, takes its cell
 * in the line of the old one's cell or below. A walk reads a line before those below it, and
 * reads it again if its control word has changed meanwhile. So a name that is held by one
 * entry after another is seen: when a walk has read a line without finding its cell, the
 * name has its cell below. (In the line itself the version tells: the old cell was
 * cleared, and the version raised before, while the line was read.)
 *
 * A late CAS that clears a cell is right, because a hazard keeps the block of that cell from
 * being another entry's.
 *
 * Lines below a line: the next block that no line leads to is reserved, then
 *
 *   CAS the control word, 0 -> block     the lines are there, all free
 *   CAS header->group_next up            done
 *
 * Killed in between, or beside another process, two lines may lead to one block. This does no
 * harm: a walk finds cells of other groups there, and passes over them. A block has a
 * greater number than that of the line that leads to it, so no way returns.
 *
 * Where there is no memory, or this process has not mapped so much, GROUPS_LOST says before
 * step 3 that an entry has no cell; it stays, and listings go along the whole list then.
 */
#ifndef KREG_SHM_GROUP_H
#define KREG_SHM_GROUP_H

#include <string.h>

#include "shm/grace.h"
#include "shm/query.h"

#define GROUP_SEPARATOR '/'
/* Of the bytes in front of the slash. */
#define GROUP_MAX 100u

/* Whether there can be a slash in @key: most sizes are looked at without a call. */
static inline bool group_may_be(const unsigned char *key, uint32_t size)
{
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
	const __m128i slash = _mm_set1_epi8(GROUP_SEPARATOR);
	__m128i first, last;

	if (caa_likely(size - 16 <= 16)) {
		first = _mm_loadu_si128((const __m128i *)key);
		last = _mm_loadu_si128((const __m128i *)(key + size - 16));
	} else if (size - 8 < 8) {
		first = _mm_loadl_epi64((const __m128i *)key);
		last = _mm_loadl_epi64((const __m128i *)(key + size - 8));
	} else {
		return true;
	}
	return _mm_movemask_epi8(
		_mm_or_si128(_mm_cmpeq_epi8(first, slash), _mm_cmpeq_epi8(last, slash)));
#else
	(void)key, (void)size;
	return true;
#endif
}

/*
 * How many of the first bytes of a key say of which group it is, with the slash; 0: of none.
 * Two characters are looked at, so that of keys that are numbers few are taken for text.
 */
static inline uint32_t group_size(const void *key, uint32_t key_size)
{
	uint32_t most = key_size <= GROUP_MAX ? key_size : GROUP_MAX + 1, size;
	const unsigned char *bytes = key;
	const unsigned char *slash = most ? memchr(bytes, GROUP_SEPARATOR, most) : NULL;

	if (caa_likely(!slash))
		return 0;
	size = (uint32_t)(slash - bytes);
	if (!size || (unsigned char)(bytes[0] - '!') > '~' - '!' ||
	    (unsigned char)(bytes[size - 1] - '!') > '~' - '!')
		return 0;
	return size + 1;
}

/* The same for a query; 0 also if the entry is no name, or the registry has no groups. */
static inline uint32_t group_of(const struct segment *s, const struct query *q)
{
	if (caa_likely(!group_may_be(q->key, q->key_size)))
		return 0;
	return s->unique && q->kinds & KINDS_OF_NAMES ? group_size(q->key, q->key_size) : 0;
}

/* A cell that this call has taken for the entry that it is about to link. */
struct group_claim {
	/* NULL: none */
	uint64_t *cell;
	/* 0: not asked for yet */
	uint64_t word;
};

/* group_claim() and group_clear() for a key of a group of @size bytes. */
void group_take(const struct segment *s, const struct query *q, uint32_t size, place_t place,
		place_t before, struct group_claim *claim);
void group_drop(const struct segment *s, const struct query *q, uint32_t size, place_t place);

/*
 * Takes a cell for the entry at @place, which is filled in and in no list, if its key is of a
 * group. To be called before each try to link it, with the same *claim, all 0 at first.
 * @before: the entry that it is to replace; 0: none.
 */
static inline void group_claim(const struct segment *s, const struct query *q, place_t place,
			       place_t before, struct group_claim *claim)
{
	uint32_t size = claim->word ? 0 : group_of(s, q);

	if (size)
		group_take(s, q, size, place, before, claim);
}

/* If it was not linked after all. */
void group_unclaim(struct group_claim *claim);

/*
 * Clears the cell of the entry of @q at @place, which has ended: it has a mark, its owner is
 * dead, or it was never linked. It is named by a hazard from before that was known.
 */
static inline void group_clear(const struct segment *s, const struct query *q, place_t place)
{
	uint32_t size = group_of(s, q);

	if (size)
		group_drop(s, q, size, place);
}

/* Whether the entry has its cell, or listings do not rely on it. For a check. */
bool group_has(const struct segment *s, const struct query *q, place_t place);

/*
 * Calls @found for orders in which the list may have a name that begins with @prefix, which
 * has a group in it; with @prefix_size 0: a name of any group. An order may be shown more
 * than once. 0, or what @found has returned; -EAGAIN: the lines were changed too often;
 * -ENODATA: not every name has its cell, or there are too many ways; -ENOMEM, -EUCLEAN. After
 * these only the list can tell.
 */
int group_each(const struct segment *s, const void *prefix, uint32_t prefix_size,
	       int (*found)(order_t order, void *data), void *data);

#endif
