/* SPDX-License-Identifier: MIT */
/*
 * The segment: one shared file, mapped by each process at an address of its own choice.
 *
 * It is the memory that all of shm/ works in; these files create, publish, open and map
 * it, and decide which of its bytes this process may touch.
 *
 * Promises  no process ever sees a half-built segment; a foreign object under the name
 *           never blocks the opener, is never followed or used, and is refused with a
 *           message; no access through segment_at() leaves the reserved part.
 * Needs     a tmpfs: sparse files, O_TMPFILE. No fd, once the segment is open.
 * Context   opening blocks on the file system; segment_at() is wait-free.
 * Used by   all files below it in HACKING.md's map of shm/.
 *
 * The geometry is copied out of the header at opening and never read there again. A
 * process that writes to the header later, by mistake or by malice, therefore cannot move
 * a part of the mapping under another process.
 */
#ifndef KREG_SHM_SEGMENT_H
#define KREG_SHM_SEGMENT_H

#include <sys/stat.h>
#include <sys/types.h>

#include "shm/atomic.h"
#include "shm/hash.h"
#include "shm/layout.h"
#include "shm/life.h"
#include "shm/place.h"

/*
 * How much of the mapping this process may touch, see segment_view.c.
 *
 * Private memory, written by any thread of the process without a lock. Each number is a
 * lower bound of what mprotect(2) has already opened, stored after that call: a thread
 * that finds a place below the bound touches it at once. A late store can only lower the
 * bound, and then costs one more mprotect().
 */
struct segment_view {
	/*
	 * Slabs known to be reserved in the file; segment_at() lets places below it
	 * through.
	 */
	uint32_t slabs;
	/*
	 * Slabs whose land and directory are accessible; never fewer than @slabs. It runs
	 * ahead of @slabs by an eighth, so that not every new slab costs two system
	 * calls.
	 */
	uint32_t slabs_open;
	/* Buckets that are accessible; a larger number in the header opens the others. */
	uint64_t buckets;
	/* The same for lines of the index; 0 where keys are not unique. */
	uint64_t lines;
	/* Blocks of groups that are accessible. */
	uint64_t groups;
	/* Seats whose logs are accessible: those of all seats below this number. */
	uint32_t logs;
	/* Calls that have asked for the next epoch, see index_level.c; no bound. */
	uint32_t asked;
};

/*
 * The number of buckets in a new registry: one page of them, with their lines of the
 * index. segment_create() reserves these and segment_view_begin() opens them, so a lookup
 * in this part never needs mprotect().
 */
#define SEGMENT_BUCKETS_FIRST (SEGMENT_PAGE / sizeof(uint64_t))

/*
 * How many entries a bucket is to have at most, where keys are unique: a line has room for
 * 7, and with 5 in the mean one in eight is full. Where keys are not unique searches walk
 * the list, and a bucket has one entry at most in the mean.
 */
#define SEGMENT_BUCKET_ENTRIES 5u

/*
 * Blocks of groups: the first ones, a page of them; and how many there can be for each slab.
 * With 256 names in 16 slabs, all of which have a slash, 27 are enough in the mean.
 */
#define SEGMENT_GROUPS_FIRST (SEGMENT_PAGE / sizeof(struct group_block))
#define SEGMENT_SLAB_GROUPS 2u

/*
 * A part of the file that is mapped, see segment_window.c: @bytes from @offset in the
 * file, at address @at. Only windows[0] is used where one mapping covers the whole file.
 * Constant after segment_map().
 */
#define SEGMENT_WINDOWS 6
struct segment_window {
	uint64_t offset, bytes;
	unsigned char *at;
};

/*
 * What a lookup reads of a segment, side by side; look.h. The last four are words that any
 * thread of the process stores, the rest is constant.
 */
struct segment_look {
	const struct segment_header *header;
	/* where there is no index, one line that is never complete */
	const struct index_line *lines;
	/* of slab 0 */
	const unsigned char *land;
	uint32_t land_twice;
	/* that lookups may follow a place to */
	uint32_t lines_of_land;
	/* in which the mask was read; LOOK_NEVER: it was not read. Beside the mask, see look_begin() */
	uint64_t epoch;
	/* of buckets: their number less 1 */
	uint64_t mask;
	/* that are reserved, in the fallback; 0 under the guard, where lookups need none */
	uint32_t rows;
};

#define LOOK_NEVER UINT64_MAX

/*
 * One open segment. Private memory, filled by segment_create() or segment_open() and
 * constant afterwards, except for the numbers behind @view and in @look, and for @fd,
 * which segment_publish() closes. So any thread may read it without a lock, as long as no other
 * one closes the handle.
 */
struct segment {
	struct segment_look look;
	/* The file is of another boot, or is a copy: no process lives in it. */
	bool is_leftover;
	/*
	 * Of another layout: only the preamble and segment_who() may be read. The
	 * pointers to slots, buckets, directory, logs and land mean nothing then.
	 */
	bool is_stranger;
	/* A stranger of layout 5 or 6, which has no number of rows that are reserved. */
	bool has_all_rows;
	/* Where the fixed parts are mapped: windows[0]. */
	unsigned char *base;
	/*
	 * Where the file's first byte would be if the land's window extended that far.
	 * Only an offset inside the land may be added to it.
	 */
	unsigned char *land_base;
	struct segment_window windows[SEGMENT_WINDOWS];
	/* On the heap and not in here, because callers hold the segment as const. */
	struct segment_view *view;
	struct segment_header *header;
	struct row *rows;
	struct slot *slots;
	/* The segment's own life words (fallback), or NULL under a guard. */
	uint64_t *lives;
	uint64_t *buckets;
	/* The index of a registry with unique keys; NULL: there is none. */
	struct index_line *lines;
	/* The groups of a registry with unique keys; NULL: none, or out of reach. */
	struct group_block *groups;
	struct directory_entry *directory;
	unsigned char *logs;
	/* The place of slab 0. */
	place_t land_place;
	/*
	 * The first is what the file has room for, the second what this process has
	 * mapped of it. A place between the two is sound but out of reach: -ENOMEM, not
	 * damage.
	 */
	uint32_t slabs_max;
	uint32_t slabs_mapped;
	uint32_t buckets_max;
	uint32_t groups_max;
	uint32_t seats;
	uint32_t slots_count;
	uint32_t partitions;
	/* The quota of one owner, in slabs; 0: none. */
	uint32_t owner_slabs;
	/* A name has at most one holder. */
	bool unique;
	struct hash_seed hash;
	uint64_t land_offset;
	uint64_t lives_offset;
	uint64_t rows_offset;
	uint64_t buckets_offset;
	uint64_t lines_offset;
	uint64_t groups_offset;
	uint64_t directory_offset;
	uint64_t logs_offset;
	/* Of each seat; a power of 2. */
	uint32_t log_bytes;
	/* Of the struct segment_who in the row of seat 0. */
	uint64_t who_offset;
	uint32_t row_bytes;
	uint64_t bytes;
	/*
	 * More than the number of links in a list of all entries and buckets. A search
	 * that has followed more is in a circle and gives up.
	 */
	uint64_t hops_max;
	/*
	 * Of the file. No other file has the same pair while this one is mapped, because
	 * the mapping keeps the inode in use. The guard's note of who has opened what is
	 * keyed by this pair.
	 */
	dev_t device;
	ino_t inode;
	/*
	 * The file of a segment that has no name yet; -1 from segment_publish() on, and
	 * always after segment_open().
	 */
	int fd;
	bool writable;
};

/* The parameters of a new segment. The caller sets all fields. */
struct segment_plan {
	uint64_t identity;
	uint64_t max_bytes;
	/* The quota of one owner; 0: none. */
	uint64_t owner_bytes;
	uint32_t seats;
	uint32_t slots;
	uint32_t keys;
	uint32_t partitions;
	uint32_t patience_ms;
	mode_t mode;
	/* (gid_t)-1: the caller's. */
	gid_t group;
	/*
	 * Set if the caller did not ask for max_bytes explicitly. It is then lowered to
	 * what this process can map: else the maker, or the next process with the same
	 * limits, would have land beyond its window.
	 */
	bool may_shrink;
};

/* The location of a registry's file, and the receiver of the reason if it is refused. */
struct segment_path {
	const char *directory;
	/* Without the directory. */
	const char *file;
	/* The required owner of the file. */
	uid_t owner;
	void (*log)(const char *sentence, void *data);
	void *log_data;
	/*
	 * Set to true when a message was logged, so that the caller does not add a vaguer
	 * one; may be NULL.
	 */
	bool *said;
};

/*
 * Logs one message about the file at @path. Cut at 2047 bytes; without @path->log nothing
 * but @path->said is set.
 */
__attribute__((format(printf, 2, 3))) void segment_say(const struct segment_path *path,
						       const char *format, ...);

/*
 * Builds a segment without a name, for segment_publish(). Killed inside: the kernel drops
 * the file. On an error *out is untouched, and nothing is left.
 *
 * -EINVAL: the plan is out of range; -ENOSPC: no room for the fixed parts; -EFBIG: beyond
 * RLIMIT_FSIZE; -EOPNOTSUPP: not in a tmpfs; -ENOMEM, and what open(2) returns.
 */
int segment_create(struct segment *out, const struct segment_path *path,
		   const struct segment_plan *plan);

/*
 * Reserves a part of the file, so that touching it cannot fail, and makes it accessible.
 * Idempotent: any number of processes may reserve the same part at once.
 *
 * -ENOSPC: there is no room for all of it; -ENOMEM: outside of this process's windows, or
 * too many mappings. After an error a part may be reserved and stays so. The caller must
 * not touch any of it, and must not raise the number that says how much is reserved.
 */
int segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes);

/*
 * The same for @count slabs from @slab on and for their directory entries. The directory
 * comes first: a slab without a word saying whose it is would be of no use.
 */
int segment_reserve_slabs(const struct segment *s, uint32_t slab, uint64_t count);

/*
 * Reserves elements [*high, @wanted) of an array of the fixed parts, of @bytes each, and
 * raises *high, a number that only grows. All below *high are reserved already.
 */
int segment_raise(const struct segment *s, uint64_t *high, uint32_t wanted, const void *array,
		  uint32_t bytes);

/*
 * For segment_map(): makes the fixed parts and the buckets of a new mapping, all of which
 * is PROT_NONE so far, accessible, and allocates @s->view. -ENOMEM.
 *
 * segment_open_part(): makes any part accessible; idempotent, and keeps errno, because a
 * lookup in a signal handler may need it. -ENOMEM: not mapped here, or too many mappings.
 */
int segment_view_begin(struct segment *s, const struct segment_header *header);
int segment_open_part(const struct segment *s, uint64_t offset, uint64_t bytes);

/*
 * Links a segment made by segment_create() under @file and gives up its fd. -EEXIST: the
 * name is taken; @s is as before then.
 */
int segment_publish(struct segment *s, const struct segment_path *path, const char *file);

/*
 * Maps the segment of that name, of whatever kind (see segment_open.c). On an error *out
 * is untouched.
 *
 * -ENOENT: no file; -EPROTO: not a segment of that name, or one that can only be removed
 * by force; -EPERM: another user's; -EOPNOTSUPP: not in a tmpfs; -EACCES, -ENOMEM.
 */
int segment_open(struct segment *out, const struct segment_path *path, bool writable);

/*
 * What fstat(2) says of a registry's file, as far as it is used: device, inode, mode, links, user,
 * size, blocks; and when the kernel made it, in nanoseconds, which nobody can change; 0: not known.
 */
int segment_stat(int fd, struct stat *st, uint64_t *born);

/*
 * All checks of segment_open(), of an open @fd, without mapping anything. 0: *header is a
 * private copy of the header, *s what follows from it, with offsets in the pointers, and
 * *st is of the file. Errors as segment_open().
 */
int segment_examine(const struct segment_path *path, int fd, struct segment_header *header,
		    struct segment *s, struct stat *st);

/*
 * For segment_open() and segment_create(). segment_geometry() computes the size and
 * offset of each part from the header's numbers, clears the rest of *s, and fails with
 * -EINVAL if they are out of range. @header is a private copy; it is untrusted.
 *
 * segment_map(), after it: maps the parts, and turns the offsets that segment_geometry()
 * left in the pointers into addresses. @fd, of which @st is the status, is not kept.
 */
int segment_geometry(struct segment *s, const struct segment_header *header);
int segment_map(struct segment *s, const struct segment_header *header, int fd,
		const struct stat *st, bool writable);

/*
 * Maps the parts of a file as far as the process's limits allow. -ENOMEM: not even the
 * part in use fits; -EAGAIN: the limit on locked memory admits nothing. Everything is
 * mapped PROT_NONE; see segment_view.c.
 *
 * segment_window_at(): the address of @bytes at @offset, or NULL where not all of them
 * are mapped. It says nothing about whether they are reserved or accessible.
 */
int segment_windows_open(struct segment *s, const struct segment_header *header, int fd);
void segment_windows_close(struct segment *s);
unsigned char *segment_window_at(const struct segment *s, uint64_t offset, uint64_t bytes);

/*
 * segment_room(): the address space that the process may still map. segment_bytes_for():
 * how much land a segment may have so that it and its fixed parts of @fixed bytes fit
 * into half of @room, with its directory and buckets.
 */
uint64_t segment_room(void);
uint64_t segment_bytes_for(uint64_t room, uint64_t fixed);

/*
 * -EOPNOTSUPP, with a message: the file is not in a tmpfs. Elsewhere a file would outlive
 * a reboot.
 */
int segment_check_file_system(const struct segment_path *path, int fd);

/*
 * Unmaps @s and closes its fd, if any. No thread may be inside a call on it. Harmless for
 * a segment that is only half set up, and when repeated.
 */
void segment_close(struct segment *s);

/*
 * Whether @s was replaced or destroyed, for good. A mere proposal to end it does not
 * count. The answer may be stale by the time it is used; succession_is_current() is not.
 */
static inline bool segment_is_over(const struct segment *s)
{
	/*
	 * relaxed: a stale answer admits one more call into a registry that is about to
	 * end
	 */
	uint64_t word = load_relaxed(&s->header->successor);

	return caa_unlikely(word) && !(word & SEGMENT_PROPOSED);
}

/*
 * Looks up how many slabs, buckets, or blocks of groups, are reserved by now, makes them accessible and
 * returns the number. Memory that other processes have reserved since the last look is
 * opened by mprotect(2); where the kernel refuses that, the old number is returned and
 * the rest stays out of reach. Signal-safe.
 *
 * segment_see_logs(): whether the logs up to that of @seat are accessible.
 */
uint32_t segment_see_slabs(const struct segment *s);
uint64_t segment_see_buckets(const struct segment *s);
uint64_t segment_see_groups(const struct segment *s);
bool segment_see_logs(const struct segment *s, uint32_t seat);

/*
 * segment_is_whole(): whether this process can see all land and buckets that are in use.
 * A caller that concludes something from not finding anything (a count, a sweep, the end
 * of a registry) must ask this first, or it takes unseen gifts and entries for absent
 * ones.
 *
 * segment_fault(): the error for a place that segment_at() refuses. -ENOMEM: the process
 * could not map that much; -EUCLEAN: damage.
 */
bool segment_is_whole(const struct segment *s);
int segment_fault(const struct segment *s);

/*
 * The address of @bytes at @place, or NULL if not all of them are reserved. Every place
 * read from shared memory must go through here (or segment_entry()): any process with
 * write access can store any number there, and touching a page that is not reserved is
 * SIGBUS on a full file system.
 */
static inline void *segment_at(const struct segment *s, place_t place, uint32_t bytes)
{
	uint64_t offset = (uint64_t)place * LINE_BYTES;
	uint64_t end;

	/* relaxed: it only grows, and a place is linked only after it was reserved */
	end = s->land_offset + (uint64_t)load_relaxed(&s->view->slabs) * SLAB_BYTES;
	if (caa_unlikely(offset < s->land_offset || offset + bytes > end)) {
		end = s->land_offset + (uint64_t)segment_see_slabs(s) * SLAB_BYTES;
		if (offset < s->land_offset || offset + bytes > end)
			return NULL;
	}
	return s->land_base + offset;
}

/*
 * Whether @buckets, from the header, is a possible number: a power of two, in range.
 * Otherwise the header is damaged, and using the number as a mask would lead outside of
 * the array.
 */
static inline bool segment_buckets_can_be(const struct segment *s, uint64_t buckets)
{
	return buckets && buckets <= s->buckets_max && !(buckets & (buckets - 1));
}

/* The number in the header's word. */
static inline uint64_t segment_buckets_of(uint64_t word)
{
	return word & ~BUCKETS_UNINDEXED;
}

/* Parts begin on pages, because they are reserved and opened page by page. */
static inline uint64_t segment_whole_pages(uint64_t bytes)
{
	return (bytes + SEGMENT_PAGE - 1) / SEGMENT_PAGE * SEGMENT_PAGE;
}

/* The level of a number of buckets, which is a power of two: its logarithm. */
static inline uint64_t segment_level(uint64_t buckets)
{
	return (uint64_t)__builtin_ctzll(buckets);
}

/* How many buckets the entries of @slabs are to have, if each takes a line of land. */
static inline uint64_t segment_slabs_buckets(const struct segment *s, uint64_t slabs)
{
	const uint64_t entries = slabs * (SLAB_BYTES / LINE_BYTES);

	return s->unique ? (entries + SEGMENT_BUCKET_ENTRIES - 1) / SEGMENT_BUCKET_ENTRIES
			 : entries;
}

/* The bytes of a bucket, with its line. */
static inline uint64_t segment_bucket_bytes(const struct segment *s)
{
	return sizeof(uint64_t) + (s->unique ? sizeof(struct index_line) : 0);
}

/*
 * The number of buckets, a power of two. It may be stale: the buckets added since are
 * children of those, so a search only starts further away.
 */
static inline uint64_t segment_buckets(const struct segment *s)
{
	/* relaxed: stale is as good, see above */
	uint64_t buckets = load_relaxed(&s->header->buckets);

	/*
	 * relaxed: a bound of this process's own. 0 wraps here, and is damage; and
	 * BUCKETS_UNINDEXED is beyond any bound.
	 */
	if (caa_unlikely(buckets - 1 >= load_relaxed(&s->view->buckets)))
		return segment_see_buckets(s);
	return buckets;
}

static inline place_t segment_slab_place(const struct segment *s, uint32_t slab)
{
	return s->land_place + slab * (SLAB_BYTES / LINE_BYTES);
}

/* Whether a segment with this word in its header has a preamble, of whatever layout. */
static inline bool segment_has_preamble(uint64_t marker)
{
	return marker == SEGMENT_MARKER || marker == SEGMENT_MARKER_WHOLE;
}

/*
 * How many rows are reserved: one more than the last seat whose row was ever opened.
 * Never above s->seats, because the word in the header may be damaged and callers index
 * rows by the result. Valid for a stranger too.
 */
static inline uint32_t segment_rows(const struct segment *s)
{
	uint64_t high;

	if (caa_unlikely(s->has_all_rows))
		return s->seats;
	/*
	 * ORD[segment_rows:A] acquire: that the memory is reserved, then a touch of it;
	 * pairs with segment_raise:A
	 */
	high = load_acquire(&s->header->seats_high);
	return caa_likely(high < s->seats) ? (uint32_t)high : s->seats;
}

/* The same of slots. */
static inline uint32_t segment_slots(const struct segment *s)
{
	/* ORD[segment_slots:A] acquire: as above; pairs with segment_raise:A */
	uint64_t high = load_acquire(&s->header->slots_high);

	return caa_likely(high < s->slots_count) ? (uint32_t)high : s->slots_count;
}

/*
 * The process that opened the registry last in @seat, which must be below
 * segment_rows(). Valid for a stranger too: its own row size and offset are used.
 */
static inline const struct segment_who *segment_who(const struct segment *s, uint32_t seat)
{
	return (const struct segment_who *)(s->base + s->who_offset +
					    (uint64_t)seat * s->row_bytes);
}

/*
 * The slab that @place lies in; only for places that segment_at() has accepted, as
 * anything else underflows or runs beyond the directory.
 */
static inline uint32_t segment_slab_of(const struct segment *s, place_t place)
{
	return (place - s->land_place) / (SLAB_BYTES / LINE_BYTES);
}

#endif
