/* SPDX-License-Identifier: MIT */
/*
 * Each seat has a ring that only its holder writes, so two writers share nothing but
 * the counter for stamps, and a writer that is killed leaves an unfinished record that
 * was never published. Two words of the row tell how far it is:
 *
 *   63                 32 31                    0
 *  +---------------------+-----------------------+
 *  | number of the next  | end, in units         |   log_published: readers go this far
 *  +---------------------+-----------------------+
 *  | unsettled, or 0     | end, in units         |   log_claimed: what may be overwritten now
 *  +---------------------+-----------------------+
 *
 *   step                                      killed here
 *   1 claimed goes up                         nothing: readers do not look behind published
 *   2 the record is written                   the same; the next holder of the seat writes there
 *   3 published goes up: readers see it       it stays published, and counts after the death
 *
 * In this order: 2 before 1 would overwrite a record that a reader is copying, and the
 * reader could not know; 3 before 2 would show it the bytes of the round before.
 *
 * A ring has room for what a writer at 300,000 events a second does while a reader does
 * not get a CPU for some 50 ms. A slower writer needs less, and takes less memory: it turns
 * early. Before it takes more of the ring than it has in use, it looks when it began the
 * round; if that is KEEP_NS ago, it begins the next one, otherwise it doubles what is in use.
 * The positions that it leaves out count as written, so nothing else changes:
 *
 *   0      LOG_UNIT                          in use                    log_bytes of the segment
 *  +------+---------+---------+-----+-------+----------------------------+
 *  | head | record  | record  | ... | turn  |                            |
 *  +------+---------+---------+-----+-------+----------------------------+
 *
 * No record continues at the beginning, so each is in one piece; the last of a round is
 * a turn, which has no number of its own and is published with the record behind it.
 *
 *   killed here                               what is left
 *   after the turn, before step 3             nothing, as in step 2: its record is written again
 *
 * A reader copies a record and loads claimed afterwards: if that has gone more than a
 * ring beyond the record's start, the copy is void, and the numbers tell how many
 * records were missed. Nobody waits for a reader.
 *
 * Stamps order the records of different seats for one key. A registration takes its
 * stamp after it has happened, an unregistration before: so for a key that goes from
 * one owner to another the stamps increase, and all earlier records are published when
 * a later one is. A reader that reads the counter first, then the logs, and keeps
 * records with a later stamp for the next round, sees each key's records in order.
 *
 * An unregistration is published before it happens, because its owner may be killed in
 * between and would never report it; log_settle() records that it has happened.
 * log_claimed tells which record is unsettled, by the number of the record after it. So
 * a reader decides about a record that announces:
 *
 *   the writer                    the record           the entry in the table
 *   is dead                       any                  any                       it has happened
 *   the program that has          settled              any                       it has happened
 *   written it still runs         not settled          marked                    it has happened
 *                                 not settled          there                     not yet: ask again
 *   has called exec               any: the next        marked, or another one    it has happened
 *                                 program does not     there                     it never will:
 *                                 settle it                                      no record
 *
 * The look at the entry is not misled by reuse of its block. Only the owner retires the
 * block, after it has settled the record; blocks of a program that has called exec are
 * not reused before its process ends.
 *
 * A LOG_GIVE that replaces nothing (log.h) has happened once the list leads to the entry, and
 * is announced although it begins something: its writer may be killed behind it, while what it
 * has registered goes on with its living owner. Of two processes that end one gift both have
 * announced that, and one has. So a record about what is another owner's says only that the
 * table may have changed: its reader asks the table for that very entry.
 */
#include "shm/log.h"

#include <errno.h>

#include "base/clock.h"
#include "shm/log_ring.h"
#include "shm/query.h"
#include "shm/row.h"
#include "shm/table.h"

/* The step by which a ring's memory is reserved: one call for 16 KiB. */
#define RESERVE_STEP 16384u
/* What each writer takes before it turns, and how long it does not overwrite a record if it can. */
#define LIMIT_FIRST LOG_BYTES_LEAST
#define KEEP_NS 50000000u
/* How often a search may be overtaken before the reader asks again later. */
#define LINKED_TRIES 16

/* The position behind the head of the next round. */
static uint64_t next_round(const struct segment *s, uint64_t position)
{
	return (position | (LOG_UNITS(s) - 1)) + 1 + sizeof(struct log_head) / LOG_UNIT;
}

uint64_t log_stamps(const struct segment *s)
{
	/*
	 * ORD[log_stamps:A] acquire: the stamps, then the logs, in which all earlier
	 * records of a key are published; pairs with log_stamp:A
	 */
	return load_acquire(&s->header->stamp);
}

/* How much of a ring is reserved once @end bytes of it have been written. */
static uint64_t ring_reserved(const struct segment *s, uint64_t end)
{
	end = (end + RESERVE_STEP - 1) / RESERVE_STEP * RESERVE_STEP;
	return end < s->log_bytes ? end : s->log_bytes;
}

/*
 * Reserves the ring up to @end; the first round through the ring does so a step at a time,
 * later rounds find all of it. A write to memory that is not reserved would be SIGBUS on a
 * full file system. False: there is no room; the caller goes on without the record.
 *
 * It reserves from the ring's beginning: use->known is of this process, and an earlier
 * holder of the seat may have left the position anywhere.
 */
static bool log_reserve(const struct segment *s, uint32_t seat, uint32_t end, struct log_use *use)
{
	struct log_head *head = (struct log_head *)log_ring(s, seat);
	uint64_t step = ring_reserved(s, end);

	if (caa_likely(end <= use->known))
		return true;
	if (segment_reserve(s, s->logs_offset + (uint64_t)seat * s->log_bytes, step))
		return false;
	use->known = (uint32_t)step;
	if (load_relaxed(&head->reserved) < step)     /* relaxed: a figure */
		store_relaxed(&head->reserved, step); /* relaxed: as above */
	return true;
}

/*
 * Whether a record of @bytes at @offset has to be the next round's first. A writer always
 * leaves room for a turn.
 */
static bool log_turns(const struct segment *s, struct log_use *use, uint32_t offset, uint32_t bytes)
{
	uint64_t now;

	if (caa_likely(offset + bytes + sizeof(struct log_record) <= use->limit))
		return false;
	now = clock_now();
	while (use->limit < s->log_bytes && now - use->since < KEEP_NS) {
		use->limit *= 2;
		if (offset + bytes + sizeof(struct log_record) <= use->limit)
			return false;
	}
	use->since = now;
	return true;
}

/*
 * Where a record of @bytes goes, in *position; the memory for it and for a turn behind it is
 * reserved. False: there is none.
 */
static bool __attribute__((noinline))
log_make_room(const struct segment *s, uint32_t seat, uint32_t bytes, struct log_use *use,
	      uint64_t *position)
{
	uint32_t offset = log_offset(s, *position);
	uint64_t start = *position;

	if (!use->limit) {
		use->limit = LIMIT_FIRST;
		use->since = clock_now();
	}
	if (!offset)
		start += sizeof(struct log_head) / LOG_UNIT;
	else if (log_turns(s, use, offset, bytes))
		start = next_round(s, start);
	if (!log_reserve(s, seat, offset + sizeof(struct log_record), use) ||
	    !log_reserve(s, seat, log_offset(s, start) + bytes, use))
		return false;
	use->ready = use->known < use->limit ? use->known : use->limit;
	use->ready -= sizeof(struct log_record);
	*position = start;
	return true;
}

/*
 * Writes what leads from @position to the next round; a ring's first record needs none. Without
 * room for it the position is no writer's, and log_read() there is -EUCLEAN.
 */
static void __attribute__((noinline))
log_fill_turn(const struct segment *s, owner_t owner, uint32_t number, uint64_t position)
{
	const struct log_record turn = {
		.bytes = sizeof(turn), .type = LOG_TURN, .number = number, .owner = owner
	};
	uint32_t offset = log_offset(s, position);

	if (offset && offset + sizeof(turn) <= s->log_bytes)
		copy_in(log_ring(s, owner_seat(owner)) + offset, &turn, sizeof(turn));
}

/*
 * Steps 1 to 3 of the head, in this process's program; exec between them leaves what a
 * death leaves. One thread at a time: the words are stored, not CASed, because nobody
 * else writes.
 */
void log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
	       struct log_use *use)
{
	uint32_t seat = owner_seat(event->owner);
	struct row *row = &s->rows[seat];
	uint64_t published = load_relaxed(&row->log_published); /* relaxed: we alone write it */
	uint64_t position = (uint32_t)published, start = position, units = 0;
	uint32_t number = (uint32_t)(published >> 32);
	uint32_t bytes = log_record_bytes(event);

	/* Without memory: a number without a record, which readers count as missed. */
	if (log_make_room(s, seat, bytes, use, &start)) {
		units = start - position + bytes / LOG_UNIT;
		log_claim(row, event->type, number, (uint32_t)(position + units));
		if (start != position)
			log_fill_turn(s, event->owner, number, position);
		log_fill(log_ring(s, seat) + log_offset(s, start), event, bytes, number, stamp);
	}
	log_publish(row, published, units);
}

/*
 * Clears the number of the unsettled record and keeps the end. A kill before it is no
 * loss: with the owner's death, or its image's end, readers decide without the word.
 */
void log_settle(const struct segment *s, owner_t owner)
{
	uint64_t *claimed = &s->rows[owner_seat(owner)].log_claimed;

	/*
	 * ORD[log_settle:A] release: the unregistration, then the word that it is done:
	 * a reader that sees it settled finds the entry gone; pairs with
	 * log_copy:B, log_begin_unsettled:A, log_begin_unsettled:C
	 */
	store_release(claimed, load_relaxed(claimed) & 0xffffffffull); /* relaxed: our own */
}

static uint64_t log_published(const struct segment *s, uint32_t seat)
{
	/*
	 * ORD[log_published:A] acquire: how far it goes, then the records; pairs with
	 * log_publish:A
	 */
	return load_acquire(&row_look(s, seat)->log_published);
}

/* Puts the reader behind the last record that is @published. */
static void log_end(uint64_t published, struct log_reader *reader)
{
	reader->position = (uint32_t)published;
	reader->number = published >> 32;
}

/*
 * Where the last record that is @published begins, in *position, and what it is. Records do not
 * lead to the one in front, but from the beginning of a round on each leads to the next. False:
 * what is there is no such record.
 */
static bool log_last(const struct segment *s, uint32_t seat, uint64_t published,
		     struct log_record *record, uint64_t *position)
{
	uint32_t end = log_offset(s, published), at = sizeof(struct log_head);

	if (!segment_see_logs(s, seat))
		return false;
	while (at < end && end - at >= sizeof(*record)) {
		copy_out(record, log_ring(s, seat) + at, sizeof(*record));
		if (record->bytes < sizeof(*record) || record->bytes % LOG_UNIT ||
		    record->bytes > end - at)
			return false;
		*position = (uint32_t)((uint32_t)published - (end - at) / LOG_UNIT);
		at += record->bytes;
		if (at == end)
			return record->number == (uint32_t)((published >> 32) - 1);
	}
	return false;
}

/*
 * Puts the reader in front of the last record if that announces a change which may still come:
 * the reader's look at the table may be earlier than the change. False, and nothing is done:
 * there is none. Where the program has ended, the
 * change has happened by now, or never will; and if the word has changed after the walk, it had
 * happened by then: a later look at the table shows what has become of it.
 */
static bool log_begin_unsettled(const struct segment *s, const struct life_table *lives,
				uint32_t seat, uint64_t published, struct log_reader *reader)
{
	const uint64_t *word = &row_look(s, seat)->log_claimed;
	/*
	 * ORD[log_begin_unsettled:A] acquire: that it is settled, then the table; pairs with
	 * log_settle:A
	 */
	uint64_t claimed = load_acquire(word), position;
	struct log_record record;

	if (!(claimed >> 32) || claimed >> 32 != published >> 32 ||
	    !log_last(s, seat, published, &record, &position) || !log_is_announced(record.type) ||
	    owner_seat(record.owner) != seat ||
	    !life_image_is_alive(lives, owner_with_image(record.owner, record.image)))
		return false;
	/*
	 * ORD[log_begin_unsettled:B] acquire: the records, then whether their writer has gone on;
	 * pairs with log_claim:A
	 */
	fence_acquire();
	/* ORD[log_begin_unsettled:C] acquire: as log_begin_unsettled:A; pairs with log_settle:A */
	if (load_acquire(word) != claimed)
		return false;
	reader->position = position;
	reader->number = record.number;
	return true;
}

void log_begin(const struct segment *s, const struct life_table *lives, uint32_t seat,
	       struct log_reader *reader)
{
	uint64_t published = log_published(s, seat);

	if (!log_begin_unsettled(s, lives, seat, published, reader))
		log_end(published, reader);
}

/*
 * Whether the record with @number was settled when @batch was copied. Only the last
 * announcing record can be unsettled: the writer settles it before it announces another
 * one.
 */
static bool log_is_settled(const struct log_batch *batch, uint64_t number)
{
	return (uint32_t)(batch->claimed >> 32) != (uint32_t)(number + 1);
}

/*
 * Copies what is published from the reader's position on, as much of it as fits and is in
 * one piece. False: it was overwritten meanwhile, or this process may not touch the log; then
 * the batch holds garbage. The check follows the copy: before it, the writer could claim the
 * bytes in between.
 */
static bool log_copy(const struct segment *s, uint32_t seat, const struct log_reader *reader,
		     struct log_batch *batch)
{
	uint32_t offset = log_offset(s, reader->position);
	uint32_t units = (uint32_t)batch->published - (uint32_t)reader->position;
	uint32_t bytes = units < LOG_UNITS(s) ? units * LOG_UNIT : s->log_bytes;

	if (bytes > s->log_bytes - offset)
		bytes = s->log_bytes - offset;
	if (bytes > LOG_BATCH_MAX)
		bytes = LOG_BATCH_MAX;
	if (!segment_see_logs(s, seat))
		return false;
	copy_out(batch->bytes, log_ring(s, seat) + offset, bytes);
	batch->position = (uint32_t)reader->position;
	batch->size = bytes;
	/*
	 * ORD[log_copy:A] acquire: the bytes, then what may have been overwritten;
	 * pairs with log_claim:A
	 */
	fence_acquire();
	/*
	 * ORD[log_copy:B] acquire: that a record is settled, then the entry and the image;
	 * pairs with log_settle:A
	 */
	batch->claimed = load_acquire(&s->rows[seat].log_claimed);
	return (uint32_t)batch->claimed - (uint32_t)reader->position <= LOG_UNITS(s);
}

/* Begins again, and reports how many records were missed. */
static int log_skip(const struct segment *s, const struct life_table *lives, uint32_t seat,
		    struct log_reader *reader, uint64_t *lost)
{
	uint64_t published = log_published(s, seat), number = reader->number;

	/* One that cannot be read must not be begun with again and again. */
	if (!log_begin_unsettled(s, lives, seat, published, reader) ||
	    (int32_t)((uint32_t)reader->number - (uint32_t)number) <= 0)
		log_end(published, reader);
	*lost = (uint32_t)(reader->number - number);
	return -EOVERFLOW;
}

/*
 * Whether the entry whose end @record announces is still in the list. Its block may be
 * in use for another entry by now, so owner, kind and key are compared too.
 */
static bool entry_is_there(const struct segment *s, const struct log_record *record)
{
	place_t place = record->type == LOG_GIVE ? record->before : record->place;
	const unsigned char *key = log_key(record);
	struct entry *entry = segment_entry(s, place);
	owner_t owner;
	uint64_t info;

	/* Not mapped here: as if it were there, so settling or the death decides. */
	if (!entry && !segment_is_whole(s))
		return true;
	/* A mark is enough; the comparison below finds a reused block. */
	if (!entry || (table_load(&entry->next) & REF_MARK))
		return false;
	info = load_relaxed(&entry->info);   /* relaxed: behind the link */
	owner = load_relaxed(&entry->owner); /* relaxed: the same */
	return (owner == record->owner || owner == log_other(record)) &&
	       entry_is_of(info, KINDS_OF_NAMES) &&
	       entry_has_key(s, entry, info, key, record->key_size);
}

/*
 * Whether the list leads to the entry that @record announces. The entry alone does not show
 * whether it was linked. False also if the memory changed too quickly: the reader asks again.
 */
static bool entry_is_linked(const struct segment *s, const struct life_table *lives,
			    const struct log_record *record)
{
	struct query q = table_query_of(s, log_other(record), log_key(record), record->key_size);
	struct found found;
	uint32_t tries;

	q.owner = log_other(record);
	for (tries = 0; tries < LINKED_TRIES; tries++) {
		uint64_t epoch = grace_peek(s);
		int err = table_find_at(s, lives, &q, record->place, &found);

		if (grace_peek_held(s, epoch))
			return !err;
	}
	return false;
}

static bool change_is_made(const struct segment *s, const struct life_table *lives,
			   const struct log_record *record)
{
	if (record->type == LOG_GIVE && !record->before)
		return entry_is_linked(s, lives, record);
	return !entry_is_there(s, record);
}

/* What a reader makes of a record, by the table of the head. */
enum happened { HAS_HAPPENED, NOT_YET, NEVER };

/*
 * Decides about @record, which the reader has copied. The life comes first: a dead
 * owner's record counts whatever the table shows. The image is looked at after the
 * settled word: if the program still runs then, the word was its own, and not one that
 * the next program of the process has written since.
 */
static enum happened has_happened(const struct segment *s, const struct life_table *lives,
				  const struct log_batch *batch, struct log_reader *reader,
				  const struct log_record *record)
{
	bool settled, runs;

	reader->is_settled = false;
	if (!log_is_announced(record->type))
		return HAS_HAPPENED;
	if (!life_is_alive(lives, record->owner)) {
		/* In the fallback a thread of the dead may run for another instant; see grace.c. */
		if (log_has_other(record->type) && !lives->facts)
			grace_fence();
		return HAS_HAPPENED;
	}
	settled = log_is_settled(batch, reader->number);
	runs = life_image_is_alive(lives, owner_with_image(record->owner, record->image));
	reader->is_settled = settled && runs;
	if (reader->is_settled || change_is_made(s, lives, record))
		return HAS_HAPPENED;
	return runs ? NOT_YET : NEVER;
}

/*
 * Whether the record's numbers can be, so that copying it stays within @room. Processes
 * that may write the registry can write anything into a log; an owner of another seat
 * would let one of them report changes of others.
 */
static bool record_is_sound(const struct log_record *record, uint32_t seat)
{
	uint64_t more = log_has_other(record->type) ? sizeof(owner_t) : 0;

	return record->bytes % LOG_UNIT == 0 && record->bytes <= LOG_RECORD_MAX &&
	       record->value_size <= ENTRY_VALUE_MAX &&
	       sizeof(*record) + more + record->key_size + record->value_size <= record->bytes &&
	       owner_seat(record->owner) == seat;
}

/* The next record in @batch, if all of it is there. */
static const struct log_record *batch_record(const struct log_batch *batch,
					     const struct log_reader *reader)
{
	uint64_t at = (uint64_t)((uint32_t)reader->position - batch->position) * LOG_UNIT;
	const struct log_record *record;

	if (at + sizeof(*record) > batch->size)
		return NULL;
	record = (const struct log_record *)(batch->bytes + at);
	return at + record->bytes <= batch->size ? record : NULL;
}

/*
 * The next record, in a copy of the log. Numbers, not positions, tell whether there is one: a
 * record without memory has a number only. A position that cannot be, or a record with
 * another number, means that the writer has lapped the reader. 1; 0: there is none;
 * -EOVERFLOW; -EUCLEAN.
 */
static int log_next(const struct segment *s, uint32_t seat, struct log_reader *reader,
		    struct log_batch *batch, const struct log_record **record)
{
	if (!batch->published)
		batch->published = log_published(s, seat);
	if ((uint32_t)(batch->published >> 32) == (uint32_t)reader->number)
		return 0;
	if (!log_offset(s, reader->position))
		reader->position += sizeof(struct log_head) / LOG_UNIT;
	if ((uint32_t)batch->published == (uint32_t)reader->position ||
	    (uint32_t)batch->published - (uint32_t)reader->position > LOG_UNITS(s))
		return -EOVERFLOW;
	*record = batch_record(batch, reader);
	if (!*record && !log_copy(s, seat, reader, batch))
		return -EOVERFLOW;
	if (!*record)
		*record = batch_record(batch, reader);
	if (!*record)
		return -EUCLEAN;
	return (*record)->number == (uint32_t)reader->number ? 1 : -EOVERFLOW;
}

int log_read(const struct segment *s, const struct life_table *lives, uint32_t seat,
	     struct log_reader *reader, struct log_batch *batch, const struct log_record **record,
	     uint64_t *lost)
{
	enum happened happened = NEVER;
	int got;

	reader->is_early = false;
	while (happened == NEVER) {
		got = log_next(s, seat, reader, batch, record);
		if (got == -EOVERFLOW)
			return log_skip(s, lives, seat, reader, lost);
		if (got <= 0 || !record_is_sound(*record, seat)) {
			if (got)
				log_end(log_published(s, seat), reader);
			return got ? -EUCLEAN : 0;
		}
		if ((*record)->type == LOG_TURN) {
			reader->position = (uint32_t)next_round(s, reader->position);
			continue;
		}
		happened = has_happened(s, lives, batch, reader, *record);
		reader->is_early = happened == NOT_YET;
		if (reader->is_early)
			return 0;
		reader->position = (uint32_t)(reader->position + (*record)->bytes / LOG_UNIT);
		reader->number = (uint32_t)(reader->number + 1);
	}
	return 1;
}
