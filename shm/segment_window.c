/* SPDX-License-Identifier: MIT */
/*
 * Windows: how much of the file is mapped, and where.
 *
 * The whole file is one mapping if it takes at most half of the address space that the
 * process may still use (RLIMIT_AS) and mlockall(MCL_FUTURE) admits it (RLIMIT_MEMLOCK).
 * Otherwise its parts are mapped, each from its beginning on:
 *
 *   window                     has                      what others store beyond it
 *   fixed parts and buckets    the buckets in use now,  cannot be seen: a search that the
 *                              and more as the land     list leads there, and a caller
 *                              allows                   that goes through all slabs, get
 *   directory, land            the slabs in use now,    -ENOMEM; what the list does not
 *                              and what half allows     lead through is found as ever.
 *                                                       This process takes no memory there
 *   groups                     the blocks in use now,  listings of names by their first
 *                              and an eighth of what   bytes go along the whole list; so
 *                              is left                 do those of all processes once this
 *                                                      one has registered such a name
 *   logs                       an eighth of what is     is missed, as by a reader that is
 *                              left                     too slow, and found by the table
 *
 * If the part in use does not fit into half of the address space, it may take seven
 * eighths. What others reserve later is not mapped later: no fd is kept to map it from,
 * and a second mapping could not be placed behind the first without moving it under
 * running threads. A process that opens the registry again gets windows of what is in use
 * then.
 *
 * Mapping is PROT_NONE and MAP_NORESERVE, so it takes address space only.
 */
#include "shm/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/kernel.h"

/* What a slab takes: its land, and its entry in the directory. */
#define SLAB_COST (SLAB_BYTES + sizeof(struct directory_entry))
/*
 * The buckets for a slab, with their lines, and rounded up: their number is a power of
 * two, so up to twice as many as are needed. Keys that are not unique need less.
 */
#define BUCKETS_COST                                                                               \
	(2 * (SLAB_BYTES / LINE_BYTES) * (sizeof(uint64_t) + sizeof(struct index_line)) /          \
		 SEGMENT_BUCKET_ENTRIES +                                                          \
	 1)

/*
 * The number behind @label in the file @path of /proc/self. False: it cannot be read,
 * e.g. without /proc or in a sandbox.
 */
static bool read_number(const char *path, const char *label, unsigned long long *out)
{
	char text[4096];
	const char *at = text;

	if (fd_read_text(path, text, sizeof(text)) <= 0)
		return false;
	if (*label)
		at = strstr(text, label);
	return at && sscanf(at + strlen(label), "%llu", out) == 1;
}

/*
 * How much of a limit is left: the number in a file of /proc/self is what is in use, in
 * units of @unit bytes. UINT64_MAX: no limit. If the file cannot be read, half of the
 * limit: to assume all of it would make mmap() fail. /proc is read only where a limit is
 * set.
 */
static uint64_t left_of(int what, const char *path, const char *label, uint64_t unit)
{
	unsigned long long taken;
	struct rlimit limit;
	uint64_t used;

	if (kernel_getrlimit(what, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	if (!read_number(path, label, &taken))
		return limit.rlim_cur / 2;
	used = taken * unit;
	return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

uint64_t segment_room(void)
{
	return left_of(RLIMIT_AS, "/proc/self/statm", "", (uint64_t)sysconf(_SC_PAGESIZE));
}

static uint64_t lock_room(void)
{
	return left_of(RLIMIT_MEMLOCK, "/proc/self/status", "VmLck:", 1024);
}

/* How much of each part is to be mapped. */
struct extent {
	uint64_t slabs, buckets, groups, logs;
};

/*
 * The largest extent that fits into @room. False: not even what is in use does, or there
 * is no slab at all. @header is our private copy but has any numbers, so each is clamped.
 */
static bool extent_fit(const struct segment *s, const struct segment_header *header, uint64_t room,
		       struct extent *out)
{
	uint64_t slabs = header->slabs < s->slabs_max ? header->slabs : s->slabs_max;
	uint64_t buckets = segment_buckets_of(header->buckets), need, more;
	uint64_t groups = header->groups & ~GROUPS_LOST;
	uint64_t cost = segment_bucket_bytes(s);

	if (buckets < SEGMENT_BUCKETS_FIRST || !segment_buckets_can_be(s, buckets))
		buckets = SEGMENT_BUCKETS_FIRST;
	if (groups > s->groups_max)
		groups = s->groups_max;
	/* Each window may lose a part of a page to rounding. */
	need = s->buckets_offset + buckets * cost + slabs * SLAB_COST +
	       groups * sizeof(struct group_block) + (uint64_t)SEGMENT_WINDOWS * SEGMENT_PAGE;
	if (need > room)
		return false;
	room -= need;
	/*
	 * Logs come first and get little: without them a listener still works, from the
	 * table.
	 */
	out->logs = room / 8 / s->log_bytes < s->seats ? room / 8 / s->log_bytes : s->seats;
	more = room / 8 / sizeof(struct group_block);
	if (more > s->groups_max - groups)
		more = s->groups_max - groups;
	out->groups = groups + more;
	room -= out->logs * s->log_bytes + more * sizeof(struct group_block);
	more = room / (SLAB_COST + BUCKETS_COST);
	if (more > s->slabs_max - slabs)
		more = s->slabs_max - slabs;
	room -= more * SLAB_COST;
	slabs += more;
	/*
	 * Each doubling costs as much as there is already. Few buckets make lookups
	 * slower; too little land makes them fail.
	 */
	while (buckets < segment_slabs_buckets(s, slabs) && buckets < s->buckets_max &&
	       buckets * cost <= room) {
		room -= buckets * cost;
		buckets *= 2;
	}
	out->slabs = slabs;
	out->buckets = buckets;
	return slabs;
}

/*
 * What a creator leaves free when it chooses a size: the header, the first buckets and the
 * pages that parts and windows lose to rounding, which take some 50 KiB, and what the
 * process maps between this look at its limit and the one of segment_windows_open(), e.g.
 * a stack or an arena of malloc(). Without it the creator could not see the last slabs of
 * its own registry, and would get -ENOMEM where the registry is full.
 */
#define CREATOR_SLACK (512ull << 10)

/*
 * The same shares as in extent_fit(), the other way round: half of the room for all, less
 * the fixed parts, less an eighth for logs and one for groups.
 */
uint64_t segment_bytes_for(uint64_t room, uint64_t fixed)
{
	uint64_t taken = fixed + CREATOR_SLACK;
	uint64_t rest = room / 2 > taken ? (room / 2 - taken) / 8 * 6 : 0;

	return rest / (SLAB_COST + BUCKETS_COST) * SLAB_BYTES;
}

/*
 * Maps @bytes at @offset of the file, from the page boundary in front of it; 0 bytes: no
 * window. On an error *window is untouched.
 */
static int window_map(struct segment_window *window, int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), before = offset % page;
	unsigned char *at;

	if (!bytes)
		return 0;
	at = mmap(NULL, bytes + before, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd,
		  (off_t)(offset - before));
	if (at == MAP_FAILED)
		return -errno;
	/*
	 * Keeps the registry, which is not this process's own memory, out of its core
	 * dumps.
	 */
	kernel_madvise(at, bytes + before, MADV_DONTDUMP);
	*window = (struct segment_window){ offset, bytes, at + before };
	return 0;
}

/* Idempotent: windows[] is cleared. */
void segment_windows_close(struct segment *s)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int i;

	for (i = 0; i < SEGMENT_WINDOWS; i++) {
		const struct segment_window *window = &s->windows[i];
		uint64_t before = window->offset % page;

		if (window->at)
			munmap(window->at - before, window->bytes + before);
	}
	memset(s->windows, 0, sizeof(s->windows));
}

/* On an error no window is left. */
static int windows_map(struct segment *s, int fd, const struct extent *extent)
{
	uint64_t directory = extent->slabs * sizeof(struct directory_entry);
	int err = window_map(&s->windows[0], fd, 0,
			     s->buckets_offset + extent->buckets * sizeof(uint64_t));

	if (!err)
		err = window_map(&s->windows[1], fd, s->directory_offset,
				 segment_whole_pages(directory));
	if (!err)
		err = window_map(&s->windows[2], fd, s->logs_offset, extent->logs * s->log_bytes);
	if (!err)
		err = window_map(&s->windows[3], fd, s->land_offset, extent->slabs * SLAB_BYTES);
	if (!err && s->unique)
		err = window_map(&s->windows[4], fd, s->lines_offset,
				 extent->buckets * sizeof(struct index_line));
	if (!err && s->unique)
		err = window_map(&s->windows[5], fd, s->groups_offset,
				 extent->groups * sizeof(struct group_block));
	if (err)
		segment_windows_close(s);
	else
		s->slabs_mapped = (uint32_t)extent->slabs;
	return err;
}

/*
 * s->slabs_mapped is set in every case: it bounds how many slabs are believed to be in
 * reach.
 */
int segment_windows_open(struct segment *s, const struct segment_header *header, int fd)
{
	uint64_t room = segment_room();
	struct extent extent;
	int err = -ENOMEM;

	s->slabs_mapped = s->slabs_max;
	/* Of a stranger only header and rows are mapped, which no limit should forbid. */
	if (s->bytes <= room / 2 || s->is_stranger) {
		err = window_map(&s->windows[0], fd, 0, s->bytes);
		if (!err || s->is_stranger)
			return err;
	}
	/*
	 * What the kernel says if the pages of a mapping are locked at once (MCL_FUTURE)
	 * and RLIMIT_MEMLOCK forbids as many; it counts PROT_NONE ones as well.
	 */
	if (err == -EAGAIN) {
		uint64_t locked = lock_room();

		room = locked < room ? locked : room;
	}
	/* No limit explains the failure, so a smaller mapping is no remedy. */
	if (room == UINT64_MAX)
		return err;
	if (!extent_fit(s, header, room / 2, &extent) &&
	    !extent_fit(s, header, room / 8 * 7, &extent))
		return -ENOMEM;
	return windows_map(s, fd, &extent);
}

/* The comparisons do not overflow for any @offset and @bytes. */
unsigned char *segment_window_at(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	int i;

	for (i = 0; i < SEGMENT_WINDOWS; i++) {
		const struct segment_window *window = &s->windows[i];

		if (window->at && offset >= window->offset &&
		    offset - window->offset < window->bytes &&
		    bytes <= window->bytes - (offset - window->offset))
			return window->at + (offset - window->offset);
	}
	return NULL;
}

bool segment_is_whole(const struct segment *s)
{
	uint64_t slabs = load_relaxed(&s->header->slabs); /* relaxed: it only grows */
	/* relaxed: as above */
	uint64_t buckets = segment_buckets_of(load_relaxed(&s->header->buckets));

	/*
	 * Impossible numbers are damage, and damage is to be reported as that, by
	 * segment_fault(), and not as a lack of address space.
	 */
	return (slabs > s->slabs_max || segment_see_slabs(s) >= slabs) &&
	       (!segment_buckets_can_be(s, buckets) || segment_see_buckets(s) >= buckets);
}

int segment_fault(const struct segment *s)
{
	return segment_is_whole(s) ? -EUCLEAN : -ENOMEM;
}
