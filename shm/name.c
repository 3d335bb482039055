/* SPDX-License-Identifier: MIT */
/*
 * FILE is the name. Two things change what it leads to, each by a rename that needs FILE+ID:
 *
 *   rename FILE+ID -> FILE        FILE+ID is a segment; the name is the segment's from then on
 *   rename FILE -> FILE+ID/gone   FILE+ID is a folder; nobody has the name from then on
 *
 * unlink(FILE) would do for the second, but for a process that is stopped before it and goes on when FILE leads
 * to another segment. The folder is a right that others can withdraw: rmdir() and the rename exclude
 * each other in the kernel, so the rename has been done, and rmdir() says -ENOTEMPTY, or it never
 * will be. It is done by the folder's descriptor: another folder of the same name is none of ours.
 *
 *   killed or stopped after               what is left
 *   the segment is linked as FILE+ID      a stray, unless the successor word leads to it
 *   the folder is made                    a stray, or a right that the next withdraws
 *   the name is in the folder             a stray with the memory of the segment in it
 *
 * A stray segment is told by the segment that it was made to replace. If FILE leads to another one, that one is
 * over, so the stray will not be its successor any more; and it is not yet, because it would be FILE then.
 * A right that is withdrawn from somebody alive costs it another try; only old ones are.
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

#define GONE "gone"
#define RIGHT_IS_OLD_SECONDS 10

uint64_t name_new_id(void)
{
	uint64_t id = 0;

	while (!id) {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			return 0;
		id &= SEGMENT_ID_MASK;
	}
	return id;
}

void name_token(char *out, const struct segment_path *path, uint64_t id)
{
	snprintf(out, NAME_TOKEN_MAX, "%s+%016" PRIx64, path->file, id);
}

/* FILE+ID with its folder, and @below in it. */
static int token_path(char *out, const struct segment_path *path, uint64_t id, const char *below)
{
	char token[NAME_TOKEN_MAX];
	int wanted;

	name_token(token, path, id);
	wanted = snprintf(out, PATH_MAX, "%s/%s%s", path->directory, token, below);
	return wanted < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int file_path(char *out, const struct segment_path *path)
{
	return snprintf(out, PATH_MAX, "%s/%s", path->directory, path->file) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

bool name_leads_to(const struct segment *s, const struct segment_path *path)
{
	struct stat there;
	char name[PATH_MAX];

	return !file_path(name, path) && !lstat(name, &there) && there.st_ino == s->inode &&
	       there.st_dev == s->device;
}

int name_is_mine(const struct segment_path *path)
{
	uid_t self = process_euid();

	return self == path->owner || !self ? 0 : -EPERM;
}

int name_propose(struct segment *next, const struct segment_path *path, uint64_t replaces)
{
	char token[NAME_TOKEN_MAX];

	next->header->replaces = replaces;
	name_token(token, path, next->header->id);
	return segment_publish(next, path, token);
}

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
	/* Another user may make a file of that name, and root could move it. */
	if (!lstat(from, &st) && S_ISREG(st.st_mode) && st.st_uid == path->owner)
		rename(from, to);
}

int name_right_make(const struct segment_path *path, uint64_t id)
{
	char name[PATH_MAX];
	int fd, err = token_path(name, path, id, "");

	if (err)
		return err;
	if (mkdir(name, 0700))
		return -errno;
	/* Whatever the umask is. */
	chmod(name, 0700);
	fd = fd_open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	err = fd < 0 ? fd : 0;
	/* Whose registry it is has to be able to withdraw it. */
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
	/* A right is a folder of the registry's owner, whoever makes it; nothing else can be one. */
	if (lstat(name, &st) || !S_ISDIR(st.st_mode) || st.st_uid != path->owner)
		return 0;
	if (!rmdir(name) || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	unlink(gone);
	rmdir(name);
	return 0;
}

/* Which segment the one in the file was made to replace; 0: it is none that replaces another. */
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
	    header.magic == SEGMENT_MAGIC && header.marker == SEGMENT_MARKER)
		replaces = header.replaces;
	close(fd);
	return replaces;
}

/*
 * @ended: the name of @s was taken away, so nobody will replace that one; else FILE leads to @s.
 */
static bool is_stray(const struct segment *s, const struct segment_path *path, bool ended,
		     uint64_t replaces)
{
	if (ended)
		return replaces == s->header->id;
	/* In this order: it was made when FILE led to that one, and now FILE does not. */
	return replaces && replaces != s->header->id && name_leads_to(s, path);
}

static void tidy_one(const struct segment *s, const struct segment_path *path, bool ended,
		     int directory, const char *name, uint64_t id)
{
	char gone[PATH_MAX];
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) || st.st_uid != path->owner)
		return;
	if (S_ISREG(st.st_mode)) {
		if (is_stray(s, path, ended, file_replaces(directory, name, path->owner)))
			unlinkat(directory, name, 0);
	} else if (S_ISDIR(st.st_mode)) {
		if ((!token_path(gone, path, id, "/" GONE) && !unlink(gone)) ||
		    st.st_mtime + RIGHT_IS_OLD_SECONDS < time(NULL))
			unlinkat(directory, name, AT_REMOVEDIR);
	}
}

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
