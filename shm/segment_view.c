/* SPDX-License-Identifier: MIT */
/*
 * The view: which parts of the mapping a process may touch.
 *
 * The file has room for all there can ever be, and few of its pages are reserved. mlockall(2) would fill every page of
 * it that may be touched. So the mapping is PROT_NONE, which mlockall() passes over, but for what is reserved:
 *
 *   part                 opened by mprotect(2)
 *   fixed parts          when it is mapped
 *   what we reserve      before that, by segment_reserve()
 *   land, directory      when a number of slabs is seen that is beyond; with an eighth and a MiB more, so that a
 *                        handle does it fewer than a hundred times, whatever the others reserve
 *   buckets, logs        when such a number of buckets is seen, or a log is read
 *
 * It is private to the process, and all its threads may do it at once: to open what is open does nothing. A number that
 * is stored late, by a thread that was stopped, is too small, and costs another mprotect().
 */
#include "shm/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MORE_SLABS 64u

int segment_open_part(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	unsigned char *at = segment_window_at(s, offset, bytes);
	uint64_t more = (uintptr_t)at % (uint64_t)sysconf(_SC_PAGESIZE);
	/* A lookup may come here in a signal handler. */
	int before = errno, err = 0;

	if (!at)
		return -ENOMEM;
	if (mprotect(at - more, bytes + more, s->writable ? PROT_READ | PROT_WRITE : PROT_READ))
		err = -errno;
	errno = before;
	return err;
}

int segment_view_begin(struct segment *s)
{
	uint64_t fixed = s->is_stranger ? s->bytes : s->buckets_offset + SEGMENT_PAGE;
	int err = segment_open_part(s, 0, fixed);

	if (err)
		return err;
	s->view = calloc(1, sizeof(*s->view));
	if (!s->view)
		return -ENOMEM;
	s->view->buckets = SEGMENT_BUCKETS_FIRST;
	return 0;
}

/* False: the kernel refuses it, because the process has too many mappings. */
static bool open_slabs(const struct segment *s, uint32_t slabs)
{
	uint64_t open = (uint64_t)slabs + slabs / 8 + MORE_SLABS;

	/* relaxed: of this process alone, and late at worst */
	if (slabs <= load_relaxed(&s->view->slabs_open))
		return true;
	if (open > s->slabs_mapped)
		open = s->slabs_mapped;
	if (segment_open_part(s, s->directory_offset, open * sizeof(struct directory_entry)) ||
	    segment_open_part(s, s->land_offset, open * SLAB_BYTES))
		return false;
	store_relaxed(&s->view->slabs_open, (uint32_t)open); /* relaxed: as above */
	return true;
}

uint32_t segment_see_slabs(const struct segment *s)
{
	/* relaxed: it only grows, and a place behind it is refused */
	uint64_t slabs = load_relaxed(&s->header->slabs);
	/* relaxed: of this process alone, and late at worst */
	uint32_t seen = load_relaxed(&s->view->slabs);

	if (slabs > s->slabs_mapped)
		slabs = s->slabs_mapped;
	if (slabs <= seen || !open_slabs(s, (uint32_t)slabs))
		return seen;
	store_relaxed(&s->view->slabs, (uint32_t)slabs); /* relaxed: as above */
	return (uint32_t)slabs;
}

uint64_t segment_see_buckets(const struct segment *s)
{
	uint64_t buckets = load_relaxed(&s->header->buckets); /* relaxed: it only grows */
	/* relaxed: of this process alone, and late at worst */
	uint64_t seen = load_relaxed(&s->view->buckets);

	if (!segment_buckets_can_be(s, buckets))
		return SEGMENT_BUCKETS_FIRST;
	if (buckets <= seen)
		return buckets;
	if (segment_open_part(s, s->buckets_offset, buckets * sizeof(uint64_t)))
		return seen;
	store_relaxed(&s->view->buckets, buckets); /* relaxed: as above */
	return buckets;
}

bool segment_see_logs(const struct segment *s, uint32_t seat)
{
	/* relaxed: of this process alone, and late at worst */
	uint32_t seen = load_relaxed(&s->view->logs);
	uint32_t wanted = seat + 1;

	if (seat < seen)
		return true;
	if (seat >= s->seats || segment_open_part(s, s->logs_offset, (uint64_t)wanted * LOG_BYTES))
		return false;
	store_relaxed(&s->view->logs, wanted); /* relaxed: as above */
	return true;
}
