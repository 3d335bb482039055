/* SPDX-License-Identifier: MIT */
/*
 * The part of the segment's layout that listeners read: the records of a seat's log.
 *
 * Used by   layout.h; log.c has the protocol.
 */
#ifndef KREG_SHM_LAYOUT_LOG_H
#define KREG_SHM_LAYOUT_LOG_H

#include <stdint.h>

#include "shm/layout_entry.h"

/*
 * A record of a seat's log, at a multiple of 16 in a ring; behind it come the
 * owner that an entry is given to, only in a record of that, then key and value. Written by
 * the holder of the seat, between raising log_claimed and raising log_published: a reader
 * copies it and checks log_claimed afterwards.
 */
struct log_record {
	/* with what follows, rounded up to 16 */
	uint32_t bytes;
	/* enum log_type */
	uint8_t type;
	uint8_t key_size;
	/* LOG_* */
	uint16_t flags;
	uint32_t number;
	uint32_t value_size;
	uint64_t stamp;
	uint64_t owner;
	/* of the program that has written it */
	uint32_t image;
	uint32_t pid;
	/* of the entry */
	uint32_t place;
	/* of the entry that it replaces */
	uint32_t before;
};

/* The first LOG_UNIT of each ring. */
struct log_head {
	/* bytes of the ring that are; a figure */
	uint64_t reserved;
	uint64_t unused;
};

/*
 * Of the ring, a power of 2: as much as fits for all seats into half of max_bytes, within
 * these bounds.
 */
#define LOG_BYTES_MOST 1048576u
#define LOG_BYTES_LEAST 131072u
#define LOG_UNIT 16u
#define LOG_RECORD_MAX (ENTRY_VALUE_MAX + 1024u)

_Static_assert(sizeof(struct log_head) == LOG_UNIT, "records begin behind it");
_Static_assert(sizeof(struct log_record) == 48, "other processes see it");

#endif
