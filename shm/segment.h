/* SPDX-License-Identifier: MIT */
/*
 * The segment: one file that processes map, wherever each likes.
 *
 * Promises  no one ever sees half a segment; what others have put under the name is never waited for, followed or
 *           used, and refused with a sentence; no access through segment_at() leaves what is reserved.
 * Needs     a tmpfs: sparse files, O_TMPFILE. No fd, once it is open.
 * Context   opening blocks on the file system; segment_at() is wait-free.
 * Used by   all that follows.
 *
 * The geometry is copied out of the header at opening and never read there again, so nobody can
 * change it under us.
 */
#ifndef KREG_SHM_SEGMENT_H
#define KREG_SHM_SEGMENT_H

#include <sys/stat.h>
#include <sys/types.h>

#include "shm/atomic.h"
#include "shm/layout.h"
#include "shm/life.h"
#include "shm/place.h"

/* How much of the mapping this process may touch, see segment_view.c. */
struct segment_view {
	uint32_t slabs;      /* that are known to be reserved */
	uint32_t slabs_open; /* to which access is allowed, in land and directory; not fewer */
	uint64_t buckets;
	uint32_t logs; /* of so many seats */
};

/* How many buckets a registry begins with: a page of them. */
#define SEGMENT_BUCKETS_FIRST (SEGMENT_PAGE / sizeof(uint64_t))

/* A part of the file that is mapped, see segment_window.c. */
#define SEGMENT_WINDOWS 4
struct segment_window {
	uint64_t offset, bytes;
	unsigned char *at;
};

struct segment {
	bool is_leftover; /* of another boot, or a copy: nobody lives in it */
	bool is_stranger; /* of another layout: the preamble and segment_who() are all that is known of it */
	unsigned char *base;      /* of the fixed parts */
	unsigned char *land_base; /* with an offset in the file, where that is in the land */
	struct segment_window windows[SEGMENT_WINDOWS];
	struct segment_view *view; /* private */
	struct segment_header *header;
	struct row *rows;
	struct slot *slots;
	uint64_t *lives; /* the segment's own, or NULL under a guard */
	uint64_t *buckets;
	struct directory_entry *directory;
	unsigned char *logs;
	place_t land_place; /* of slab 0 */
	uint32_t slabs_max;
	uint32_t slabs_mapped; /* in this process */
	uint32_t buckets_max;
	uint32_t seats;
	uint32_t slots_count;
	uint32_t partitions;
	uint32_t owner_slabs; /* that one owner may take; 0: all */
	bool unique;          /* a name may be held by one */
	uint64_t seed;
	uint64_t land_offset;
	uint64_t buckets_offset;
	uint64_t directory_offset;
	uint64_t logs_offset;
	uint64_t who_offset; /* of the first row's */
	uint32_t row_bytes;
	uint64_t bytes;
	uint64_t hops_max; /* more than a list of all entries and buckets has */
	dev_t device;      /* of the file; no other one has the two while it is mapped */
	ino_t inode;
	int fd; /* of one that has no name yet; else -1, see segment_publish() */
	bool writable;
};

/* What a new segment is to be. All fields are set. */
struct segment_plan {
	uint64_t identity;
	uint64_t max_bytes;
	uint64_t owner_bytes; /* 0: no quota */
	uint32_t seats;
	uint32_t slots;
	uint32_t keys;
	uint32_t partitions;
	uint32_t patience_ms;
	mode_t mode;
	gid_t group;     /* (gid_t)-1: the caller's */
	bool may_shrink; /* max_bytes may become what this process can map */
};

/* Where a registry's file is, and who hears why it can't be used. */
struct segment_path {
	const char *directory;
	const char *file; /* without the directory */
	uid_t owner;      /* whose file it has to be */
	void (*log)(void *data, const char *sentence);
	void *log_data;
	bool *said; /* becomes true when something was said; may be NULL */
};

__attribute__((format(printf, 2, 3))) void segment_say(const struct segment_path *path,
						       const char *format, ...);

/*
 * Builds a segment without a name. -EINVAL: the plan can't be; -ENOSPC, -EOPNOTSUPP, -ENOMEM and
 * what open(2) has.
 */
int segment_create(struct segment *out, const struct segment_path *path,
		   const struct segment_plan *plan);

/*
 * Reserves a part of the file, so that touching it can't fail. -ENOSPC: there is no room for all of it; some of it
 * may be reserved then, and stay so.
 */
int segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes);

/* The same for @count slabs from @slab on, and their part of the directory. */
int segment_reserve_slabs(const struct segment *s, uint32_t slab, uint64_t count);

/*
 * A new mapping, all of which is PROT_NONE: its fixed parts may be touched from now on. -ENOMEM. The same for any part.
 */
int segment_view_begin(struct segment *s);
int segment_open_part(const struct segment *s, uint64_t offset, uint64_t bytes);

/* Gives one that was created the name, and gives up its fd. -EEXIST: the name is taken. */
int segment_publish(struct segment *s, const struct segment_path *path, const char *file);

/*
 * Maps the segment of that name, whatever its kind. -ENOENT; -EPROTO: it is no segment of that name, and what a
 * refusal of its kind by force can remove; -EPERM: another user's; -EOPNOTSUPP: not in a tmpfs; -EACCES, -ENOMEM.
 */
int segment_open(struct segment *out, const struct segment_path *path, bool writable);

/* For segment_open() and segment_create(): the geometry from the header's numbers. -EINVAL: they can't be. */
int segment_geometry(struct segment *s, const struct segment_header *header);
int segment_map(struct segment *s, const struct segment_header *header, int fd, bool writable);

/*
 * Maps the parts of a file as far as the process's limits allow. -ENOMEM: not even what is in use; -EAGAIN: the limit
 * on locked memory admits nothing. segment_window_at(): @bytes at @offset, or NULL where they are not mapped.
 */
int segment_windows_open(struct segment *s, const struct segment_header *header, int fd);
void segment_windows_close(struct segment *s);
unsigned char *segment_window_at(const struct segment *s, uint64_t offset, uint64_t bytes);

/* The address space that the process may still take; the land for which a half of that is enough. */
uint64_t segment_room(void);
uint64_t segment_bytes_for(uint64_t room, uint64_t fixed);

/* -EOPNOTSUPP, said: the file is not in a tmpfs. */
int segment_check_file_system(const struct segment_path *path, int fd);

void segment_close(struct segment *s);

/*
 * Whether @s was replaced or destroyed, for good. Who only wants to end it is not yet to be seen. The look may
 * be late; succession_is_current() is not.
 */
static inline bool segment_is_over(const struct segment *s)
{
	/* relaxed: a late look lets one more call into a registry that is about to go */
	uint64_t word = load_relaxed(&s->header->successor);

	return caa_unlikely(word) && !(word & SEGMENT_PROPOSED);
}

/*
 * Sees what is reserved by now, and gives how many slabs, or buckets, that is; what other processes have reserved since
 * the last look is opened by mprotect(2). segment_see_logs(): whether the logs up to that of @seat may be touched.
 */
uint32_t segment_see_slabs(const struct segment *s);
uint64_t segment_see_buckets(const struct segment *s);
bool segment_see_logs(const struct segment *s, uint32_t seat);

/*
 * Whether all land that is in use can be seen from this process; what is wrong where a place cannot be: -ENOMEM: the
 * process could not map so much; -EUCLEAN: damage.
 */
bool segment_is_whole(const struct segment *s);
int segment_fault(const struct segment *s);

/* @bytes at @place, or NULL if not all of them are reserved. */
static inline void *segment_at(const struct segment *s, place_t place, uint32_t bytes)
{
	uint64_t offset = (uint64_t)place * LINE_BYTES;
	uint64_t end;

	/* relaxed: it only grows, and whoever links a place has reserved it before */
	end = s->land_offset + (uint64_t)load_relaxed(&s->view->slabs) * SLAB_BYTES;
	if (caa_unlikely(offset < s->land_offset || offset + bytes > end)) {
		end = s->land_offset + (uint64_t)segment_see_slabs(s) * SLAB_BYTES;
		if (offset < s->land_offset || offset + bytes > end)
			return NULL;
	}
	return s->land_base + offset;
}

/* Whether the header may say that there are so many; else it is damaged. */
static inline bool segment_buckets_can_be(const struct segment *s, uint64_t buckets)
{
	return buckets && buckets <= s->buckets_max && !(buckets & (buckets - 1));
}

/* A power of two, and maybe an old one: the buckets behind it are children of those. */
static inline uint64_t segment_buckets(const struct segment *s)
{
	uint64_t buckets = load_relaxed(&s->header->buckets); /* relaxed: as above */

	/* relaxed: as above; 0 is damage */
	if (caa_unlikely(buckets - 1 >= load_relaxed(&s->view->buckets)))
		return segment_see_buckets(s);
	return buckets;
}

static inline place_t segment_slab_place(const struct segment *s, uint32_t slab)
{
	return s->land_place + slab * (SLAB_BYTES / LINE_BYTES);
}

/* Who has opened the seat last; @seat is below s->seats. */
static inline const struct segment_who *segment_who(const struct segment *s, uint32_t seat)
{
	return (const struct segment_who *)(s->base + s->who_offset +
					    (uint64_t)seat * s->row_bytes);
}

/* The slab that @place lies in; only for places that segment_at() has let through. */
static inline uint32_t segment_slab_of(const struct segment *s, place_t place)
{
	return (place - s->land_place) / (SLAB_BYTES / LINE_BYTES);
}

#endif
