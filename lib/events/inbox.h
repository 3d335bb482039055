/* SPDX-License-Identifier: MIT */
/*
 * The inbox: records of all seats' logs, in the order of their stamps.
 *
 * Promises  records are returned in order, if @end is not above the stamps that were read
 *           before the logs.
 * Needs     one thread at a time.
 * Context   private memory and the logs.
 * Used by   listen.c.
 */
#ifndef KREG_LIB_INBOX_H
#define KREG_LIB_INBOX_H

#include "lib/handle/handle.h"
#include "shm/log.h"

#pragma GCC visibility push(hidden)

struct inbox {
	struct kreg *k;
	struct log_reader *readers; /* one for each seat */
	struct log_batch *batch;
	struct log_record **records; /* read and not returned yet */
	size_t first, count, size;
	bool is_early; /* the change of some log's next record has not happened yet */
};

/* -ENOMEM. */
int inbox_init(struct inbox *inbox, struct kreg *k);
void inbox_free(struct inbox *inbox);

/* Drops all records, and starts again at the ends of the logs. */
void inbox_begin(struct inbox *inbox);

/*
 * Reads what is in one seat's log now. Sets is_early if that log's next record is early; *lost is the
 * number of records that were missed. -ENOMEM.
 */
int inbox_read(struct inbox *inbox, uint32_t seat, uint64_t *lost);

void inbox_sort(struct inbox *inbox);

/*
 * The first of the sorted records if its stamp is below @end, else NULL; the caller frees
 * it.
 */
struct log_record *inbox_take(struct inbox *inbox, uint64_t end);

#pragma GCC visibility pop

#endif
