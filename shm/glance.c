/* SPDX-License-Identifier: MIT */
/*
 * Copies of the parts that say who is alive and what each has: the rows, the lives of the
 * fallback, and the words of the slabs, among which the gifts are. Where a function of
 * row.c reads a row, it reads it in the copy.
 *
 * The parts are not read at the same instant. The rows come before the lives, so a count is of a
 * life that was alive later, as in row_owner().
 */
#include "shm/glance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "shm/entry.h"
#include "shm/judge.h"
#include "shm/land.h"
#include "shm/row.h"

/* Of the directory, in one piece. */
#define SLABS_AT_ONCE 256u

/* Private memory; @s has no mapping, and only its rows and figures may be used. */
struct copy {
	int fd;
	struct segment_header header;
	struct segment s;
	struct stat st;
	struct row *rows;
	uint64_t *words;
	struct life_table lives;
};

static int read_at(int fd, void *out, size_t bytes, uint64_t offset)
{
	ssize_t got = pread(fd, out, bytes, (off_t)offset);

	if (got < 0)
		return -errno;
	return (size_t)got == bytes ? 0 : -EPROTO;
}

/* The same to new memory, which is the caller's, also after an error of the reading. */
static void *read_new(int fd, size_t bytes, uint64_t offset, int *err)
{
	void *out = malloc(bytes ? bytes : 1);

	*err = out ? read_at(fd, out, bytes, offset) : -ENOMEM;
	return out;
}

/* The rows that were used, where row_look() finds them. */
static int read_rows(struct copy *c)
{
	uint64_t offset = (uint64_t)(uintptr_t)c->s.rows;
	int err;

	c->rows = read_new(c->fd, segment_rows(&c->s) * sizeof(struct row), offset, &err);
	c->s.rows = c->rows;
	return err;
}

static int read_lives(struct copy *c, const struct life_table *guard)
{
	int err;

	if (c->header.identity) {
		c->lives = *guard;
		return 0;
	}
	c->words = read_new(c->fd, c->s.seats * sizeof(*c->words), c->s.lives_offset, &err);
	c->lives = (struct life_table){ .words = c->words, .seats = c->s.seats };
	return err;
}

/* Whether the gift that begins in @slab is a name of a living owner. */
static int look_at_gift(const struct copy *c, uint32_t slab, uint64_t *names)
{
	struct entry entry;
	int err = read_at(c->fd, &entry, sizeof(entry),
			  c->s.land_offset + (uint64_t)slab * SLAB_BYTES);

	if (!err && !(entry.next & REF_MARK) && entry_kind(entry.info) == ENTRY_NAME &&
	    life_is_alive(&c->lives, entry.owner) && row_is_members(&c->s, &c->lives, entry.owner))
		++*names;
	return err;
}

/* A slab in use is memory of the file, so there are not more of them than it has. */
static uint64_t slabs_at_most(const struct copy *c)
{
	uint64_t slabs = (uint64_t)c->st.st_blocks * 512 / SLAB_BYTES;

	if (slabs > c->header.slabs)
		slabs = c->header.slabs;
	return slabs < c->s.slabs_max ? slabs : c->s.slabs_max;
}

static int count_gifts(const struct copy *c, uint64_t *names)
{
	struct directory_entry words[SLABS_AT_ONCE];
	uint64_t slabs = slabs_at_most(c), from;
	uint32_t some, i;
	int err = 0;

	if (c->header.gifts >> 32 == (uint32_t)c->header.gifts)
		return 0;
	for (from = 0; from < slabs && !err; from += some) {
		some = slabs - from < SLABS_AT_ONCE ? (uint32_t)(slabs - from) : SLABS_AT_ONCE;
		err = read_at(c->fd, words, some * sizeof(*words),
			      c->s.directory_offset + from * sizeof(*words));
		for (i = 0; i < some && !err; i++) {
			if (land_is_gift(words[i].owner))
				err = look_at_gift(c, (uint32_t)from + i, names);
		}
	}
	return err;
}

static int count_living(struct copy *c, const struct life_table *guard, struct glance *out)
{
	uint32_t owners;
	int err = read_rows(c);

	if (!err)
		err = read_lives(c, guard);
	if (err)
		return err;
	out->entries = row_sum(&c->s, &c->lives, &owners);
	out->owners = owners;
	return count_gifts(c, &out->entries);
}

/*
 * Without the table /proc is asked about each process that has opened it. Those of other
 * PID namespaces are not looked for: for each of them all of /proc would be read, and the
 * file says how many there are.
 */
static int count_judged(const struct copy *c, struct glance *out)
{
	uint32_t seat, end = segment_rows(&c->s);
	struct segment_who who;
	struct judge judge;
	int err = 0;

	judge_begin(&judge);
	judge.sees_all = false;
	for (seat = 0; seat < end && !err; seat++) {
		err = read_at(c->fd, &who, sizeof(who),
			      c->s.who_offset + (uint64_t)seat * c->s.row_bytes);
		if (!err && who.pid && judge_look(&judge, &who) != JUDGE_DEAD)
			out->owners++;
	}
	return err;
}

static int read_all(struct glance *out, struct copy *c, const struct segment_path *path,
		    const struct life_table *guard)
{
	int err = segment_examine(path, c->fd, &c->header, &c->s, &c->st);

	if (err)
		return err;
	c->s.header = &c->header;
	c->s.device = c->st.st_dev;
	c->s.inode = c->st.st_ino;
	out->layout = c->header.layout;
	out->is_guarded = c->header.identity;
	out->is_stranger = c->s.is_stranger;
	out->is_leftover = c->s.is_leftover || segment_is_over(&c->s) ||
			   (c->header.identity && c->header.identity != guard->identity);
	if (!c->s.is_stranger)
		out->keys = c->header.keys;
	if (c->s.is_leftover)
		return 0;
	return out->is_leftover || out->is_stranger ? count_judged(c, out)
						    : count_living(c, guard, out);
}

int glance(struct glance *out, const struct segment_path *path, const struct life_table *guard)
{
	struct copy c = { 0 };
	char name[PATH_MAX];
	int err;

	*out = (struct glance){ 0 };
	if (!text_join(name, sizeof(name),
		       (const char *[]){ path->directory, "/", path->file, NULL }))
		return -ENAMETOOLONG;
	c.fd = fd_open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (c.fd < 0)
		return c.fd;
	err = read_all(out, &c, path, guard);
	close(c.fd);
	free(c.rows);
	free(c.words);
	return err;
}
