/* SPDX-License-Identifier: MIT */
/*
 * How much memory the logs take. Each ring's head says how much of it is reserved.
 */
#include "shm/log.h"

#include "shm/row.h"

uint64_t log_bytes_of(const struct segment *s, uint32_t seat)
{
	const struct log_head *head =
		(const struct log_head *)(s->logs + (uint64_t)seat * s->log_bytes);
	uint64_t bytes;

	/* relaxed: a figure; where nothing was written, a look would take a page */
	if (!(uint32_t)load_relaxed(&row_look(s, seat)->log_published) ||
	    !segment_see_logs(s, seat))
		return 0;
	/* relaxed: a figure */
	bytes = load_relaxed(&head->reserved);
	return bytes < s->log_bytes ? bytes : s->log_bytes;
}

uint64_t log_bytes(const struct segment *s)
{
	uint32_t seat, end = row_end(s);
	uint64_t sum = 0;

	for (seat = 0; seat < end; seat++)
		sum += log_bytes_of(s, seat);
	return sum;
}
