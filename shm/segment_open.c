/* SPDX-License-Identifier: MIT */
/*
 * Opening: what kind of object is under a name, and whether it may be used.
 *
 * Where others may write into the folder, they may have put anything under the name. So
 * it is opened without blocking (a FIFO would wait for a writer) and without following a
 * link, and it is believed only as far as the kernel vouches for it:
 *
 *   found                                                      is
 *   not a plain file; another user's; not in a tmpfs           refused
 *   a file without any link left                               not there
 *   a file with several links that others may write to;        refused: a name that
 *     or made under another name                               leads to another registry
 *   without the magic, or with impossible numbers              refused; removed by force
 *   of a layout without a preamble                             the same
 *   of another layout                                          a stranger
 *   of another boot; or in another inode than it was made in   a leftover
 *   anything else                                              ordinary
 *
 * A lease of fcntl(2), which only the file's user and root may have, makes such an open fail with EAGAIN; it also
 * asks the holder to end the lease, and the kernel ends it when that has taken too long. So it is reported, to be
 * tried again, and not waited for.
 *
 * The name in the header is believed if only the file's owner can have changed it. A user
 * that a registry admits for writing could link it under a second name and change the
 * name in the header, so then there must be no second link.
 *
 * Another boot, or a copy: by inode and birth time. The kernel sets the time at which a file was
 * made, to the tick of its clock, and nobody can change it, so a file of another boot, which can
 * only be a copy, has another one; and the boot id need not be read, which takes seven system calls.
 * Where the birth time is not known, by an old kernel's tmpfs or because a filter refuses statx(2), the
 * boot id decides instead. Inodes of a new tmpfs are numbered from 2, so the inode alone would be no proof.
 *
 * The header is read with pread() before anything is mapped: a file that is too short is
 * recognised by its size, not by SIGBUS. Nothing is changed, so a process killed anywhere
 * leaves nothing.
 */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "shm/boot.h"
#include "base/fd.h"
#include "base/kernel.h"
#include "base/text.h"

/* A path of a registry that is opened without malloc(). */
#define NAME_SHORT 192

/* Only the fields that are used of a registry's file. */
int segment_stat(int fd, struct stat *st, uint64_t *born)
{
	struct statx x;

	*born = 0;
	if (kernel_statx(fd, STATX_BASIC_STATS | STATX_BTIME, &x))
		return fstat(fd, st) ? -errno : 0;
	memset(st, 0, sizeof(*st));
	st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	st->st_ino = x.stx_ino;
	st->st_mode = x.stx_mode;
	st->st_nlink = x.stx_nlink;
	st->st_uid = x.stx_uid;
	st->st_size = (off_t)x.stx_size;
	st->st_blocks = (blkcnt_t)x.stx_blocks;
	if (x.stx_mask & STATX_BTIME)
		*born = (uint64_t)x.stx_btime.tv_sec * 1000000000ull + x.stx_btime.tv_nsec;
	return 0;
}

/* For a message; not called for a regular file. */
static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFDIR:
		return "a folder";
	default:
		return "a device";
	}
}

/* Asked of the fd, not of the path, whose meaning may change in between. */
int segment_check_file_system(const struct segment_path *path, int fd)
{
	struct statfs fs;

	if (kernel_fstatfs(fd, &fs)) {
		int err = -errno;

		segment_say(path,
			    "cannot determine the file system of %s: %s; allow fstatfs(2) in the "
			    "sandbox",
			    path->directory, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type == TMPFS_MAGIC)
		return 0;
	segment_say(path,
		    "%s is not in a tmpfs but in a file system of type %#lx, where files outlive a "
		    "reboot; set KREG_DIR to a folder in a tmpfs, such as /dev/shm",
		    path->directory, (unsigned long)fs.f_type);
	return -EOPNOTSUPP;
}

/*
 * Refuses what somebody else, or a mistake, has put under the name. The user comes first:
 * which user owns the object is what the reader has to know, whatever its type. Used with
 * the result of fstat(), and of lstat() where the file could not be opened.
 */
static int check_node(const struct segment_path *path, const struct stat *st)
{
	if (st->st_uid != path->owner) {
		segment_say(
			path,
			"%s/%s belongs to user %u instead of %u; that user or root can remove "
			"it; to prevent this, mount /run/kreg or set KREG_DIR to a folder of your "
			"own",
			path->directory, path->file, st->st_uid, path->owner);
		return -EPERM;
	}
	if (!S_ISREG(st->st_mode)) {
		segment_say(path,
			    "%s/%s is not a registry but %s; remove it or choose another name",
			    path->directory, path->file, kind_of(st->st_mode));
		return -EPROTO;
	}
	return 0;
}

/*
 * Explains the error @err of open(2), which may be due to the kind of object, e.g. ELOOP
 * for a symbolic link; the errno alone does not tell. Returns the error for the caller.
 * The lstat() comes after the open(), so it may see another object; it only chooses the
 * message.
 */
static int refuse_to_open(const struct segment_path *path, const char *name, bool writable, int err)
{
	struct stat st;
	int reason;

	if (err == -ENOENT)
		return err;
	reason = lstat(name, &st) ? 0 : check_node(path, &st);
	if (reason)
		return reason;
	segment_say(
		path, "cannot open %s for %s: %s", name, writable ? "writing" : "reading",
		err == -EAGAIN
			? "another process has a lease on it, by fcntl(2) with F_SETLEASE, which "
			  "was asked to end it now; retry, at the latest after "
			  "/proc/sys/fs/lease-break-time seconds"
			: strerror(-err));
	return err;
}

/*
 * A second link is harmless if only the owner may write: then nobody else can have
 * changed the name inside. The kernel lets every user who may write to a file link it
 * (fs.protected_hardlinks).
 */
static int check_links(const struct segment_path *path, const struct stat *st)
{
	if (st->st_nlink == 1 || !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	segment_say(
		path,
		"%s/%s has %lu names and is writable by others, so this name may be forged; "
		"`find %s -xdev -inum %llu` lists those in that folder, `regtool destroy --force` "
		"removes this one",
		path->directory, path->file, (unsigned long)st->st_nlink, path->directory,
		(unsigned long long)st->st_ino);
	return -EPROTO;
}

/* Refuses a segment that was made under another name: a link or a rename put it here. */
static int check_name(const struct segment_path *path, const struct segment_header *header)
{
	/*
	 * A successor's file is the name, a + and its id; the header has the name alone.
	 */
	size_t length = 0, same = 0;

	while (path->file[length] && path->file[length] != '+')
		length++;
	while (same < length && same < SEGMENT_FILE_MAX && header->file[same] == path->file[same])
		same++;
	if (length < SEGMENT_FILE_MAX && same == length && !header->file[length])
		return 0;
	segment_say(path,
		    "%s/%s is a registry that was made as %.*s; give it that name again, or remove "
		    "this one with `regtool destroy --force`",
		    path->directory, path->file, (int)strnlen(header->file, SEGMENT_FILE_MAX),
		    header->file);
	return -EPROTO;
}

/* Logs the refusal of an impossible size; returns -EPROTO. */
static int damaged(const struct segment_path *path, const struct stat *st)
{
	segment_say(path, "%s/%s is damaged: %lld bytes long; `regtool destroy --force` removes it",
		    path->directory, path->file, (long long)st->st_size);
	return -EPROTO;
}

/*
 * The geometry of a segment of another layout, from its preamble alone: where each row's
 * struct segment_who is. All of it is checked before it is mapped, as the numbers are
 * from the file: each struct lies inside of its row, is aligned for loads, and is behind
 * the preamble.
 */
static int stranger_geometry(struct segment *s, const struct segment_header *header)
{
	uint64_t who = header->who_offset, end = who + sizeof(struct segment_who);

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->is_stranger = true;
	s->has_all_rows = header->marker == SEGMENT_MARKER_WHOLE;
	s->seats = header->seats;
	s->row_bytes = header->row_bytes;
	s->who_offset = header->rows_offset + who;
	s->bytes = header->rows_offset + (uint64_t)s->seats * s->row_bytes;
	return s->seats && s->seats <= LIFE_SEATS_MAX && end <= s->row_bytes &&
			       s->row_bytes <= SEGMENT_PAGE &&
			       !(s->who_offset % sizeof(uint64_t)) &&
			       !(s->row_bytes % sizeof(uint64_t)) &&
			       header->rows_offset >= sizeof(struct segment_preamble)
		       ? 0
		       : -EINVAL;
}

static bool is_of_another_boot(const struct segment_header *header)
{
	uint64_t boot[2];

	boot_id(boot);
	return boot_is_other(boot, header->boot);
}

/*
 * Computes the geometry of the kind that the header says, and tells ordinary segments,
 * leftovers and strangers apart. @st and @born are of the same fd as @header.
 */
static int check_layout(const struct segment_path *path, const struct stat *st, uint64_t born,
			const struct segment_header *header, struct segment *s)
{
	int err;

	if (header->layout != SEGMENT_LAYOUT && !segment_has_preamble(header->marker)) {
		segment_say(path,
			    "%s/%s has layout %u, this library has %u and cannot tell whether "
			    "processes still use it; end those and run `regtool destroy "
			    "--force`",
			    path->directory, path->file, header->layout, SEGMENT_LAYOUT);
		return -EPROTO;
	}
	/*
	 * Other layouts may have parts behind the rows, so a stranger may be longer; our
	 * own may not.
	 */
	if (header->layout != SEGMENT_LAYOUT) {
		if (stranger_geometry(s, header) || (uint64_t)st->st_size < s->bytes)
			return damaged(path, st);
	} else {
		if (segment_geometry(s, header) || (uint64_t)st->st_size != s->bytes)
			return damaged(path, st);
	}
	/* The preamble does not have the name, so a stranger's cannot be checked. */
	err = check_links(path, st);
	if (!err && !s->is_stranger)
		err = check_name(path, header);
	if (err)
		return err;
	/*
	 * A copy has the header of the original, in another inode. The life words in it
	 * would never be ended.
	 */
	s->is_leftover = st->st_ino != header->inode ||
			 (born && header->born && !s->is_stranger ? born != header->born
								  : is_of_another_boot(header));
	return 0;
}

/*
 * The result of pread() is not read again from the file, so a later change by others has
 * no effect.
 */
int segment_examine(const struct segment_path *path, int fd, struct segment_header *header,
		    struct segment *s, struct stat *st)
{
	uint64_t born;
	ssize_t got;
	int err = segment_stat(fd, st, &born);

	if (err)
		return err;
	/* Removed between open() and here. */
	if (!st->st_nlink)
		return -ENOENT;
	err = check_node(path, st);
	if (!err)
		err = segment_check_file_system(path, fd);
	if (err)
		return err;
	got = kernel_pread(fd, header, sizeof(*header), 0);
	if (got < 0) {
		err = -errno;
		segment_say(path, "cannot read %s/%s: %s; allow pread64(2) in the sandbox",
			    path->directory, path->file, strerror(-err));
		return err;
	}
	if (got != (ssize_t)sizeof(*header) || header->magic != SEGMENT_MAGIC) {
		segment_say(path,
			    "%s/%s is not a registry; choose another name, or remove it with "
			    "`regtool destroy --force`",
			    path->directory, path->file);
		return -EPROTO;
	}
	return check_layout(path, st, born, header, s);
}

int segment_open(struct segment *out, const struct segment_path *path, bool writable)
{
	/* An array of PATH_MAX would be two pages of stack that most programs never reach. */
	char short_name[NAME_SHORT], *name = short_name;
	size_t room = text_length(path->directory) + text_length(path->file) + 2;
	struct segment s = { .fd = -1 };
	struct segment_header header;
	struct stat st;
	int fd, err;

	if (room > sizeof(short_name))
		name = malloc(room);
	if (!name)
		return -ENOMEM;
	text_join(name, room, (const char *[]){ path->directory, "/", path->file, NULL });
	/* O_NONBLOCK: opening a FIFO, or some devices, would block. */
	fd = fd_open(name, (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0) {
		err = refuse_to_open(path, name, writable, fd);
		goto out;
	}
	err = segment_examine(path, fd, &header, &s, &st);
	if (!err) {
		err = segment_map(&s, &header, fd, &st, writable);
		if (err)
			segment_say(path,
				    "cannot map the used part of the %llu bytes of %s: %s; raise "
				    "the limit on address space or locked memory",
				    (unsigned long long)s.bytes, name, strerror(-err));
	}
	/* Not kept, see segment_reserve.c. */
	kernel_close(fd);
	if (!err)
		*out = s;
out:
	if (name != short_name)
		free(name);
	return err;
}
