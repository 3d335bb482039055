/* SPDX-License-Identifier: MIT */
/*
 * Windows: where the file is mapped, and how much of it.
 *
 * The whole file is one mapping where it takes no more than half of the address space that the process may still have
 * (RLIMIT_AS), and mlockall(MCL_FUTURE) admits it (RLIMIT_MEMLOCK). Otherwise four parts are mapped, each from its
 * beginning on:
 *
 *   window                     has                       what others put beyond it
 *   fixed parts and buckets    the buckets in use now,   cannot be seen: a search that the list leads there, and
 *                              and more by the land      whoever looks through all slabs, is told so, -ENOMEM; what
 *   directory, land            the slabs in use now,     the list does not lead through is found as ever. This
 *                              and what half allows      process takes no memory there
 *   logs                       an eighth of what is      is missed, as by a reader that is too slow, and found by
 *                              left                      the table
 *
 * Where what is in use does not fit into a half, it may take seven eighths. What others take later is not mapped later: no
 * fd is kept. Who opens the registry again has a window of what is in use then.
 */
#include "shm/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

#define SLAB_COST (SLAB_BYTES + sizeof(struct directory_entry))
/* Buckets for a slab, which come in powers of two. */
#define BUCKETS_COST (2 * SLAB_BYTES / LINE_BYTES * sizeof(uint64_t))

/* The number behind @label in a file of /proc/self. False: not to be had. */
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

/* What is left of a limit of which the number in a file, in units of @unit bytes, is taken; half, where it is not to be had. */
static uint64_t left_of(int what, const char *path, const char *label, uint64_t unit)
{
	unsigned long long taken;
	struct rlimit limit;
	uint64_t used;

	if (getrlimit((__rlimit_resource_t)what, &limit) || limit.rlim_cur == RLIM_INFINITY)
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

/* How much of each part. */
struct extent {
	uint64_t slabs, buckets, logs;
};

static bool extent_fit(const struct segment *s, const struct segment_header *header, uint64_t room,
		       struct extent *out)
{
	uint64_t slabs = header->slabs < s->slabs_max ? header->slabs : s->slabs_max;
	uint64_t buckets = header->buckets, need, more;

	if (buckets < SEGMENT_BUCKETS_FIRST || !segment_buckets_can_be(s, buckets))
		buckets = SEGMENT_BUCKETS_FIRST;
	need = s->buckets_offset + buckets * sizeof(uint64_t) + slabs * SLAB_COST +
	       4ull * SEGMENT_PAGE;
	if (need > room)
		return false;
	room -= need;
	out->logs = room / 8 / LOG_BYTES < s->seats ? room / 8 / LOG_BYTES : s->seats;
	room -= out->logs * LOG_BYTES;
	more = room / (SLAB_COST + BUCKETS_COST);
	if (more > s->slabs_max - slabs)
		more = s->slabs_max - slabs;
	room -= more * SLAB_COST;
	slabs += more;
	while (buckets < slabs * (SLAB_BYTES / LINE_BYTES) && buckets < s->buckets_max &&
	       buckets * sizeof(uint64_t) <= room) {
		room -= buckets * sizeof(uint64_t);
		buckets *= 2;
	}
	out->slabs = slabs;
	out->buckets = buckets;
	return slabs;
}

uint64_t segment_bytes_for(uint64_t room, uint64_t fixed)
{
	uint64_t rest = room / 2 > fixed ? (room / 2 - fixed) / 8 * 7 : 0;

	return rest / (SLAB_COST + BUCKETS_COST) * SLAB_BYTES;
}

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
	madvise(at, bytes + before, MADV_DONTDUMP);
	*window = (struct segment_window){ offset, bytes, at + before };
	return 0;
}

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

static int windows_map(struct segment *s, int fd, const struct extent *extent)
{
	uint64_t page = SEGMENT_PAGE - 1;
	uint64_t directory = extent->slabs * sizeof(struct directory_entry);
	int err = window_map(&s->windows[0], fd, 0,
			     s->buckets_offset + extent->buckets * sizeof(uint64_t));

	if (!err)
		err = window_map(&s->windows[1], fd, s->directory_offset,
				 (directory + page) & ~page);
	if (!err)
		err = window_map(&s->windows[2], fd, s->logs_offset, extent->logs * LOG_BYTES);
	if (!err)
		err = window_map(&s->windows[3], fd, s->land_offset, extent->slabs * SLAB_BYTES);
	if (err)
		segment_windows_close(s);
	else
		s->slabs_mapped = (uint32_t)extent->slabs;
	return err;
}

int segment_windows_open(struct segment *s, const struct segment_header *header, int fd)
{
	uint64_t room = segment_room();
	struct extent extent;
	int err = -ENOMEM;

	s->slabs_mapped = s->slabs_max;
	if (s->bytes <= room / 2 || s->is_stranger) {
		err = window_map(&s->windows[0], fd, 0, s->bytes);
		if (!err || s->is_stranger)
			return err;
	}
	if (err == -EAGAIN) {
		uint64_t locked = lock_room();

		room = locked < room ? locked : room;
	}
	if (room == UINT64_MAX)
		return err;
	if (!extent_fit(s, header, room / 2, &extent) &&
	    !extent_fit(s, header, room / 8 * 7, &extent))
		return -ENOMEM;
	return windows_map(s, fd, &extent);
}

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
	uint64_t slabs = load_relaxed(&s->header->slabs);     /* relaxed: it only grows */
	uint64_t buckets = load_relaxed(&s->header->buckets); /* relaxed: as above */

	/* Numbers that cannot be are damage. */
	return (slabs > s->slabs_max || segment_see_slabs(s) >= slabs) &&
	       (!segment_buckets_can_be(s, buckets) || segment_see_buckets(s) >= buckets);
}

int segment_fault(const struct segment *s)
{
	return segment_is_whole(s) ? -EUCLEAN : -ENOMEM;
}
