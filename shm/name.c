/* SPDX-License-Identifier: MIT */
/*
 * FILE is the name. Two operations change what it leads to, each a rename that needs
 * FILE+ID:
 *
 *   rename FILE+ID -> FILE        FILE+ID is a segment, which has the name from then on
 *   rename FILE -> FILE+ID/gone   FILE+ID is a folder; no segment has the name from then on
 *
 * unlink(FILE) would do for the second, if it were not for a process that is stopped in
 * front of it and goes on when FILE leads to another segment. The folder is a right
 * that others can withdraw: rmdir() and the rename exclude each other in the kernel, so
 * either the rename is done and rmdir() fails with -ENOTEMPTY, or it never will be. The
 * rename goes by the folder's descriptor, so that another folder that gets the same
 * name is not mistaken for it.
 *
 *   killed or stopped after               what is left
 *   the segment is linked as FILE+ID      a stray, unless the successor word leads to it
 *   the folder is made                    a stray, or a right that the next process withdraws
 *   the name is in the folder             a stray with the memory of the segment in it
 *
 * A stray segment is recognized by the segment that it was made to replace. If FILE
 * leads to another one, that one is over, so the stray can no longer become its
 * successor; and it is not the successor already, because it would have the name FILE
 * then. Withdrawing the right of a living process costs that another try, so only old
 * rights are withdrawn without need.
 */
#include "shm/name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"

/* What FILE becomes in the folder of a right. */
#define GONE "gone"
/*
 * After this time a right without effect is taken for abandoned: its maker was killed.
 * One that is merely slow loses it, and makes another.
 */
#define RIGHT_IS_OLD_SECONDS 10

uint64_t name_new_id(void)
{
	uint64_t id = 0;

	while (!id) {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			return 0;
		/* The successor word's low bits are flags, and an id of 0 means none. */
		id &= SEGMENT_ID_MASK;
	}
	return id;
}

void name_token(char *out, const struct segment_path *path, uint64_t id)
{
	snprintf(out, NAME_TOKEN_MAX, "%s+%016" PRIx64, path->file, id);
}

/*
 * The path of FILE+ID, followed by @below, in @out of PATH_MAX. A path that was cut
 * could name another file, and the callers rename and remove: so -ENAMETOOLONG instead.
 */
static int token_path(char *out, const struct segment_path *path, uint64_t id, const char *below)
{
	char token[NAME_TOKEN_MAX];
	int wanted;

	name_token(token, path, id);
	wanted = snprintf(out, PATH_MAX, "%s/%s%s", path->directory, token, below);
	return wanted < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The same for FILE. */
static int file_path(char *out, const struct segment_path *path)
{
	return snprintf(out, PATH_MAX, "%s/%s", path->directory, path->file) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/*
 * Device and inode identify the file as long as it is mapped, because the kernel cannot
 * reuse them before. lstat(), so that a symbolic link to the file is not taken for its
 * name.
 */
bool name_leads_to(const struct segment *s, const struct segment_path *path)
{
	struct stat there;
	char name[PATH_MAX];

	return !file_path(name, path) && !lstat(name, &there) && there.st_ino == s->inode &&
	       there.st_dev == s->device;
}

/* By the effective id, since the kernel permits the rename by that (in a sticky folder). */
int name_is_mine(const struct segment_path *path)
{
	uid_t self = process_euid();

	return self == path->owner || !self ? 0 : -EPERM;
}

int name_propose(struct segment *next, const struct segment_path *path, uint64_t replaces)
{
	char token[NAME_TOKEN_MAX];

	/* Before it is published: name_tidy() of any process may read it from then on. */
	next->header->replaces = replaces;
	name_token(token, path, next->header->id);
	return segment_publish(next, path, token);
}

/* unlink() is safe here, unlike for FILE: no other file ever gets this name. */
void name_withdraw(const struct segment_path *path, uint64_t id)
{
	char name[PATH_MAX];

	if (!token_path(name, path, id, ""))
		unlink(name);
}

void name_replace(const struct segment_path *path, uint64_t id)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	if (token_path(from, path, id, "") || file_path(to, path))
		return;
	/*
	 * In a folder for all, another user may make a file of that name, and root
	 * would rename it to FILE. Between this look and the rename only the registry's
	 * owner could put another file there: the id is new, and the folder is sticky.
	 */
	if (!lstat(from, &st) && S_ISREG(st.st_mode) && st.st_uid == path->owner)
		rename(from, to);
}

/*
 *   step                        killed or stopped here
 *   1 mkdir                     an empty folder, which name_tidy() removes when it is old;
 *                               where only root may remove root's, when root does so
 *   2 open it, give it to       the same. Before this it is no right if root has made it:
 *     the registry's owner      name_right_end() checks the owner
 *
 * Nobody may act upon the right before it can be withdrawn, hence the owner in step 2.
 */
int name_right_make(const struct segment_path *path, uint64_t id)
{
	char name[PATH_MAX];
	int fd, err = token_path(name, path, id, "");

	if (err)
		return err;
	if (mkdir(name, 0700))
		return -errno;
	/* The umask may have taken away what the owner needs to open the folder. */
	chmod(name, 0700);
	fd = fd_open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	err = fd < 0 ? fd : 0;
	/* The registry's owner has to be able to withdraw it, also if root has made it. */
	if (!err && process_euid() != path->owner &&
	    fchownat(fd, "", path->owner, (gid_t)-1, AT_EMPTY_PATH))
		err = -errno;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	rmdir(name);
	return err;
}

/* If it comes late, after the folder was removed, it fails with -ENOENT. */
int name_right_use(const struct segment_path *path, int right)
{
	char name[PATH_MAX];
	int err = file_path(name, path);

	if (err)
		return err;
	return renameat(AT_FDCWD, name, right, GONE) ? -errno : 0; /* happens here */
}

int name_right_end(const struct segment_path *path, uint64_t id)
{
	char name[PATH_MAX], gone[PATH_MAX];
	struct stat st;
	int err = token_path(name, path, id, "");

	if (!err)
		err = token_path(gone, path, id, "/" GONE);
	if (err)
		return err;
	/*
	 * A right is a folder of the registry's owner, whichever process made it. What
	 * belongs to another user, or is no folder, cannot be a right, so nothing is to
	 * be withdrawn.
	 */
	if (lstat(name, &st) || !S_ISDIR(st.st_mode) || st.st_uid != path->owner)
		return 0;
	if (!rmdir(name) || errno == ENOENT)
		return 0;
	/*
	 * Not empty: it was used, and its maker uses it once. Both removals are only
	 * for the memory, so their errors do not matter.
	 */
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	unlink(gone);
	rmdir(name);
	return 0;
}

/*
 * The id of the segment that the one in the file was made to replace; 0: none, or it is
 * no segment of @owner. O_NONBLOCK, since the name may be a fifo of somebody's, and
 * opening that would block; O_NOFOLLOW, since root would otherwise be led to any file.
 * The header is read and not mapped: a file that is shorter would be SIGBUS.
 */
static uint64_t file_replaces(int directory, const char *name, uid_t owner)
{
	struct segment_preamble header;
	uint64_t replaces = 0;
	struct stat st;
	int fd = fd_open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return 0;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == owner &&
	    pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	    header.magic == SEGMENT_MAGIC && segment_has_preamble(header.marker))
		replaces = header.replaces;
	close(fd);
	return replaces;
}

/*
 * Whether a segment that was made to replace @replaces can be removed. @ended: the name
 * of @s was removed, so no successor of @s will get it; else FILE leads to @s.
 */
static bool is_stray(const struct segment *s, const struct segment_path *path, bool ended,
		     uint64_t replaces)
{
	if (ended)
		return replaces == s->header->id;
	/*
	 * The name last: it was made when FILE led to the segment of @replaces. If FILE
	 * leads to @s after that was read, the other one is over, and not by this
	 * successor.
	 */
	return replaces && replaces != s->header->id && name_leads_to(s, path);
}

/*
 * Removes the entry @name of @directory, with the id @id in it, if it is a stray. Only
 * what belongs to the registry's owner, or a folder that root has not yet given to the
 * owner (name_right_make()): in a folder for all the rest is not ours to judge.
 */
static void tidy_one(const struct segment *s, const struct segment_path *path, bool ended,
		     int directory, const char *name, uint64_t id)
{
	char gone[PATH_MAX];
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	if (st.st_uid != path->owner && (st.st_uid || !S_ISDIR(st.st_mode)))
		return;
	if (S_ISREG(st.st_mode)) {
		if (is_stray(s, path, ended, file_replaces(directory, name, path->owner)))
			unlinkat(directory, name, 0);
	} else if (S_ISDIR(st.st_mode)) {
		/*
		 * A used right is removed at once, with the memory of the segment in
		 * it. A right that is still empty may be about to be used, so it is
		 * given time.
		 */
		if ((!token_path(gone, path, id, "/" GONE) && !unlink(gone)) ||
		    st.st_mtime + RIGHT_IS_OLD_SECONDS < time(NULL))
			unlinkat(directory, name, AT_REMOVEDIR);
	}
}

/* A registry's name has no '+', so FILE+ANYTHING belongs to no other registry. */
static void tidy(const struct segment *s, const struct segment_path *path, bool ended)
{
	size_t length = strlen(path->file);
	DIR *directory = fd_folder(path->directory);
	const struct dirent *at;

	if (!directory)
		return;
	while ((at = readdir(directory))) {
		if (strncmp(at->d_name, path->file, length) || at->d_name[length] != '+')
			continue;
		tidy_one(s, path, ended, dirfd(directory), at->d_name,
			 strtoull(at->d_name + length + 1, NULL, 16));
	}
	closedir(directory);
}

void name_tidy(const struct segment *s, const struct segment_path *path)
{
	tidy(s, path, false);
}

void name_tidy_after(const struct segment *s, const struct segment_path *path)
{
	tidy(s, path, true);
}
