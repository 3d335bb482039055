/* SPDX-License-Identifier: MIT */
/*
 * Slabs cut into blocks of one size, a bitmap of free ones, a ring of waiting ones.
 *
 * One word of a slab's directory entry says, for heirs, how it is cut:
 *
 *   63 34  33  32  31             0
 *  +-----+---+---+----------------+   E: blocks are entries; 0: values, nothing to unlink
 *  | 0   | V | E | bytes a block  |   V: vacated, for land_take(), once it is retired
 *  +-----+---+---+----------------+
 *
 * An owner takes single slabs first. Once it has SINGLE_SLABS with blocks of one size, the next
 * one is a run of SLAB_RUN, so that one with many entries takes land, and keeps books of it,
 * less often. Each of them is cut by itself, and no entry reaches from one into the next: heirs
 * find no difference, and take and retire each alone.
 *
 * Values larger than half a slab get slabs of their own, side by side. To heirs each of
 * them is a slab without entries, so they can be inherited one by one.
 *
 *   killed here                        what an heir finds
 *   slab taken, not yet described      the last owner's description; its entries are
 *                                      out of the list, and unlinking them is harmless
 *   slab described, not yet cleared    bytes of the last owner; where they look like
 *                                      entries, going past their order is harmless
 *   block filled, not yet linked       an entry that is in no list
 *   entry unlinked, not yet waiting    the same
 *   block in the ring                  the same
 *   some of a run's slabs vacated      no more than their words say: retired, or the dead's
 *
 * So an heir goes past the order of every block that looks like an entry, and needs to
 * know nothing of the heap.
 */
#include "shm/heap_slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/entry.h"

#define ABOUT_ENTRIES (1ull << 32)
/*
 * From this many blocks or bytes on it is worth a system call that interrupts all CPUs
 * (grace_advance()) to get them back.
 */
#define WAITING_MANY 512u
#define WAITING_BYTES (256u << 10)

/* An owner has so many of one size before it takes runs of them. */
#define SINGLE_SLABS 4u

/* Others would leave as much of a slab unused as they save. */
static const uint32_t class_bytes[HEAP_CLASSES] = { 64, 128, 192, 256, 320, 512 };

/* -1: larger than any class. */
static int class_of(uint32_t bytes)
{
	int size_class;

	if (caa_likely(bytes <= LINE_BYTES))
		return 0;
	for (size_class = 1; size_class < HEAP_CLASSES; size_class++) {
		if (bytes <= class_bytes[size_class])
			return size_class;
	}
	return -1;
}

/* How many blocks one slab has; without a class one that may go on into the next ones. */
static uint32_t blocks_each(int size_class)
{
	return size_class < 0 ? 1 : SLAB_BYTES / class_bytes[size_class];
}

/*
 * Every number is checked: a wrong size would make a sweep take any bytes for entries. A
 * slab that was unowned has its maker in this word, and is no slab of entries.
 */
struct heap_cut heap_cut_of_entries(uint64_t about)
{
	struct heap_cut cut = { .bytes = (uint32_t)about };

	if (!(about & LAND_MAKER) && (about & ABOUT_ENTRIES) && cut.bytes >= LINE_BYTES &&
	    cut.bytes <= SLAB_BYTES && !(cut.bytes % LINE_BYTES))
		cut.blocks = SLAB_BYTES / cut.bytes;
	return cut;
}

/* The slab's word first: it decides what the other one means. */
struct heap_cut heap_cut_of_slab(const struct segment *s, uint32_t slab)
{
	uint64_t word = land_owner(s, slab);

	if (!land_is_nobodys(word))
		return heap_cut_of_entries(land_about(s, slab));
	return (struct heap_cut){ .bytes = SLAB_BYTES, .blocks = land_is_gift(word) };
}

void heap_init(struct heap *heap, const struct segment *s, const struct life_table *lives,
	       owner_t self)
{
	int i;

	memset(heap, 0, sizeof(*heap));
	heap->segment = s;
	heap->lives = lives;
	heap->self = self;
	heap->due = UINT64_MAX;
	for (i = 0; i < HEAP_CLASSES; i++) {
		CDS_INIT_LIST_HEAD(&heap->room[0][i]);
		CDS_INIT_LIST_HEAD(&heap->room[1][i]);
	}
	/*
	 * Counts what earlier programs of this process have left, which still fills the
	 * quota.
	 */
	quota_begin(&heap->quota, s, self);
}

/*
 * By the directory, and not by heap->of, which does not know slabs of earlier programs.
 * The entries are out of the list, but readers may stand in them: retired, not returned.
 */
void heap_deinit(struct heap *heap)
{
	uint32_t slab, slabs = land_slabs(heap->segment);

	for (slab = 0; slab < slabs; slab++) {
		if (land_owner(heap->segment, slab) == heap->self)
			land_retire_from(heap->segment, slab, heap->self);
	}
	heap_forget(heap);
}

void heap_forget(struct heap *heap)
{
	struct heap_slab *slab, *next;
	uint32_t run;

	for (run = 0; run < heap->of_size; run++) {
		for (slab = heap->of[run]; slab; slab = next) {
			next = slab->next;
			free(slab);
		}
	}
	heap_forget_vacated(heap);
	free(heap->of);
	free(heap->waiting);
	memset(heap, 0, sizeof(*heap));
}

/* Makes heap->of reach to @slab. On -ENOMEM nothing has changed. */
static int grow_of(struct heap *heap, uint32_t slab)
{
	uint32_t run = slab / SLAB_RUN;
	uint32_t size = heap->of_size ? heap->of_size : 64;
	struct heap_slab **of;

	while (size <= run)
		size *= 2;
	if (size == heap->of_size)
		return 0;
	of = realloc(heap->of, size * sizeof(*of));
	if (!of)
		return -ENOMEM;
	memset(of + heap->of_size, 0, (size - heap->of_size) * sizeof(*of));
	heap->of = of;
	heap->of_size = size;
	return 0;
}

/* Whether so much waits that the epoch is worth a step. */
static inline bool is_much(const struct heap *heap)
{
	return heap->waiting_count >= WAITING_MANY || heap->waiting_bytes >= WAITING_BYTES;
}

/* After the ring has changed. */
static __attribute__((noinline)) void set_due(struct heap *heap)
{
	uint64_t due = UINT64_MAX;

	if (is_much(heap))
		due = 0;
	else if (heap->waiting_count)
		due = waiting_at(heap, 0)->stamp + 2;
	store_relaxed(&heap->due, due); /* relaxed: a hint */
}

/*
 * Room in the ring for one block more than are in use, so that retiring one never fails.
 * Called before the block is taken.
 */
static int grow_waiting(struct heap *heap)
{
	uint32_t size = heap->waiting_size ? heap->waiting_size * 2 : 64;
	struct heap_waiting *ring;
	uint32_t i;

	if (heap->blocks < heap->waiting_size)
		return 0;
	ring = malloc(size * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (i = 0; i < heap->waiting_count; i++)
		ring[i] = *waiting_at(heap, i);
	free(heap->waiting);
	heap->waiting = ring;
	heap->waiting_size = size;
	heap->waiting_first = 0;
	return 0;
}

/* Fills in what is known of @slab, all of whose blocks are free. */
static void slab_fill(struct heap_slab *slab, uint32_t span, int size_class, bool of_entries)
{
	uint32_t i;

	slab->span = span;
	slab->bytes = size_class < 0 ? span * SLAB_BYTES : class_bytes[size_class];
	slab->blocks_each = blocks_each(size_class);
	slab->blocks = size_class < 0 ? 1 : span * slab->blocks_each;
	slab->blocks_free = slab->blocks;
	slab->waits = slab->left = 0;
	slab->of_entries = of_entries;
	slab->size_class = size_class < 0 ? 0 : (uint8_t)size_class;
	for (i = 0; i < slab->blocks; i++)
		slab->free[i / 64] |= 1ull << i % 64;
}

/*
 * The owner's slab becomes one of the heap. It is described first: nothing can be linked in it
 * before, so an heir never finds an entry that it cannot see.
 */
static void slab_enter(struct heap *heap, struct heap_slab *slab, int size_class)
{
	uint32_t cut = size_class < 0 ? SLAB_BYTES : slab->bytes, i;

	/* Each slab of a span by itself, as heirs inherit them one by one. */
	for (i = 0; i < slab->span; i++)
		land_describe(heap->segment, slab->slab + i,
			      cut | (slab->of_entries ? ABOUT_ENTRIES : 0));
	slab->next = heap->of[slab->slab / SLAB_RUN];
	heap->of[slab->slab / SLAB_RUN] = slab;
	CDS_INIT_LIST_HEAD(&slab->node);
	/* What has no class is one block, which the caller gets: it never has room. */
	if (size_class >= 0)
		cds_list_add(&slab->node, &heap->room[slab->of_entries][size_class]);
}

/*
 * Takes @span slabs, for one block if there is no class. On an error everything is given back.
 * The order: quota, land, private index, description.
 */
static int slabs_new(struct heap *heap, uint32_t span, int size_class, bool of_entries,
		     struct heap_slab **out)
{
	uint32_t tags = of_entries ? span * blocks_each(size_class) : 0, i;
	struct heap_slab *slab = calloc(1, sizeof(*slab) + tags * sizeof(*slab->tags));
	int err;

	if (!slab)
		return -ENOMEM;
	/*
	 * Before the land: a process over its quota must not take any, not even for a
	 * moment.
	 */
	err = quota_take(&heap->quota, heap->segment, heap->self, span);
	if (err)
		goto over;
	err = land_take(heap->segment, heap->lives, heap->self, span, &heap->from, &slab->slab);
	if (err)
		goto fail;
	err = grow_of(heap, slab->slab);
	if (err) {
		for (i = 0; i < span; i++)
			land_return(heap->segment, slab->slab + i);
		goto fail;
	}
	/*
	 * A damaged directory has given us a slab that is ours already. The old
	 * bookkeeping stays valid; two for one slab would give each block out twice.
	 */
	if (slab_is_known(heap, slab->slab, span)) {
		err = -EUCLEAN;
		goto fail;
	}
	slab_fill(slab, span, size_class, of_entries);
	slab_enter(heap, slab, size_class);
	if (size_class >= 0)
		heap->slabs[of_entries][size_class]++;
	*out = slab;
	return 0;
fail:
	quota_return(&heap->quota, span);
over:
	free(slab);
	return err;
}

/*
 * One that was the heap's before, if there is one. Else a run where the owner has many of the
 * class, or a single slab.
 */
static int slab_new(struct heap *heap, uint32_t bytes, int size_class, bool of_entries,
		    struct heap_slab **out)
{
	if (size_class < 0)
		return slabs_new(heap, (bytes + SLAB_BYTES - 1) / SLAB_BYTES, size_class,
				 of_entries, out);
	*out = of_entries ? heap_take_vacated(heap, size_class) : NULL;
	if (*out) {
		slab_fill(*out, (*out)->span, size_class, of_entries);
		slab_enter(heap, *out, size_class);
		return 0;
	}
	if (heap->slabs[of_entries][size_class] >= SINGLE_SLABS &&
	    !slabs_new(heap, SLAB_RUN, size_class, of_entries, out))
		return 0;
	return slabs_new(heap, 1, size_class, of_entries, out);
}

/*
 * A free block must not look like an entry, or an heir would search the list for it in
 * vain.
 */
static inline void block_clear(const struct heap *heap, const struct heap_slab *slab, place_t place)
{
	struct entry *entry = slab->of_entries ? segment_entry(heap->segment, place) : NULL;

	if (entry)
		/* relaxed: no reader stands in it */
		store_relaxed(&entry->info, 0ull);
}

/* A new slab has the last owner's bytes in it, which look like entries too. */
static void slab_clear(struct heap *heap, struct heap_slab *slab)
{
	uint32_t i;

	for (i = 0; slab->of_entries && i < slab->blocks; i++)
		block_clear(heap, slab, block_place(heap, slab, i));
}

/* Needs a slab with a free block. The slab leaves the room list with its last one. */
static inline place_t block_take(struct heap *heap, struct heap_slab *slab, uint16_t tag)
{
	uint32_t word = 0, block;

	while (!slab->free[word])
		word++;
	block = word * 64 + (uint32_t)__builtin_ctzll(slab->free[word]);
	slab->free[word] &= slab->free[word] - 1;
	slab->blocks_free--;
	if (!slab->blocks_free)
		cds_list_del_init(&slab->node);
	heap->blocks++;
	if (tag)
		slab->tags[block] = tag;
	return block_place(heap, slab, block);
}

int heap_take(struct heap *heap, uint32_t bytes, uint16_t tag, place_t *out)
{
	int size_class = class_of(bytes), err;
	struct heap_slab *slab = NULL;
	bool of_entries = tag;

	lock_take(&heap->lock);
	/* First, as nothing has to be undone if it fails. */
	err = grow_waiting(heap);
	if (err)
		goto out;
	if (size_class >= 0 && !cds_list_empty(&heap->room[of_entries][size_class])) {
		slab = cds_list_first_entry(&heap->room[of_entries][size_class], struct heap_slab,
					    node);
	} else {
		err = slab_new(heap, bytes, size_class, of_entries, &slab);
		if (err)
			goto out;
		/*
		 * After the description, before any block is given out: an entry written
		 * into a block must not be cleared away.
		 */
		slab_clear(heap, slab);
	}
	*out = block_take(heap, slab, tag);
out:
	lock_give(&heap->lock);
	return err;
}

place_t heap_take_small(struct heap *heap, uint16_t tag)
{
	struct cds_list_head *room = &heap->room[true][0];
	place_t place = 0;

	if (caa_unlikely(!lock_try(&heap->lock)))
		return 0;
	if (caa_likely(heap->blocks < heap->waiting_size && !cds_list_empty(room)))
		place = block_take(heap, cds_list_first_entry(room, struct heap_slab, node), tag);
	lock_give(&heap->lock);
	return place;
}

/*
 * Gives back a slab all of whose blocks are free. Without a new grace period: each block
 * has waited for its own, or was never linked.
 */
static void slab_drop(struct heap *heap, struct heap_slab *slab)
{
	uint32_t i;

	cds_list_del(&slab->node);
	slab_leave(heap, slab);
	if (slab->bytes <= SLAB_BYTES / 2)
		heap->slabs[slab->of_entries][slab->size_class]--;
	for (i = 0; i < slab->span; i++)
		land_return(heap->segment, slab->slab + i);
	quota_return(&heap->quota, slab->span);
	free(slab);
}

/* Where a slab goes that has one more free block. */
static __attribute__((noinline)) void slab_emptier(struct heap *heap, struct heap_slab *slab)
{
	/*
	 * A slab that is empty goes back at once: other owners may need it, and it counts
	 * for the quota. A full one comes back into the room list with its first free
	 * block.
	 */
	if (slab->blocks_free == slab->blocks)
		slab_drop(heap, slab);
	else
		cds_list_add(&slab->node, &heap->room[slab->of_entries][slab->size_class]);
}

/*
 * Frees a block in which no reader can stand. The slab goes back with its last one, also
 * to the quota.
 */
static inline __attribute__((always_inline)) void
block_return(struct heap *heap, struct heap_slab *slab, place_t place)
{
	uint64_t *free, bit;
	uint32_t block;

	if (caa_unlikely(!slab))
		return;
	block = block_of(heap, slab, place);
	/*
	 * Damage in shared memory can bring us places that are no blocks, or free ones:
	 * without this check the bitmap would give one block out twice.
	 */
	if (caa_unlikely(block >= slab->blocks || !block_is_at(heap, slab, block, place)))
		return;
	free = &slab->free[block / 64];
	bit = 1ull << block % 64;
	if (caa_unlikely(*free & bit))
		return;
	block_clear(heap, slab, place);
	if (slab->of_entries)
		slab->tags[block] = 0;
	*free |= bit;
	slab->blocks_free++;
	heap->blocks--;
	if (caa_unlikely(slab->blocks_free == slab->blocks || slab->blocks_free == 1))
		slab_emptier(heap, slab);
}

void heap_return(struct heap *heap, place_t place)
{
	lock_take(&heap->lock);
	block_return(heap, slab_of(heap, place), place);
	lock_give(&heap->lock);
}

/* With the lock. */
static inline __attribute__((always_inline)) void retire(struct heap *heap, place_t place,
							 place_t entry)
{
	struct heap_slab *slab = slab_of(heap, place);
	struct heap_waiting *waiting;
	uint16_t *tag;

	/*
	 * The block is left alone: it is of an earlier program and goes with the process, or
	 * the ring is full by damage, and losing the block is the safe side.
	 */
	if (caa_unlikely(!slab || heap->waiting_count >= heap->waiting_size))
		return;
	waiting = waiting_at(heap, heap->waiting_count++);
	waiting->place = place;
	waiting->entry = entry;
	/* Taken here, after the unlinking; see grace_stamp(). */
	waiting->stamp = grace_stamp(heap->segment);
	heap->waiting_bytes += slab->bytes;
	/* Else it is that of the first block still. */
	if (caa_unlikely(heap->waiting_count == 1) || caa_unlikely(is_much(heap)))
		set_due(heap);
	/* So a close that looks for entries with its tag does not unregister it again. */
	tag = tag_in(heap, slab, place);
	if (caa_unlikely(!tag))
		return;
	/* By damage a place may be retired twice, and is one block that waits. */
	if (caa_likely(*tag) && caa_unlikely(++slab->waits == slab->blocks))
		heap->whole_blocks += slab->blocks;
	*tag = 0;
}

static __attribute__((noinline)) void retire_slow(struct heap *heap, place_t place, place_t entry)
{
	lock_take(&heap->lock);
	retire(heap, place, entry);
	lock_give(&heap->lock);
}

void heap_retire(struct heap *heap, place_t place, place_t entry)
{
	if (caa_unlikely(!lock_try(&heap->lock))) {
		retire_slow(heap, place, entry);
		return;
	}
	retire(heap, place, entry);
	lock_give(&heap->lock);
}

/*
 * A block that is past its grace period, but named by a hazard, goes to the end of the
 * ring with a new stamp, because the ring has to stay sorted by age.
 */
static void wait_again(struct heap *heap, struct heap_waiting block)
{
	block.stamp = grace_stamp(heap->segment);
	*waiting_at(heap, heap->waiting_count++) = block;
}

/*
 * Takes back blocks from the front of the ring, up to the first whose grace period is not
 * over. The hazards are read at most once for each epoch, and only if there is something
 * to reuse.
 */
static void collect(struct heap *heap)
{
	const struct segment *s = heap->segment;
	struct grace_named named;

	/* Its list of places is long, and mostly not needed: only this field is set. */
	named.epoch = 0;
	while (heap->waiting_count) {
		struct heap_waiting block = *waiting_at(heap, 0);
		struct heap_slab *slab = slab_of(heap, block.place);

		if (!grace_is_past(s, block.stamp))
			break;
		heap->waiting_first++;
		heap->waiting_count--;
		/* Hazards name the entry, also for the block of its value. */
		if (caa_unlikely(
			    !grace_is_free(s, heap->lives, &named, block.stamp, block.entry, 1))) {
			wait_again(heap, block);
			continue;
		}
		/*
		 * NULL: by damage a place was retired twice, and its slab has been
		 * dropped since.
		 */
		if (slab)
			slab_waits_less(heap, slab);
		block_return(heap, slab, block.place);
	}
}

void heap_collect(struct heap *heap, bool hard)
{
	lock_take(&heap->lock);
	/* Cheap, and often enough: other processes advance the epoch too. */
	collect(heap);
	if (!hard && is_much(heap))
		heap_vacate(heap);
	/*
	 * One epoch at most for each call. A block needs two, so many retired at once pay
	 * for two fences together.
	 */
	if (heap->waiting_count && (hard || is_much(heap)) &&
	    !grace_advance(heap->segment, heap->lives, hard ? GRACE_AT_ONCE : GRACE_PATIENT, NULL))
		collect(heap);
	set_due(heap);
	lock_give(&heap->lock);
}
