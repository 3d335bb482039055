/* SPDX-License-Identifier: MIT */
/*
 * Logs: what the holder of each seat has done, for listeners.
 *
 * Each seat has a ring buffer with one writer. One ring for all seats would make writers
 * contend, and a writer that is stopped or killed in it would delay every other process.
 *
 * Promises  a writer waits for nobody, and writes nothing when nobody listens; a reader
 *           that is too slow learns how many records it has missed; what a dead owner
 *           has published is still there. An announced change is reported as soon as it
 *           has happened, although its writer is stopped or has called exec.
 * Needs     log_write(): one thread of the process at a time; earlier changes to its
 *           key made and published, or not begun.
 * Context   any thread; lock-free; a system call if a listener sleeps, or the log grows.
 * Used by   lib/names/tell.c, lib/events/listen.c.
 *
 * Files: log.c records, log_ring.h how they are written, log_listeners.c who reads them,
 * log_bytes.c their memory.
 */
#ifndef KREG_SHM_LOG_H
#define KREG_SHM_LOG_H

#include <stdalign.h>
#include <string.h>

#include "shm/bell.h"

/*
 * LOG_GIVE: the entry at @before was the writer's, or @other's already; 0: there was none, the
 * writer registers a name for it.
 */
enum log_type {
	LOG_REGISTER = 1, /* the entry was linked, or published */
	LOG_UNREGISTER,   /* it is about to be unregistered; until log_settle() it may be there */
	LOG_UPDATE,       /* it has replaced another entry */
	LOG_GIVE,         /* it is about to become @other's; as LOG_UNREGISTER */
	LOG_TAKE,         /* @other's entry is about to be ended; as LOG_UNREGISTER */
	LOG_RESYNC,       /* many of the owner's entries went, without a record for each */
	LOG_TURN,         /* no event: the next record is at the beginning of the ring */
};

#define LOG_WAITING 1u  /* a name that is in line behind other entries */
#define LOG_FRONT 2u    /* a name that was taken over: the last holder is behind it */
#define LOG_SILENT 4u   /* an update of what listeners are not told: the flags */
#define LOG_REFUSED 8u  /* LOG_GIVE: it was made, and the new owner had closed by then */
#define LOG_SETTLED 16u /* LOG_GIVE, set by the reader: it is certain that it was made */

/*
 * Whether there may be a listener. Called after the change, with a full fence between:
 * then either this returns true, or the listener's first look at the entries sees the
 * change.
 */
static inline bool log_is_wanted(const struct segment *s)
{
	return caa_unlikely(load_relaxed(&s->header->listening) & 1); /* relaxed: see above */
}

/* A change to be recorded; private to the caller, and copied by log_write(). */
struct log_event {
	enum log_type type;
	uint32_t flags;
	owner_t owner;
	owner_t other; /* LOG_GIVE: the new owner; LOG_TAKE: the entry's */
	uint32_t pid, image;
	place_t place, before;
	const void *key, *value;
	uint32_t key_size, value_size;
};

/*
 * The next stamp; stamps order the records of a key across seats. To be taken after a
 * registration and before an unregistration.
 */
static inline uint64_t log_stamp(const struct segment *s)
{
	/*
	 * ORD[log_stamp:A] acq_rel: what has happened to the key before, then its
	 * stamp; pairs with log_stamp:A in the next change of the key, log_stamps:A
	 */
	return fetch_add_acq_rel(&s->header->stamp, 1);
}

/* How a process uses its log; private to it, all 0 at first, and only for log_write(). */
struct log_use {
	uint32_t known; /* bytes that are known to be reserved: saves a system call a record */
	uint32_t limit; /* bytes of the ring that are in use; 0: not known yet */
	uint32_t ready; /* up to there a record needs no look at them: a turn fits behind it */
	uint64_t since; /* when the ring's beginning was written last */
};

/* Publishes a record of @event. Without memory it counts as missed. */
void log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
	       struct log_use *use);

/* Records that what LOG_UNREGISTER or LOG_GIVE has announced is done. */
void log_settle(const struct segment *s, owner_t owner);

/*
 * Wakes the listeners: after log_write(), and right after a CAS behind it, as lock_give() of the
 * lock that it needs.
 */
static inline void log_tell_after_cas(const struct segment *s)
{
	bell_ring_after_cas(&s->header->news);
}

/* A ring in units, and how much of one is copied at once; a record always fits. */
#define LOG_UNITS(s) ((s)->log_bytes / LOG_UNIT)
#define LOG_BATCH_MAX LOG_RECORD_MAX

/* A reader's position in one seat's log; private to the reader: no writer looks at it. */
struct log_reader {
	uint64_t position; /* in units of LOG_UNIT */
	uint64_t number;   /* of the next record */
	bool is_early;     /* the next record announces a change that has not happened yet */
	bool is_settled;   /* its writer has said that what the last record announced is done */
};

/*
 * What was copied of one log at once, so that a reader takes the line of the two words
 * that the writer needs for each record once, and not for each record. Private; all 0
 * before the first look at a log.
 */
struct log_batch {
	uint64_t published, claimed; /* as of the copy; published 0: nothing was copied yet */
	uint32_t position;           /* of the first unit in @bytes */
	uint32_t size;               /* of what is in @bytes */
	alignas(LOG_UNIT) unsigned char bytes[LOG_BATCH_MAX];
};

/*
 * Puts the reader at the end of what is published, or in front of the last record if that
 * announces a change that is not settled. The reader looks at the table afterwards: what is not in
 * a record from there on, the table shows.
 */
void log_begin(const struct segment *s, const struct life_table *lives, uint32_t seat,
	       struct log_reader *reader);

/*
 * *record: the next of those that were published when @batch was begun, with what follows
 * it, in @batch. 1; 0: there is none, or one that has not happened yet, for which the caller
 * asks again with a new batch (is_early); -EOVERFLOW: *lost records were missed, and the
 * reader has begun again, as by log_begin(); -EUCLEAN: damage, and the reader is at the end.
 */
int log_read(const struct segment *s, const struct life_table *lives, uint32_t seat,
	     struct log_reader *reader, struct log_batch *batch, const struct log_record **record,
	     uint64_t *lost);

/* To be called before each look at a log. */
static inline void log_batch_begin(struct log_batch *batch)
{
	batch->published = 0;
	batch->size = 0;
}

/* Whether records of @type name another owner than the one that has written them. */
static inline bool log_has_other(uint32_t type)
{
	return type == LOG_GIVE || type == LOG_TAKE;
}

/* The parts of a record that has been read. */
static inline const unsigned char *log_key(const struct log_record *record)
{
	return (const unsigned char *)(record + 1) +
	       (log_has_other(record->type) ? sizeof(owner_t) : 0);
}

/* LOG_GIVE: the new owner; LOG_TAKE: the entry's. */
static inline owner_t log_other(const struct log_record *record)
{
	owner_t other = 0;

	if (log_has_other(record->type))
		memcpy(&other, record + 1, sizeof(other));
	return other;
}

/* How many bytes of the file are reserved for logs, and for that of one seat; figures. */
uint64_t log_bytes(const struct segment *s);
uint64_t log_bytes_of(const struct segment *s, uint32_t seat);

/*
 * A bound: all stamps taken so far are below. It is read before the logs; a record with
 * a later stamp is kept for the next round, because an earlier one of another seat may
 * be unread.
 */
uint64_t log_stamps(const struct segment *s);

/*
 * A number that differs when something has happened in the registry that may concern a
 * listener: a record, a death, exec, or the end of the registry. It reads a few words of
 * every seat, so a listener compares it some times a second and not more often.
 */
uint64_t log_print(const struct segment *s, const struct life_table *lives);

/*
 * Counts a listener of @self's program up or down. log_listen() comes before the
 * listener's first look at the entries, so no change falls between the look and the
 * logs.
 */
void log_listen(const struct segment *s, const struct life_self *self);
void log_unlisten(const struct segment *s, const struct life_self *self);

/*
 * Lets writers stop if no listener is alive. A dead listener cannot say that it has
 * gone, so writers call this now and then.
 */
void log_check_listeners(const struct segment *s, const struct life_table *lives);

#endif
