/* SPDX-License-Identifier: MIT */
/*
 * Blocks of entries: taking, filling, giving back.
 *
 *   killed here                          what is left
 *   a block is taken, or filled          a slab of a dead owner with an entry in no list
 *   unlinked, and not retired yet        the same
 */
#include "lib/names/blocks.h"

#include <errno.h>

/* Entries up to this size hold their value; a larger value is a block of its own. */
#define ENTRY_INLINE_MAX 512u

/*
 * If there is no room, sweeps the dead, waits for a few grace periods, and tries once
 * more.
 */
static int block_take(struct kreg *k, uint32_t bytes, uint16_t tag, place_t *out)
{
	int err = heap_take(k->heap, bytes, tag, out);

	if (caa_unlikely(err) && handle_make_room(k, err))
		err = heap_take(k->heap, bytes, tag, out);
	return err;
}

/* The bytes of an entry with @behind bytes of its value behind the key. */
static uint32_t entry_bytes(uint32_t key_size, uint32_t behind, const struct content *content)
{
	return content->remote ? entry_remote_offset(key_size, behind) + content->remote_size
			       : entry_head(key_size) + behind;
}

static int blocks_take(struct kreg *k, uint32_t key_size, const struct content *content,
		       struct blocks *out)
{
	uint32_t bytes = entry_bytes(key_size, content->value_size, content);
	bool is_inline = bytes <= ENTRY_INLINE_MAX;
	int err;

	out->value = 0;
	if (!is_inline)
		bytes = entry_bytes(key_size, 0, content);
	err = block_take(k, bytes, k->number, &out->entry);
	if (err || is_inline)
		return err;
	err = block_take(k, content->value_size, 0, &out->value);
	if (err)
		heap_return(k->heap, out->entry);
	return err;
}

/* Entries that belong to the program carry its image, so they end with it. */
static uint64_t owner_of_kind(const struct kreg *k, uint32_t kind)
{
	return KIND_OF(kind) & KINDS_OF_PROGRAMS ? owner_with_image(k->self.owner, k->self.image)
						 : k->self.owner;
}

static int blocks_fill(struct kreg *k, const struct blocks *blocks, const struct query *q,
		       const struct content *content)
{
	struct segment *s = &k->segment;
	uint32_t head = entry_head(q->key_size), behind = blocks->value ? 0 : content->value_size;
	uint32_t bytes = entry_bytes(q->key_size, behind, content);
	struct entry *entry = segment_at(s, blocks->entry, bytes);
	void *target = blocks->value ? segment_at(s, blocks->value, content->value_size) : NULL;

	if (!entry || (blocks->value && !target))
		return -EUCLEAN;
	if (!target)
		target = (unsigned char *)entry + head;
	copy_in_short(entry->bytes, q->key, q->key_size);
	if (content->value_size <= COPY_SHORT_MAX)
		copy_in_short(target, content->value, content->value_size);
	else
		copy_in(target, content->value, content->value_size);
	if (content->remote)
		copy_in_short((unsigned char *)entry + bytes - content->remote_size,
			      content->remote, content->remote_size);
	/* relaxed: private until it is linked */
	store_relaxed(&entry->owner, owner_of_kind(k, content->kind));
	store_relaxed(&entry->info, /* relaxed: as above */
		      entry_info(content->kind, blocks->value, content->value_size, q->key_size));
	return 0;
}

static int gift_once(struct kreg *k, owner_t to, const struct query *q,
		     const struct content *content, struct gift_made *out)
{
	uint32_t slabs = gift_slabs(q->key_size, content->value_size);
	int err = heap_gift_begin(k->heap, slabs);

	if (err)
		return err;
	err = gift_make(&k->segment, &k->lives, &k->self, to, q, content->kind, content->value,
			content->value_size, out);
	heap_gift_end(k->heap, err ? slabs : 0);
	return err;
}

int blocks_gift(struct kreg *k, owner_t to, const struct query *q, const struct content *content,
		struct gift_made *out)
{
	int err = gift_once(k, to, q, content, out);

	if (handle_make_room(k, err))
		err = gift_once(k, to, q, content, out);
	/* It closes, and may not have seen the gift: see gift.c. */
	if (!err && row_has_closed(&k->segment, to)) {
		gift_drop(&k->segment, out);
		err = -ESRCH;
	}
	return err;
}

int blocks_make(struct kreg *k, const struct query *q, const struct content *content,
		struct blocks *out)
{
	int err;

	out->gift.place = 0;
	if (caa_unlikely(content->kind & (ENTRY_DROP | ENTRY_GIFT))) {
		out->value = 0;
		err = blocks_gift(k, k->self.owner, q, content, &out->gift);
		out->entry = out->gift.place;
		return err;
	}
	err = blocks_take(k, q->key_size, content, out);
	if (err)
		return err;
	err = blocks_fill(k, out, q, content);
	if (err)
		blocks_return(k, out);
	return err;
}

bool blocks_set_flags(struct kreg *k, const struct blocks *blocks, uint32_t flags)
{
	struct entry *entry = segment_entry(&k->segment, blocks->entry);
	uint64_t info;

	if (!entry)
		return true;
	info = load_relaxed(&entry->info); /* relaxed: private until it is linked */
	if ((entry_flags(info) | flags) & ENTRY_DROP)
		return entry_flags(info) == flags;
	info &= ~((uint64_t)ENTRY_REPLACEABLE << ENTRY_KIND_SHIFT);
	/* relaxed: as above */
	store_relaxed(&entry->info, info | (uint64_t)flags << ENTRY_KIND_SHIFT);
	return true;
}

int blocks_follow(struct kreg *k, place_t place, const struct found *from)
{
	const struct segment *s = &k->segment;
	const struct entry *entry = segment_entry(s, place);
	unsigned char bytes[COPY_SHORT_MAX];
	const unsigned char *source, *target;
	uint32_t size, room, at, part;

	if (!entry)
		return -EUCLEAN;
	source = entry_value(s, from->entry, from->info, &size);
	/* relaxed: private until it is linked */
	target = entry_value(s, entry, load_relaxed(&entry->info), &room);
	if (!source || !target)
		return segment_fault(s);
	if (size != room)
		return -EAGAIN;
	for (at = 0; at < size; at += part) {
		part = size - at < sizeof(bytes) ? size - at : (uint32_t)sizeof(bytes);
		copy_out(bytes, source + at, part);
		copy_in((void *)(uintptr_t)(target + at), bytes, part);
	}
	return 0;
}

void blocks_linked(struct kreg *k, struct blocks *blocks)
{
	if (blocks->gift.place)
		gift_linked(&k->segment, &blocks->gift);
	*blocks = (struct blocks){ 0 };
}

void blocks_return(struct kreg *k, const struct blocks *blocks)
{
	if (blocks->gift.place) {
		gift_drop(&k->segment, &blocks->gift);
		return;
	}
	if (blocks->value)
		heap_return(k->heap, blocks->value);
	/*
	 * It was in no list, but perhaps in the index: a process that cleans a line there may
	 * have named it, and relies on it staying an entry.
	 */
	if (blocks->entry)
		heap_retire(k->heap, blocks->entry, blocks->entry);
}

void blocks_retire_all(struct kreg *k, const struct writer *w, place_t place, uint64_t info)
{
	place_t value = entry_value_place(info);

	if (!place)
		return;
	if (entry_is_gift(info)) {
		gift_sweep(w, segment_slab_of(&k->segment, place));
		return;
	}
	heap_retire(k->heap, place, place);
	if (value)
		heap_retire(k->heap, value, place);
}
