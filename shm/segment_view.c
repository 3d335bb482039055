/* SPDX-License-Identifier: MIT */
/*
 * The view: which parts of the mapping this process may touch.
 *
 * The file has room for all that there can ever be, and few of its pages are reserved.
 * mlockall(2) would fill every page of it that may be touched. So the mapping is
 * PROT_NONE, which mlockall() skips, except for what is reserved:
 *
 *   part                 opened by mprotect(2)
 *   fixed parts          when the segment is mapped, with the buckets and lines in use then
 *   what we reserve      before that, by segment_reserve()
 *   land, directory      when a number of slabs is seen that is beyond; with an eighth and
 *                        a MiB more, so that a handle does it fewer than a hundred times,
 *                        however much the others reserve
 *   buckets, lines       when a larger number of buckets is seen
 *   groups               when a larger number of their blocks is seen
 *   logs                 when one is read
 *
 * The view is private to the process. All its threads may extend it at once, as opening
 * an open part does nothing. A number stored late, by a thread that was stopped, is too
 * small and costs another mprotect(). Numbers are stored after the mprotect() that they
 * speak of; stored before it, they would lead another thread to a page that is still
 * PROT_NONE: SIGSEGV.
 *
 * Beyond what is reserved, only that eighth and MiB are open. Those pages are never
 * touched: segment_at() admits slabs below header->slabs only.
 */
#include "shm/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/kernel.h"

/* 1 MiB of land. */
#define MORE_SLABS 1024u

/*
 * The protection is per page, so it begins at the page that holds @offset; the end is
 * rounded up by the kernel.
 */
int segment_open_part(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	unsigned char *at = segment_window_at(s, offset, bytes);
	uint64_t more = (uintptr_t)at % (uint64_t)sysconf(_SC_PAGESIZE);
	/* A lookup, which does not change errno, may come here in a signal handler. */
	int before = errno, err = 0;

	if (!at)
		return -ENOMEM;
	if (kernel_mprotect(at - more, bytes + more,
			    s->writable ? PROT_READ | PROT_WRITE : PROT_READ))
		err = -errno;
	errno = before;
	return err;
}

/*
 * The fixed parts with the buckets and lines that the header counts, so that a first
 * lookup need not open them; of a stranger, the header and the rows. @header is a private
 * copy, and its number of buckets no proof: an impossible one counts as the first page,
 * which is reserved in any case.
 */
int segment_view_begin(struct segment *s, const struct segment_header *header)
{
	uint64_t buckets = segment_buckets_of(header->buckets);
	int err;

	if (buckets < SEGMENT_BUCKETS_FIRST || !segment_buckets_can_be(s, buckets))
		buckets = SEGMENT_BUCKETS_FIRST;
	err = segment_open_part(
		s, 0, s->is_stranger ? s->bytes : s->buckets_offset + buckets * sizeof(uint64_t));
	if (!err && s->unique && !s->is_stranger)
		err = segment_open_part(s, s->lines_offset, buckets * sizeof(struct index_line));
	if (err)
		return err;
	s->view = calloc(1, sizeof(*s->view));
	if (!s->view)
		return -ENOMEM;
	/*
	 * The other numbers start at 0: the first place looked up opens land and
	 * directory.
	 */
	s->view->buckets = buckets;
	s->view->lines = s->unique ? buckets : 0;
	return 0;
}

/*
 * Opens land and directory for @slabs slabs or more. False: the kernel refuses it,
 * because the process has too many mappings (vm.max_map_count); then the caller keeps to
 * the number that it has.
 */
static bool open_slabs(const struct segment *s, uint32_t slabs)
{
	uint64_t open = (uint64_t)slabs + slabs / 8 + MORE_SLABS;

	/* relaxed: private to the process, and too low at worst */
	if (slabs <= load_relaxed(&s->view->slabs_open))
		return true;
	if (open > s->slabs_mapped)
		open = s->slabs_mapped;
	/*
	 * The directory too, before view->slabs is raised: a place is checked against
	 * that number alone, and then its slab's word is read.
	 */
	if (segment_open_part(s, s->directory_offset, open * sizeof(struct directory_entry)) ||
	    segment_open_part(s, s->land_offset, open * SLAB_BYTES))
		return false;
	store_relaxed(&s->view->slabs_open, (uint32_t)open); /* relaxed: as above */
	return true;
}

/*
 * @seen may be stale where another thread has opened more; then both open the same part.
 */
uint32_t segment_see_slabs(const struct segment *s)
{
	/* relaxed: it only grows, and a place beyond the number is refused */
	uint64_t slabs = load_relaxed(&s->header->slabs);
	/* relaxed: private to the process, and too low at worst */
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
	/* relaxed: it only grows */
	uint64_t buckets = segment_buckets_of(load_relaxed(&s->header->buckets));
	/* relaxed: private to the process, and too low at worst */
	uint64_t seen = load_relaxed(&s->view->buckets);

	/*
	 * Damage. The first page is reserved in any case, and a search from there finds
	 * all entries, as the other buckets are only shortcuts into the list.
	 */
	if (!segment_buckets_can_be(s, buckets))
		return SEGMENT_BUCKETS_FIRST;
	if (buckets <= seen)
		return buckets;
	/* Refused: fewer buckets are a longer way, and not a wrong one. */
	if (segment_open_part(s, s->buckets_offset, buckets * sizeof(uint64_t)) ||
	    (s->unique &&
	     segment_open_part(s, s->lines_offset, buckets * sizeof(struct index_line))))
		return seen;
	store_relaxed(&s->view->buckets, buckets); /* relaxed: as above */
	if (s->unique)
		store_relaxed(&s->view->lines, buckets); /* relaxed: as above */
	return buckets;
}

uint64_t segment_see_groups(const struct segment *s)
{
	/* relaxed: it only grows, and a line leads to a block that was reserved before */
	uint64_t groups = load_relaxed(&s->header->groups) & ~GROUPS_LOST;
	/* relaxed: private to the process, and too low at worst */
	uint64_t seen = load_relaxed(&s->view->groups);

	if (groups > s->groups_max)
		groups = s->groups_max;
	if (groups <= seen ||
	    segment_open_part(s, s->groups_offset, groups * sizeof(struct group_block)))
		return seen;
	store_relaxed(&s->view->groups, groups); /* relaxed: as above */
	return groups;
}

/*
 * All logs up to that of @seat, also those whose holders have written nothing: their
 * pages are not reserved, and the caller reads only what row->log_published covers.
 */
bool segment_see_logs(const struct segment *s, uint32_t seat)
{
	/* relaxed: private to the process, and too low at worst */
	uint32_t seen = load_relaxed(&s->view->logs);
	uint32_t wanted = seat + 1;

	if (seat < seen)
		return true;
	if (seat >= s->seats ||
	    segment_open_part(s, s->logs_offset, (uint64_t)wanted * s->log_bytes))
		return false;
	store_relaxed(&s->view->logs, wanted); /* relaxed: as above */
	return true;
}
