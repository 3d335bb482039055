/* SPDX-License-Identifier: MIT */
/*
 * What happens to a segment when its time is over: replaced by a successor, or destroyed.
 *
 * A segment belongs to one life table. When that is gone (another guard was started, or the
 * first one), nobody can attach to the segment any more, and as soon as nobody in it is alive the
 * next who opens the name replaces it. header->successor decides who:
 *
 *   step                                   killed or stopped here
 *   1 build the new one, without a name    nothing is left
 *   2 link it as FILE+ID                   a stray file: the next who takes over removes it
 *   3 CAS successor 0 -> ID                anyone who opens FILE goes on with step 4
 *   4 is anyone alive after all?           as 3; if so, CAS ID -> 0
 *   5 rename FILE+ID to FILE               done by whoever is first; the others find no FILE+ID
 *
 * The CAS of step 3 makes it happen, and nobody waits. Who registers counts his entry first and looks
 * at the successor then; who takes over writes the successor first and looks at the counts then: one of
 * them sees the other. IDs are random and never used twice, so a late rename finds nothing.
 *
 * A stray file is told by its lock: its maker holds flock() on it as long as it lives.
 *
 * Destroying sets successor to SEGMENT_DESTROYED and removes the name under flock() of the file:
 * only who holds that lock may remove it, so nobody can remove a newer file of the name. Should
 * the destroyer be killed in between, the next who opens the name finishes that too. One who is
 * stopped there keeps the name from being opened, and nobody else from anything.
 */
#include "shm/succession.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/gift.h"
#include "shm/interrupted.h"
#include "shm/row.h"

static bool successor_cas(const struct segment *s, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[successor_cas:A] full, with the fence: the successor, then a look at the rows;
	 * pairs with successor_load:A
	 */
	bool done = cas_acq_rel(&s->header->successor, seen, next);

	full_fence();
	/* Who sleeps has to learn that it is over. */
	if (done && next)
		bell_ring_all(s);
	return done;
}

static uint64_t successor_load(const struct segment *s)
{
	/*
	 * ORD[successor_load:A] full, before the load: our entry in the row, then the successor, and
	 * whether somebody listens; pairs with successor_cas:A, log_listen:A
	 */
	full_fence();
	return load_relaxed(&s->header->successor); /* relaxed: the fence has ordered it */
}

bool succession_is_current(const struct segment *s)
{
	return !successor_load(s);
}

static bool process_is_alive(pid_t pid, uint64_t start)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!access(path, R_OK))
		return row_process_start(pid) == start;
	/* /proc may hide it from us: who exists then counts as alive. */
	return !kill(pid, 0) || errno == EPERM;
}

/* @table: NULL if the segment's is gone. */
static bool owner_is_alive(const struct segment *s, const struct life_table *table, owner_t owner)
{
	const struct row *row = &s->rows[owner_seat(owner)];

	if (table)
		return life_is_alive(table, owner);
	return process_is_alive((pid_t)row->pid, row->start);
}

/* Of gifts the rows know nothing. */
static pid_t someone_has_gift(const struct segment *s, const struct life_table *table)
{
	uint32_t slab, slabs = gift_is_any(s) ? land_slabs(s) : 0;

	for (slab = 0; slab < slabs; slab++) {
		owner_t owner = gift_owner(s, slab);

		if (owner && owner_seat(owner) < s->seats && owner_is_alive(s, table, owner))
			return (pid_t)s->rows[owner_seat(owner)].pid;
	}
	return 0;
}

pid_t succession_someone_alive(const struct segment *s, const struct life_table *lives)
{
	struct life_table own = { .words = s->lives, .seats = s->seats };
	const struct life_table *table = s->lives ? &own : lives;
	uint32_t seat;

	if (table && table->identity != s->header->identity)
		table = NULL;
	for (seat = 0; seat < s->seats; seat++) {
		/* relaxed: a full fence stands before, and nothing is read through the word */
		owner_t owner = owner_of(load_relaxed(&s->rows[seat].entries), seat);

		if (interrupted_is_in_use(s, table, seat) && owner_is_alive(s, table, owner))
			return (pid_t)s->rows[seat].pid;
	}
	return someone_has_gift(s, table);
}

static int successor_name(char *out, size_t size, const struct segment_path *path, uint64_t id)
{
	int wanted = snprintf(out, size, "%s/%s+%016" PRIx64, path->directory, path->file, id);

	return wanted < (int)size ? 0 : -ENAMETOOLONG;
}

static void rename_successor(const struct segment_path *path, uint64_t id)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (successor_name(from, sizeof(from), path, id))
		return;
	snprintf(to, sizeof(to), "%s/%s", path->directory, path->file);
	/* Where it fails, another process was first. */
	rename(from, to);
}

/* Who has the file's lock: does the name still lead to this very file? */
static bool file_is_named(const struct segment *s, const struct segment_path *path)
{
	char name[PATH_MAX];
	struct stat here, there;

	snprintf(name, sizeof(name), "%s/%s", path->directory, path->file);
	return !fstat(s->fd, &here) && !lstat(name, &there) && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

/* @wait: flock()'s LOCK_NB or 0. */
static int file_remove(const struct segment *s, const struct segment_path *path, int wait)
{
	char name[PATH_MAX];

	while (flock(s->fd, LOCK_EX | wait)) {
		if (errno != EINTR)
			return -errno;
	}
	if (!file_is_named(s, path))
		return 0;
	snprintf(name, sizeof(name), "%s/%s", path->directory, path->file);
	return unlink(name) ? -errno : 0;
}

void succession_help(const struct segment *s, const struct segment_path *path)
{
	uint64_t seen = successor_load(s);

	if (seen == SEGMENT_DESTROYED)
		file_remove(s, path, LOCK_NB);
	else if (seen && succession_someone_alive(s, NULL))
		successor_cas(s, &seen, 0);
	else if (seen)
		rename_successor(path, seen);
}

/*
 * Its maker is dead, because we have its lock; so if it got as far as step 3, we see that, and the
 * file is the successor that everybody is to rename.
 */
static bool is_stray(const struct segment *s, const char *id)
{
	return strtoull(id, NULL, 16) != successor_load(s);
}

static void strays_remove(const struct segment *s, const struct segment_path *path)
{
	size_t length = strlen(path->file);
	DIR *directory = opendir(path->directory);
	struct dirent *at;
	int fd;

	if (!directory)
		return;
	while ((at = readdir(directory))) {
		if (strncmp(at->d_name, path->file, length) || at->d_name[length] != '+')
			continue;
		fd = openat(dirfd(directory), at->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_stray(s, at->d_name + length + 1))
			unlinkat(dirfd(directory), at->d_name, 0);
		close(fd);
	}
	closedir(directory);
}

static int replace(const struct segment *s, const struct segment_path *path,
		   const struct segment *next)
{
	uint64_t id = next->header->id, seen = 0;
	char name[PATH_MAX];
	int err;

	err = successor_name(name, sizeof(name), path, id);
	if (err)
		return err;
	if (flock(next->fd, LOCK_EX | LOCK_NB))
		return -errno;
	err = segment_publish(next, path, strrchr(name, '/') + 1);
	if (err)
		return err;
	if (!successor_cas(s, &seen, id)) { /* happens here */
		unlink(name);
		succession_help(s, path);
		return 0;
	}
	seen = id;
	if (succession_someone_alive(s, NULL) && successor_cas(s, &seen, 0)) {
		unlink(name);
		return -EBUSY;
	}
	rename_successor(path, id);
	return 0;
}

/*
 * The registry's own keys and values outlive the segment. They come to lie in the first slabs, whose owner
 * is nobody who ever lived.
 */
static int carry_over(const struct segment *s, const struct segment *next)
{
	place_t place =
		(place_t)(load_relaxed(&s->header->meta) >> PLACE_SHIFT); /* relaxed: no writer */
	const struct meta_head *from = place ? segment_at(s, place, sizeof(*from)) : NULL;
	uint32_t bytes = from ? from->bytes : 0, slabs, i;
	struct meta_head *to = (struct meta_head *)(next->base + next->land_offset);
	int err;

	if (!from || bytes > SEGMENT_META_MAX ||
	    !segment_at(s, place, (uint32_t)sizeof(*from) + bytes))
		return 0;
	slabs = (uint32_t)((sizeof(*from) + bytes + SLAB_BYTES - 1) / SLAB_BYTES);
	if (slabs > next->slabs_max)
		return -ENOSPC;
	err = segment_reserve(next->fd, next->directory_offset,
			      slabs * sizeof(struct directory_entry));
	if (!err)
		err = segment_reserve(next->fd, next->land_offset, (uint64_t)slabs * SLAB_BYTES);
	if (err)
		return err;
	memcpy(to, from, sizeof(*from) + bytes);
	to->bytes = bytes;
	to->owner = SEGMENT_NOBODY;
	for (i = 0; i < slabs; i++) {
		next->directory[i].owner = SEGMENT_NOBODY;
		next->directory[i].about = LAND_OF_META;
	}
	next->header->slabs = slabs;
	next->header->meta = (uint64_t)next->land_place << PLACE_SHIFT | 1;
	return 0;
}

int succession_take_over(const struct segment *s, const struct segment_path *path,
			 const struct segment_plan *plan)
{
	pid_t alive = succession_someone_alive(s, NULL);
	struct segment next;
	int err;

	if (alive) {
		segment_say(path,
			    "%s/%s was made under %s and process %d in it is alive; end it, "
			    "or `regtool destroy --force` the registry",
			    path->directory, path->file,
			    s->lives ? "the fallback" : "an earlier guard", alive);
		return -EBUSY;
	}
	strays_remove(s, path);
	err = segment_create(&next, path, plan);
	if (err)
		return err;
	err = carry_over(s, &next);
	if (!err)
		err = replace(s, path, &next);
	segment_close(&next);
	return err;
}

int succession_destroy(const struct segment *s, const struct segment_path *path,
		       const struct life_table *lives, bool force)
{
	uint64_t seen = 0;
	pid_t alive;

	if (!successor_cas(s, &seen, SEGMENT_DESTROYED) && seen != SEGMENT_DESTROYED) {
		succession_help(s, path);
		return -EAGAIN;
	}
	alive = succession_someone_alive(s, lives);
	if (alive && !force) {
		seen = SEGMENT_DESTROYED;
		successor_cas(s, &seen, 0);
		segment_say(path, "%s/%s is in use, by process %d for one; end it, or use --force",
			    path->directory, path->file, alive);
		return -EBUSY;
	}
	return file_remove(s, path, 0);
}
