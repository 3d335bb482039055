/* SPDX-License-Identifier: MIT */
/*
 * kreg_stat(): figures on memory, owners, and reclaiming.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "lib/process/usage.h"
#include "shm/expelled.h"
#include "shm/gift.h"
#include "shm/log.h"
#include "shm/meta.h"
#include "shm/interrupted.h"
#include "shm/quota.h"
#include "shm/row.h"

static void stat_land(struct kreg *k, struct kreg_stat *out)
{
	const struct segment *s = &k->segment;
	uint32_t slab, slabs = land_slabs(s);

	for (slab = 0; slab < slabs; slab++) {
		uint64_t word = land_owner(s, slab);

		if (land_is_retired(word)) {
			if (!grace_is_past(s, word & ~LAND_RETIRED))
				out->bytes_waiting += SLAB_BYTES;
		} else if (word) {
			owner_t owner = land_is_nobodys(word) ? gift_owner(s, slab) : word;

			if (life_is_alive(&k->lives, owner) || meta_is_in(s, slab))
				out->bytes_used += SLAB_BYTES;
			else
				out->bytes_dead += SLAB_BYTES;
		}
	}
}

/* Of several that block the epoch, the one that has done so longest. */
static void stat_slots(struct kreg *k, struct kreg_stat *out)
{
	const struct segment *s = &k->segment;
	uint32_t i, end = segment_slots(s);
	struct usage_slot slot;
	uint64_t life;

	out->held_up_ms = -1;
	for (i = 0; i < end; i++) {
		if (!usage_of_slot(k, &s->slots[i], out->epoch, &slot))
			continue;
		out->slots_used++;
		out->readers += slot.reads;
		if (!slot.blocks || (out->held_up_by && slot.held_up_ms <= out->held_up_ms) ||
		    !life_look(&k->lives, slot.owner, &life))
			continue;
		out->held_up_by = handle_pid(k, slot.owner, life);
		out->held_up_ms = slot.held_up_ms;
	}
}

static void stat_expelled(const struct segment *s, struct kreg_stat *out)
{
	struct expelled last;

	expelled_last(s, &last);
	out->expelled = load_relaxed(&s->header->expelled); /* relaxed: a figure */
	out->expelled_last = last.pid <= INT32_MAX ? (pid_t)last.pid : 0;
	out->expelled_ms = expelled_ms(last.at);
}

/* The living owner with most memory. */
static int stat_owners(struct kreg *k, struct kreg_stat *out)
{
	const struct segment *s = &k->segment;
	uint32_t seat, end = row_end(s), most = 0, entries;
	uint32_t *slabs = calloc(end + 1u, sizeof(*slabs));
	owner_t owner;
	uint64_t life;

	if (!slabs)
		return -ENOMEM;
	quota_used_by_all(s, &k->lives, slabs, end);
	for (seat = 0; seat < end; seat++) {
		if (slabs[seat] > slabs[most])
			most = seat;
	}
	owner = slabs[most] ? row_owner(s, &k->lives, most, &entries) : 0;
	if (life_look(&k->lives, owner, &life)) {
		out->bytes_owner_most = (uint64_t)slabs[most] * SLAB_BYTES;
		out->owner_most = handle_pid(k, owner, life);
	}
	free(slabs);
	return 0;
}

/*
 * The file's size in its file system, by the registry's own figures: no fd is kept that
 * fstat(2) could use.
 */
static uint64_t bytes_reserved(const struct segment *s)
{
	uint64_t slabs = land_slabs(s);
	uint64_t directory = segment_whole_pages(slabs * sizeof(struct directory_entry));
	uint64_t fixed = SEGMENT_PAGE + segment_whole_pages(segment_rows(s) * sizeof(struct row)) +
			 segment_whole_pages(segment_slots(s) * sizeof(struct slot)) +
			 (s->lives ? segment_whole_pages(s->seats * sizeof(*s->lives)) : 0);

	return fixed + table_bytes(s) + (slabs ? directory : SEGMENT_PAGE) + log_bytes(s) +
	       slabs * SLAB_BYTES;
}

int kreg_stat(struct kreg *k, struct kreg_stat *stat)
{
	UNCANCELLABLE;
	struct kreg_stat full = { 0 };
	struct segment *s;
	uint32_t owners;
	int64_t gifts;
	int err;

	err = k ? size_of_call(k, stat, "stat") : refuse(k, K_IS_NULL);
	if (err)
		return err;
	handle_is_lost(k);
	s = &k->segment;
	if (!segment_is_whole(s))
		return -ENOMEM;
	gifts = gift_sum(s, &k->lives, 0);
	if (gifts < 0)
		return (int)gifts;
	full.size = stat->size;
	full.life = k->lives.facts ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK;
	full.keys = s->header->keys;
	full.partitions = s->partitions;
	full.entries = interrupted_sum(s, &k->lives, &owners, NULL) + (uint64_t)gifts;
	full.owners = owners;
	full.seats = k->lives.seats;
	full.slots = s->slots_count;
	full.buckets =
		segment_buckets_of(load_relaxed(&s->header->buckets)); /* relaxed: a figure */
	full.epoch = load_relaxed(&s->header->epoch);                  /* relaxed: a figure */
	full.bytes_reserved = bytes_reserved(s);
	full.bytes_max = (uint64_t)s->slabs_max * SLAB_BYTES;
	full.fences = !!load_relaxed(&s->header->fence_since); /* relaxed: a figure */
	full.bytes_owner_max = (uint64_t)s->owner_slabs * SLAB_BYTES;
	stat_land(k, &full);
	stat_slots(k, &full);
	stat_expelled(s, &full);
	full.bytes_swept = load_relaxed(&s->header->swept) * SLAB_BYTES; /* relaxed: a figure */
	full.bytes_log = log_bytes(s);
	full.bytes_table = table_bytes(s);
	err = stat_owners(k, &full);
	if (err)
		return err;
	memcpy(stat, &full, full.size < sizeof(full) ? full.size : sizeof(full));
	return 0;
}
