/* SPDX-License-Identifier: MIT */
/*
 * The folder of a registry. /run/kreg, if root has created it, has a folder for each
 * user, in which no other user can create files; on other hosts all registries are in
 * /dev/shm, where everybody can. If no folder is given, the first of these is taken:
 *
 *   /run/kreg/UID   if the file is there
 *   /dev/shm        if the file is there: it was made before there was a /run/kreg
 *   /run/kreg/UID   if it belongs to that user, or the caller is that user and can create it
 *   /dev/shm
 *
 * So an existing registry is found by all users, and a new one is created in one place by
 * all processes that may create it. A /run/kreg/UID that another user has made does not
 * count. The folder is created before the first file in it, and stays; killed before that
 * file is created, an empty folder is left.
 */
#include "lib/registry/folder.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define RUN FOLDER_RUN
#define SHM FOLDER_SHM

/* Named, so that libkreg.order has it: the linker puts equal strings where it finds the first. */
static const char run_folder[] = RUN;

/* Only root can have made it, and other users cannot move folders in it away. */
static bool has_run(void)
{
	struct statfs fs;
	struct stat st;

	return !lstat(RUN, &st) && S_ISDIR(st.st_mode) && !st.st_uid &&
	       (st.st_mode & S_ISVTX || !(st.st_mode & (S_IWGRP | S_IWOTH))) && !statfs(RUN, &fs) &&
	       (unsigned long)fs.f_type == TMPFS_MAGIC;
}

static bool is_folder_of(const char *path, uid_t owner)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == owner;
}

/* segment_open() checks whether the file is a good one. */
static bool has_file(const struct opening *o, const char *folder)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/%s", folder, o->path.file) < (int)sizeof(path) &&
	       !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_uid == o->path.owner;
}

/* Whether the caller could create it. */
static bool may_be_made(const struct opening *o)
{
	struct stat st;

	return o->path.owner == process_euid() && lstat(o->folder, &st) && errno == ENOENT &&
	       !faccessat(AT_FDCWD, RUN, W_OK | X_OK, AT_EACCESS);
}

void folder_choose(struct opening *o, const char *given)
{
	bool in_shm;

	o->base = given;
	o->path.directory = given;
	if (given && !text_is(given, run_folder))
		return;
	snprintf(o->folder, sizeof(o->folder), RUN "/%u", o->path.owner);
	o->base = given || has_run() ? RUN : SHM;
	in_shm = !strcmp(o->base, SHM);
	if (!in_shm && is_folder_of(o->folder, o->path.owner))
		in_shm = !has_file(o, o->folder) && has_file(o, SHM);
	else if (!in_shm)
		in_shm = has_file(o, SHM) || !may_be_made(o);
	o->path.directory = in_shm ? SHM : o->folder;
}

int folder_make(const struct opening *o)
{
	int err;

	if (o->path.directory != o->folder || is_folder_of(o->folder, o->path.owner))
		return 0;
	/* chmod(2), because mkdir(2) applies the umask. */
	err = mkdir(o->folder, 0755) || chmod(o->folder, 0755) ? -errno : 0;
	if (err == -EEXIST)
		err = is_folder_of(o->folder, o->path.owner) ? 0 : -EPERM;
	if (err)
		segment_say(&o->path, "cannot create the folder %s: %s", o->folder,
			    err == -EPERM ? "another user has created it; ask root to remove it"
					  : strerror(-err));
	return err;
}
