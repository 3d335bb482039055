/* SPDX-License-Identifier: MIT */
/*
 * Logs: what the holder of each seat has done, for those who listen.
 *
 * Promises  a writer waits for nobody, and writes nothing when nobody listens; a reader that is too slow
 *           is told how many records it has missed; what a dead owner has published is still there. What was
 *           announced is told as soon as it has happened, although its writer is stopped or has called exec.
 * Needs     log_write(): one thread of the process at a time; its key's other changes before it made and
 *           published, or not begun.
 * Context   any thread; lock-free; a system call where somebody sleeps, or the log grows.
 * Used by   lib/names/tell.c, lib/events/listen.c.
 */
#ifndef KREG_SHM_LOG_H
#define KREG_SHM_LOG_H

#include "shm/bell.h"

enum log_type {
	LOG_REGISTER = 1, /* the entry was linked, or published */
	LOG_UNREGISTER,   /* it is about to be unregistered; until log_settle() it may be there */
	LOG_UPDATE,       /* it has taken the place of another one */
	LOG_GIVE,         /* it is about to be another owner's, as LOG_UNREGISTER */
	LOG_RESYNC,       /* many of the owner's entries went without a record each */
};

#define LOG_WAITING 1u /* a name that others are ahead of in line */
#define LOG_FRONT 2u   /* a name that was taken over: the last holder is behind it */

/* Files: log.c records, log_listeners.c who reads them. */

/* Whether somebody listens. To be asked after the change, with a full fence between. */
static inline bool log_is_wanted(const struct segment *s)
{
	return caa_unlikely(load_relaxed(&s->header->listening) & 1); /* relaxed: see above */
}

/* What is to be told. */
struct log_event {
	enum log_type type;
	uint32_t flags;
	owner_t owner;
	owner_t to; /* LOG_GIVE */
	uint32_t pid, image;
	place_t place, before;
	const void *key, *value;
	uint32_t key_size, value_size;
};

/* The order of what is told, by stamps: to be taken after a registration, and before an unregistration. */
uint64_t log_stamp(const struct segment *s);

/* Publishes a record of @event. *known is how much of the log is known to be reserved. */
void log_write(const struct segment *s, const struct log_event *event, uint64_t stamp,
	       uint32_t *known);

/* What LOG_UNREGISTER has announced is done. */
void log_settle(const struct segment *s, owner_t owner);

/* Rings for those who listen. */
void log_tell(const struct segment *s);

/* Where a reader stands in one seat's log. */
struct log_reader {
	uint64_t position; /* in units of LOG_UNIT */
	uint64_t number;   /* of the next record */
	bool is_early;     /* the next one has not happened yet */
};

/* At the end of what is published. */
void log_begin(const struct segment *s, uint32_t seat, struct log_reader *reader);

/*
 * The next record, with key and value behind it, in @room of LOG_BYTES. 1; 0: none, or one that has not
 * happened yet, which is to be asked for again; -EOVERFLOW: *lost were missed, go on; -EUCLEAN: damage, and
 * the reader is at the end.
 */
int log_read(const struct segment *s, const struct life_table *lives, uint32_t seat,
	     struct log_reader *reader, struct log_record *room, uint64_t *lost);

/* How many bytes of the file are reserved for logs. */
uint64_t log_bytes(const struct segment *s);

/* All stamps that were taken so far are below. To be read before the logs. */
uint64_t log_stamps(const struct segment *s);

/*
 * A number that is another one when something has happened in the registry that a listener may want to hear of: a
 * record, a death, exec, or the registry's end.
 */
uint64_t log_print(const struct segment *s, const struct life_table *lives);

/* A listener of @self's program begins, or ends. */
void log_listen(const struct segment *s, const struct life_self *self);
void log_unlisten(const struct segment *s, const struct life_self *self);

/* Lets writers stop if none of those who listened is alive. */
void log_check_listeners(const struct segment *s, const struct life_table *lives);

#endif
