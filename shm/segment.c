/* SPDX-License-Identifier: MIT */
/*
 * Creating and publishing a segment.
 *
 * A segment is built in a file that has no name yet (O_TMPFILE): its size is set, its
 * fixed parts are reserved, its header is filled. One linkat() then gives it its name,
 * and fails if the name is taken. So:
 *
 *   killed here              what is left
 *   before the linkat        nothing: the kernel drops a file without a name
 *   after it                 a whole segment
 *
 *   stopped in front of it   nothing anyone can see; a late linkat fails with EEXIST if
 *                            somebody else has the name by then
 *
 * The order matters: were the file linked before it is filled, an opener would have to
 * wait for the maker or to judge whether it is dead.
 */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/boot.h"
#include "base/fd.h"

/*
 * What max_bytes is never lowered below. A process that cannot map even this gets its
 * error from the mapping, which names the limit.
 */
#define MAX_BYTES_LEAST (1ull << 20)
/*
 * Half of the slabs that places can number. The fixed parts, buckets, directory and logs
 * need numbers too; segment_geometry() checks the sum.
 */
#define SLABS_LIMIT ((uint64_t)PLACE_MAX / (SLAB_BYTES / LINE_BYTES) / 2)

void segment_say(const struct segment_path *path, const char *format, ...)
{
	char sentence[2048];
	va_list list;

	if (path->said)
		*path->said = true;
	if (!path->log)
		return;
	va_start(list, format);
	vsnprintf(sentence, sizeof(sentence), format, list);
	va_end(list);
	path->log(sentence, path->log_data);
}

/*
 * The geometry follows from header->{max_bytes, seats, slots, identity}. It is computed
 * in the same way by every process, so nothing but these numbers has to be trusted; they
 * are bounded here before they are multiplied. s->rows, slots and lives hold offsets
 * until segment_map().
 */
int segment_geometry(struct segment *s, const struct segment_header *header)
{
	uint64_t offset = SEGMENT_PAGE;
	uint64_t slabs = header->max_bytes / SLAB_BYTES;
	uint64_t buckets = SEGMENT_BUCKETS_FIRST;

	if (!slabs || slabs > SLABS_LIMIT || !header->seats || header->seats > LIFE_SEATS_MAX ||
	    !header->slots || header->slots > 1u << 20 || !header->partitions ||
	    header->partitions > SEGMENT_PARTITIONS_MAX)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->unique = !header->keys;
	/*
	 * Room for the buckets of one entry for each line of land, the most there can be;
	 * but not beyond what the order of an entry tells apart.
	 */
	while (buckets < segment_slabs_buckets(s, slabs) && buckets <= ORDER_HASH)
		buckets *= 2;
	s->seats = header->seats;
	s->slots_count = header->slots;
	s->partitions = header->partitions;
	s->owner_slabs = header->owner_slabs;
	s->slabs_max = (uint32_t)slabs;
	s->buckets_max = (uint32_t)buckets;
	hash_seed_make(&s->hash, header->seed);
	s->lives = (uint64_t *)(uintptr_t)offset;
	s->lives_offset = offset;
	/* Under a guard the lives are in the guard's table, and this part is empty. */
	if (!header->identity)
		offset += segment_whole_pages(s->seats * sizeof(uint64_t));
	s->rows = (struct row *)(uintptr_t)offset;
	s->row_bytes = sizeof(struct row);
	s->rows_offset = offset;
	s->who_offset = offset + ROW_WHO;
	offset += segment_whole_pages(s->seats * sizeof(struct row));
	s->slots = (struct slot *)(uintptr_t)offset;
	offset += segment_whole_pages(s->slots_count * sizeof(struct slot));
	s->buckets_offset = offset;
	offset += segment_whole_pages(buckets * sizeof(uint64_t));
	s->lines_offset = offset;
	if (s->unique)
		offset += buckets * sizeof(struct index_line);
	s->groups_offset = offset;
	s->groups_max = s->unique ? SEGMENT_GROUPS_FIRST + s->slabs_max * SEGMENT_SLAB_GROUPS : 0;
	offset += segment_whole_pages(s->groups_max * sizeof(struct group_block));
	s->directory_offset = offset;
	offset += segment_whole_pages(slabs * sizeof(struct directory_entry));
	s->logs_offset = offset;
	s->log_bytes = LOG_BYTES_MOST;
	while (s->log_bytes > LOG_BYTES_LEAST &&
	       (uint64_t)s->seats * s->log_bytes > header->max_bytes / 2)
		s->log_bytes /= 2;
	offset += (uint64_t)s->seats * s->log_bytes;
	s->land_offset = offset;
	s->land_place = (place_t)(offset / LINE_BYTES);
	s->bytes = offset + slabs * SLAB_BYTES;
	/* Each line of land may be an entry, and each bucket a link, once. */
	s->hops_max = slabs * (SLAB_BYTES / LINE_BYTES) + buckets + 1;
	return s->bytes / LINE_BYTES <= PLACE_MAX ? 0 : -EINVAL;
}

/* For lookups where there is no index: it says that it is not complete. */
static const struct index_line no_line __attribute__((aligned(LINE_BYTES)));

/*
 * Needs the geometry. Device and inode are those that the guard notes beside the seat of
 * each process that opens the registry; segment_create() writes the inode into the
 * header, by which a copy is recognised later. On an error nothing is mapped.
 */
int segment_map(struct segment *s, const struct segment_header *header, int fd,
		const struct stat *st, bool writable)
{
	int err = segment_windows_open(s, header, fd);

	if (err)
		return err;
	s->device = st->st_dev;
	s->inode = st->st_ino;
	/*
	 * windows[0] begins at offset 0 in every case. Until segment_view_begin() has
	 * returned, no byte of it may be touched.
	 */
	s->base = s->windows[0].at;
	s->writable = writable;
	err = segment_view_begin(s, header);
	if (err) {
		segment_windows_close(s);
		s->base = NULL;
		return err;
	}
	s->header = (struct segment_header *)s->base;
	s->rows = (struct row *)(s->base + (uintptr_t)s->rows);
	s->slots = (struct slot *)(s->base + (uintptr_t)s->slots);
	s->lives = header->identity ? NULL : (uint64_t *)(s->base + (uintptr_t)s->lives);
	s->buckets = (uint64_t *)(s->base + s->buckets_offset);
	/*
	 * Another layout has its parts elsewhere; only base, header and who_offset are
	 * valid.
	 */
	if (s->is_stranger)
		return 0;
	/*
	 * Each of these may start in a window of its own. logs is NULL if the window has
	 * none, see segment_see_logs().
	 */
	s->directory = (struct directory_entry *)segment_window_at(s, s->directory_offset, 0);
	if (s->unique)
		s->lines = (struct index_line *)segment_window_at(s, s->lines_offset, 0);
	if (s->unique)
		s->groups = (struct group_block *)segment_window_at(s, s->groups_offset, 0);
	s->logs = segment_window_at(s, s->logs_offset, 0);
	s->land_base = segment_window_at(s, s->land_offset, 0) - s->land_offset;
	s->look = (struct segment_look){ .header = s->header,
					 .lines = s->lines ? s->lines : &no_line,
					 .land = s->land_base + s->land_offset,
					 .land_twice = s->land_place * 2,
					 .epoch = LOOK_NEVER };
	return 0;
}

/*
 * The quota in slabs, rounded up: rounded down, a small one would become 0, which means
 * no quota.
 */
static uint32_t owner_slabs(const struct segment_plan *plan)
{
	uint64_t slabs = plan->owner_bytes / SLAB_BYTES + !!(plan->owner_bytes % SLAB_BYTES);

	return slabs < UINT32_MAX ? (uint32_t)slabs : UINT32_MAX;
}

/*
 * The planned size; if the caller did not ask for a size, at most what this process can
 * map.
 */
static uint64_t max_bytes(const struct segment_plan *plan)
{
	uint64_t fixed = plan->seats * (sizeof(struct row) + sizeof(uint64_t)) +
			 plan->slots * sizeof(struct slot);
	uint64_t room = plan->may_shrink ? segment_room() : UINT64_MAX, most;

	if (room == UINT64_MAX)
		return plan->max_bytes;
	most = segment_bytes_for(room, fixed);
	if (most < MAX_BYTES_LEAST)
		most = MAX_BYTES_LEAST;
	return plan->max_bytes < most ? plan->max_bytes : most;
}

/*
 * Fills the private copy of the header. header->inode is still 0: the file does not exist
 * yet. Returns the error of getrandom(2).
 */
static int header_fill(struct segment_header *header, const struct segment_path *path,
		       const struct segment_plan *plan)
{
	memset(header, 0, sizeof(*header));
	/*
	 * An id of 0 would mean "in use" in the successor word of a registry that this
	 * one is to replace, and the two low bits are flags there.
	 */
	do {
		if (getrandom(&header->id, sizeof(header->id), 0) != sizeof(header->id) ||
		    getrandom(&header->seed, sizeof(header->seed), 0) != sizeof(header->seed))
			return -errno;
		header->id &= SEGMENT_ID_MASK;
	} while (!header->id);
	header->magic = SEGMENT_MAGIC;
	header->marker = SEGMENT_MARKER;
	header->layout = SEGMENT_LAYOUT;
	header->row_bytes = sizeof(struct row);
	header->who_offset = ROW_WHO;
	boot_id(header->boot);
	snprintf(header->file, sizeof(header->file), "%s", path->file);
	header->keys = plan->keys;
	header->partitions = plan->partitions;
	header->identity = plan->identity;
	/* Whole runs of slabs, and so whole pages. */
	header->max_bytes = max_bytes(plan) / (SLAB_RUN * SLAB_BYTES) * (SLAB_RUN * SLAB_BYTES);
	header->owner_slabs = owner_slabs(plan);
	header->seats = plan->seats;
	header->slots = plan->slots;
	header->patience_ms = plan->patience_ms;
	/* Not 0, which in struct grace_named means that the hazards were not read yet. */
	header->epoch = 2;
	header->buckets = SEGMENT_BUCKETS_FIRST;
	header->prepare = SEGMENT_BUCKETS_FIRST;
	header->group_next = SEGMENT_GROUPS_FIRST;
	header->level = segment_level(SEGMENT_BUCKETS_FIRST) << LEVEL_SHIFT | LEVEL_SETTLED;
	return 0;
}

/*
 * Reserves the header, the lives of the fallback behind it, the first page of buckets with
 * their lines, and the first page of the directory. After this, opening the segment
 * and every lookup in an empty table touch reserved pages only. Rows and slots are
 * reserved as they are used, up to seats_high and slots_high, which are 0.
 */
static int fixed_reserve(const struct segment *s)
{
	int err = segment_reserve(s, 0, s->rows_offset);

	if (!err)
		err = segment_reserve(s, s->buckets_offset, SEGMENT_PAGE);
	if (!err && s->unique)
		err = segment_reserve(s, s->lines_offset,
				      SEGMENT_BUCKETS_FIRST * sizeof(struct index_line));
	return err ? err : segment_reserve(s, s->directory_offset, SEGMENT_PAGE);
}

/*
 * An fd of a new file without a name, with the planned group and mode; or an error,
 * logged.
 */
static int file_create(const struct segment_path *path, const struct segment_plan *plan)
{
	int fd = fd_open(path->directory, O_TMPFILE | O_RDWR, plan->mode);
	int err;

	if (fd < 0) {
		err = fd;
		segment_say(path,
			    "cannot create a file in %s: %s; it must be a tmpfs that you may "
			    "write to",
			    path->directory, strerror(-err));
		return err;
	}
	err = segment_check_file_system(path, fd);
	if (err)
		goto fail;
	if (plan->group != (gid_t)-1 && fchown(fd, (uid_t)-1, plan->group)) {
		err = -errno;
		segment_say(path, "cannot change the registry's group to %u: %s; you must be in it",
			    plan->group, strerror(-err));
		goto fail;
	}
	/* open(2) applied the umask, which is not to restrict the plan's mode. */
	if (fchmod(fd, plan->mode)) {
		err = -errno;
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return err;
}

/*
 * Beyond RLIMIT_FSIZE, ftruncate() would end the process by SIGXFSZ instead of failing.
 */
static int size_check(const struct segment_path *path, uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= bytes)
		return 0;
	segment_say(
		path,
		"a registry file of %llu bytes exceeds the file size limit of %llu, although few "
		"of them are used; raise it (ulimit -f) or ask for fewer bytes",
		(unsigned long long)bytes, (unsigned long long)limit.rlim_cur);
	return -EFBIG;
}

/*
 * Sets the size of the file, maps it, reserves its fixed parts, and notes in @header which file it
 * is. On an error *s may be mapped; the caller closes it.
 */
static int file_map(const struct segment_path *path, int fd, struct segment *s,
		    struct segment_header *header)
{
	int err = size_check(path, s->bytes);
	struct stat st;

	if (err)
		return err;
	/* The size comes first: the windows reach to the end of the file. */
	err = ftruncate(fd, (off_t)s->bytes) ? -errno : segment_stat(fd, &st, &header->born);
	if (!err)
		err = segment_map(s, header, fd, &st, true);
	if (err) {
		segment_say(
			path,
			"cannot map the %llu bytes of a new registry in %s: %s; raise the limit "
			"on address space or locked memory, or ask for fewer bytes",
			(unsigned long long)s->bytes, path->directory, strerror(-err));
		return err;
	}
	header->inode = s->inode;
	header->rows_offset = (uint32_t)s->rows_offset;
	/*
	 * Before the header is written: a store to a page that is not reserved is SIGBUS
	 * if the tmpfs is full.
	 */
	err = fixed_reserve(s);
	if (err)
		segment_say(path,
			    "cannot reserve memory for a registry in %s: %s; free space there",
			    path->directory, strerror(-err));
	return err;
}

int segment_create(struct segment *out, const struct segment_path *path,
		   const struct segment_plan *plan)
{
	struct segment s = { .fd = -1 };
	struct segment_header header;
	uint32_t i;
	int fd, err;

	err = header_fill(&header, path, plan);
	if (err) {
		segment_say(path, "cannot get random numbers: getrandom(2): %s", strerror(-err));
		return err;
	}
	err = segment_geometry(&s, &header);
	if (err) {
		segment_say(path,
			    "kreg_open: options->max_bytes, seats or slots is out of range: %llu "
			    "bytes, "
			    "%u seats, %u slots",
			    (unsigned long long)plan->max_bytes, plan->seats, plan->slots);
		return err;
	}
	fd = file_create(path, plan);
	if (fd < 0)
		return fd;
	err = file_map(path, fd, &s, &header);
	if (err) {
		segment_close(&s);
		close(fd);
		return err;
	}
	/* From here on s owns the fd. */
	s.fd = fd;
	/* Plain stores: no other process can map the file before the linkat(). */
	memcpy(s.header, &header, sizeof(header));
	/*
	 * Bucket 0 is the head of the list, here an empty one. It is the only bucket that
	 * exists without being linked, so every search has a start.
	 */
	s.buckets[0] = REF_END;
	/* The first lines are complete, because nothing is registered. */
	for (i = 0; s.unique && i < SEGMENT_BUCKETS_FIRST; i++)
		s.lines[i].control = INDEX_COMPLETE;
	*out = s;
	return 0;
}

/*
 * The link goes through /proc, because linkat() of an fd itself (AT_EMPTY_PATH) needs
 * CAP_DAC_READ_SEARCH.
 */
int segment_publish(struct segment *s, const struct segment_path *path, const char *file)
{
	char from[64], to[PATH_MAX];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", s->fd);
	if (snprintf(to, sizeof(to), "%s/%s", path->directory, file) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW)) /* happens here */
		return -errno;
	/* The mapping keeps the file; an open registry has no fd. */
	close(s->fd);
	s->fd = -1;
	return 0;
}

void segment_close(struct segment *s)
{
	segment_windows_close(s);
	free(s->view);
	if (s->fd >= 0)
		close(s->fd);
	memset(s, 0, sizeof(*s));
	s->fd = -1;
}
