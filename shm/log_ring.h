/* SPDX-License-Identifier: MIT */
/*
 * The ring of a log: where a record lies in it, and how its writer fills one in. Inline, because
 * while somebody listens each registration and each end of one writes a record.
 *
 * Promises  as log_write(), in the order of the steps in the head of log.c.
 * Needs     the same.
 * Context   the same.
 * Used by   log.c, lib/names/tell.c.
 */
#ifndef KREG_SHM_LOG_RING_H
#define KREG_SHM_LOG_RING_H

#include "shm/copy.h"
#include "shm/log.h"

static inline unsigned char *log_ring(const struct segment *s, uint32_t seat)
{
	return s->logs + (uint64_t)seat * s->log_bytes;
}

/* Where @position is in the ring, in bytes. Positions are in units, and wrap after 64 GiB. */
static inline uint32_t log_offset(const struct segment *s, uint64_t position)
{
	return (uint32_t)position * LOG_UNIT & (s->log_bytes - 1);
}

static inline uint32_t log_record_bytes(const struct log_event *event)
{
	uint32_t more = log_has_other(event->type) ? sizeof(owner_t) : 0;

	return ((uint32_t)sizeof(struct log_record) + more + event->key_size + event->value_size +
		LOG_UNIT - 1) &
	       ~(LOG_UNIT - 1);
}

/* Whether such a record is published before the change happens. */
static inline bool log_is_announced(uint32_t type)
{
	return type == LOG_UNREGISTER || log_has_other(type);
}

/* Step 1: what is in front of @end may be overwritten from here on. */
static inline void log_claim(struct row *row, uint32_t type, uint32_t number, uint32_t end)
{
	/* relaxed: we alone write it */
	uint32_t claimed = (uint32_t)load_relaxed(&row->log_claimed);
	uint64_t unsettled = log_is_announced(type) ? (uint64_t)number + 1 : 0;

	/*
	 * An earlier holder of the seat, or an earlier program, may have claimed more and
	 * been killed in step 2. Claimed must not decrease: a reader could take bytes that
	 * were overwritten then for intact.
	 */
	if ((int32_t)(claimed - end) < 0)
		claimed = end;
	/* relaxed: the fence below orders it */
	store_relaxed(&row->log_claimed, unsettled << 32 | claimed);
	/*
	 * ORD[log_claim:A] release: the claim, then the bytes: a reader that has copied
	 * bytes of the next round sees the claim; pairs with log_copy:A, look_log:B,
	 * log_begin_unsettled:B
	 */
	cmm_smp_wmb();
}

/*
 * Step 2. The caller has claimed and reserved the @bytes at @at. Field by field: a record made
 * elsewhere and copied would be loaded by words that are wider than what was stored just before,
 * for which a CPU waits.
 */
static inline __attribute__((always_inline)) void log_fill(unsigned char *at,
							   const struct log_event *event,
							   uint32_t bytes, uint32_t number,
							   uint64_t stamp)
{
	struct log_record *record = (struct log_record *)at;

	/* relaxed: all of them between log_claim:A and log_publish:A */
	store_relaxed(&record->bytes, bytes);
	store_relaxed(&record->type, (uint8_t)event->type);
	store_relaxed(&record->key_size, (uint8_t)event->key_size);
	store_relaxed(&record->flags, (uint16_t)event->flags);
	/* relaxed: as above */
	store_relaxed(&record->number, number);
	store_relaxed(&record->value_size, event->value_size);
	store_relaxed(&record->stamp, stamp);
	store_relaxed(&record->owner, event->owner);
	/* relaxed: as above */
	store_relaxed(&record->image, event->image);
	store_relaxed(&record->pid, event->pid);
	store_relaxed(&record->place, event->place);
	store_relaxed(&record->before, event->before);
	at += sizeof(*record);
	if (log_has_other(event->type)) {
		copy_in(at, &event->other, sizeof(event->other));
		at += sizeof(event->other);
	}
	copy_in_short(at, event->key, event->key_size);
	at += event->key_size;
	if (event->value_size <= COPY_SHORT_MAX)
		copy_in_short(at, event->value, event->value_size);
	else
		copy_in(at, event->value, event->value_size);
}

/* Step 3: @published is how far it went before, and @units what this record has of the ring. */
static inline void log_publish(struct row *row, uint64_t published, uint64_t units)
{
	uint64_t number = (published >> 32) + 1;

	/*
	 * ORD[log_publish:A] release: the record, then the end of what may be read; pairs
	 * with log_published:A, look_log:A
	 */
	store_release(&row->log_published,
		      number << 32 | (uint32_t)(published + units)); /* happens here */
}

/* How far behind a record lines are fetched for those to come: that far a CPU writes in some 100 ns. */
#define LOG_AHEAD 128u

/*
 * log_write() of a record for which the ring has room without a look at anything else. False: it
 * has none, or the value is long, and nothing was done.
 */
static inline __attribute__((always_inline)) bool log_write_quick(const struct segment *s,
								  const struct log_event *event,
								  uint64_t stamp,
								  const struct log_use *use)
{
	uint32_t seat = owner_seat(event->owner), bytes = log_record_bytes(event);
	struct row *row = &s->rows[seat];
	uint64_t published = load_relaxed(&row->log_published); /* relaxed: we alone write it */
	uint32_t offset = log_offset(s, published), units = bytes / LOG_UNIT;
	unsigned char *at = log_ring(s, seat) + offset;

	/* Not at the ring's beginning either: nothing is ready then. */
	if (caa_unlikely(offset + bytes > use->ready || event->value_size > COPY_SHORT_MAX))
		return false;
	log_claim(row, event->type, (uint32_t)(published >> 32), (uint32_t)published + units);
	log_fill(at, event, bytes, (uint32_t)(published >> 32), stamp);
	log_publish(row, published, units);
	/* So far ahead that they are here when their records are: a listener has read them last. */
	copy_in_soon(at + bytes + LOG_AHEAD);
	copy_in_soon(at + bytes + LOG_AHEAD + LINE_BYTES);
	return true;
}

/* log_write(), for those that write most records: what is in *event is kept in registers. */
static inline __attribute__((always_inline)) void log_write_inline(const struct segment *s,
								   const struct log_event *event,
								   uint64_t stamp,
								   struct log_use *use)
{
	struct log_event other;

	if (caa_likely(log_write_quick(s, event, stamp, use)))
		return;
	/* A copy, so that only this way needs one in memory. */
	other = *event;
	log_write(s, &other, stamp, use);
}

#endif
