/* SPDX-License-Identifier: MIT */
/*
 * Reading of logs. Records are copied before they are read, because their writer may
 * overwrite them at any time.
 */
#include "lib/events/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int inbox_init(struct inbox *inbox, struct kreg *k)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->k = k;
	inbox->readers = calloc(k->segment.seats, sizeof(*inbox->readers));
	inbox->batch = malloc(sizeof(*inbox->batch));
	if (inbox->readers && inbox->batch)
		return 0;
	inbox_free(inbox);
	return -ENOMEM;
}

static void records_drop(struct inbox *inbox)
{
	while (inbox->count > inbox->first)
		free(inbox->records[--inbox->count]);
	inbox->first = inbox->count = 0;
}

void inbox_free(struct inbox *inbox)
{
	records_drop(inbox);
	free(inbox->records);
	free(inbox->readers);
	free(inbox->batch);
	memset(inbox, 0, sizeof(*inbox));
}

void inbox_begin(struct inbox *inbox)
{
	const struct segment *s = &inbox->k->segment;
	uint32_t seat;

	records_drop(inbox);
	for (seat = 0; seat < s->seats; seat++)
		log_begin(s, &inbox->k->lives, seat, &inbox->readers[seat]);
}

static int record_keep(struct inbox *inbox, const struct log_record *record, bool is_settled)
{
	size_t size = inbox->size ? inbox->size * 2 : 64;
	struct log_record *copy;
	void *grown;

	if (inbox->count == inbox->size) {
		grown = realloc(inbox->records, size * sizeof(struct log_record *));
		if (!grown)
			return -ENOMEM;
		inbox->records = grown;
		inbox->size = size;
	}
	copy = malloc(record->bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, record, record->bytes);
	copy->flags &= (uint16_t)~LOG_SETTLED;
	if (is_settled)
		copy->flags |= LOG_SETTLED;
	inbox->records[inbox->count++] = copy;
	return 0;
}

int inbox_read(struct inbox *inbox, uint32_t seat, uint64_t *lost)
{
	const struct log_record *record;
	struct kreg *k = inbox->k;
	uint64_t some = 1;
	int got;

	*lost = 0;
	log_batch_begin(inbox->batch);
	for (;;) {
		got = log_read(&k->segment, &k->lives, seat, &inbox->readers[seat], inbox->batch,
			       &record, &some);
		inbox->is_early |= inbox->readers[seat].is_early;
		/* A damaged record counts as missed. After it the reader is at the end. */
		if (got < 0)
			*lost = some;
		if (got <= 0)
			return 0;
		if (record_keep(inbox, record, inbox->readers[seat].is_settled))
			return -ENOMEM;
	}
}

static int by_stamp(const void *a, const void *b)
{
	const struct log_record *x = *(struct log_record *const *)a;
	const struct log_record *y = *(struct log_record *const *)b;

	return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

void inbox_sort(struct inbox *inbox)
{
	inbox->count -= inbox->first;
	if (inbox->first)
		memmove(inbox->records, inbox->records + inbox->first,
			inbox->count * sizeof(struct log_record *));
	inbox->first = 0;
	if (inbox->count)
		qsort(inbox->records, inbox->count, sizeof(struct log_record *), by_stamp);
}

struct log_record *inbox_take(struct inbox *inbox, uint64_t end)
{
	if (inbox->first == inbox->count || inbox->records[inbox->first]->stamp >= end)
		return NULL;
	return inbox->records[inbox->first++];
}
