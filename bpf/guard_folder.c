/* SPDX-License-Identifier: MIT */
/*
 * Folders of pins: found, verified, made and removed.
 *
 * Root works here in places where others may create files: a bpffs that was mounted
 * without a mode is 1777. So
 *
 *   the parent     is opened without following a symbolic link anywhere. It has to be in a bpffs,
 *                  and owned by root or the caller; if others may write it, it has to be sticky
 *   the folder     is opened below the parent's fd. It has to be a folder, owned by root or the
 *                  caller, and writable by nobody else; so what is in it was put there by them
 *   a leftover     the same, and it is removed only if it holds nothing but pins of a guard
 *
 * and all later access goes through these fds. A name that another user has taken is
 * refused with a sentence.
 *
 *   killed here                     what is left
 *   a folder is made, or filled     PATH-new-PID-N, which the next start or stop removes
 *   a folder is being emptied       PATH-old-PID-N, the same
 */
#include "bpf/guard_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "bpf/guard_pin.h"
#include "bpf/guard_say.h"

/*
 * A random name that exists already is bad luck once, and an attack if it happens this
 * often.
 */
#define NAME_TRIES 100

/*
 * Splits PATH into a parent and a name. "." and ".." are refused: they would lead to
 * another folder after the parent was verified. @parent has room for PATH_MAX, @base for
 * NAME_MAX + 1.
 */
static int path_split(const char *path, char *parent, char *base)
{
	size_t size = strlen(path);
	const char *slash;

	while (size > 1 && path[size - 1] == '/')
		size--;
	slash = memrchr(path, '/', size);
	if (size >= PATH_MAX || size - (slash ? (size_t)(slash - path) + 1 : 0) > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(base, NAME_MAX + 1, "%.*s", (int)(path + size - (slash ? slash + 1 : path)),
		 slash ? slash + 1 : path);
	if (!slash)
		snprintf(parent, PATH_MAX, ".");
	else
		snprintf(parent, PATH_MAX, "%.*s", slash > path ? (int)(slash - path) : 1, path);
	return *base && strcmp(base, ".") && strcmp(base, "..") ? 0 : -EINVAL;
}

/* What root or the caller owns cannot have been planted by another user. */
static bool is_trusted(uid_t uid)
{
	return !uid || uid == geteuid();
}

/*
 * Whether others can neither replace nor rename the guard's folder in the parent: they
 * cannot write it, or it is sticky, so that they can only touch what they own.
 */
static int parent_check(const struct guard_at *at, const char *parent)
{
	struct statfs fs;
	struct stat st;

	if (fstat(at->parent, &st) || fstatfs(at->parent, &fs))
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC) {
		guard_say(at->o, "%s is not in a bpffs, where a guard has to be", parent);
		return -EINVAL;
	}
	if (!is_trusted(st.st_uid) || ((st.st_mode & 0022) && !(st.st_mode & S_ISVTX))) {
		guard_say(at->o,
			  "%s belongs to user %u and has mode %04o, so others could replace the "
			  "guard; "
			  "choose a folder of root's that others cannot write, or a sticky one",
			  parent, st.st_uid, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

/* -ELOOP: it is a symbolic link. */
static int step(int folder, const char *name)
{
	int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err;
	struct stat st;

	if (fd >= 0)
		return fd;
	err = -errno;
	/* To O_DIRECTORY a link is a file like others. */
	if (err == -ENOTDIR && !fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISLNK(st.st_mode))
		err = -ELOOP;
	return err;
}

/*
 * Opens a folder one component after the other, because O_NOFOLLOW protects the last one only, and a
 * link further up is as dangerous. openat2(2) would do it at once, but is refused to many services:
 * by RestrictSUIDSGID= of systemd, which DynamicUser= implies, with ENOSYS.
 */
static int open_without_links(const char *path)
{
	int fd = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC), above;
	char components[PATH_MAX], *name, *rest = NULL;

	if (fd < 0)
		return -errno;
	snprintf(components, sizeof(components), "%s", path);
	for (name = strtok_r(components, "/", &rest); name && fd >= 0;
	     name = strtok_r(NULL, "/", &rest)) {
		above = fd;
		fd = step(above, name);
		close(above);
	}
	return fd;
}

int guard_parent_open(struct guard_at *at, const struct guard_options *o)
{
	char parent[PATH_MAX];
	int err;

	*at = (struct guard_at){ .o = o, .parent = -1, .folder = -1 };
	err = path_split(guard_path(o), parent, at->base);
	if (err) {
		guard_say(o, "\"%s\" is not a valid path for a guard", guard_path(o));
		return err;
	}
	err = open_without_links(parent);
	if (err < 0) {
		if (err == -ELOOP)
			guard_say(o,
				  "%s leads through a symbolic link, which a guard's path must not",
				  parent);
		else if (err != -ENOENT)
			guard_say(o, "cannot open %s: %s", parent, strerror(-err));
		return err;
	}
	at->parent = err;
	err = parent_check(at, parent);
	if (err)
		guard_at_close(at);
	return err;
}

/*
 * Opens the folder @name below the parent. An fd; -ENOENT; -EPERM: it belongs to another
 * user, others may write it, or something is mounted on it. It is verified by the fd,
 * because the name may lead elsewhere a moment later.
 */
static int folder_open(const struct guard_at *at, const char *name, int flags)
{
	struct stat st, above;
	int fd = openat(at->parent, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || fstat(at->parent, &above)) {
		close(fd);
		return -errno;
	}
	if (is_trusted(st.st_uid) && !(st.st_mode & 0022) && st.st_dev == above.st_dev)
		return fd;
	close(fd);
	return -EPERM;
}

int guard_folder_open(struct guard_at *at)
{
	int fd = folder_open(at, at->base, O_PATH);

	if (fd >= 0)
		at->folder = fd;
	else if (fd == -EPERM)
		guard_say(
			at->o,
			"%s does not belong to root, or is writable by others, so a guard must not "
			"use it; remove it, or choose another path",
			guard_path(at->o));
	else if (fd == -ELOOP || fd == -ENOTDIR)
		guard_say(at->o, "%s is not a folder; remove it, or choose another path",
			  guard_path(at->o));
	return fd < 0 ? fd : 0;
}

int guard_find(struct guard_at *at, const struct guard_options *o)
{
	int err = guard_parent_open(at, o);

	if (err)
		return err;
	err = guard_folder_open(at);
	if (err)
		guard_at_close(at);
	return err;
}

void guard_at_close(struct guard_at *at)
{
	if (at->folder >= 0)
		close(at->folder);
	if (at->parent >= 0)
		close(at->parent);
	at->folder = at->parent = -1;
}

int guard_folder_name(const struct guard_at *at, const char *kind, char *name)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	/*
	 * The pid tells whether the maker still runs. The random number keeps other users
	 * from creating all names in advance in a parent that they can write.
	 */
	if (snprintf(name, NAME_MAX + 1, "%s-%s-%d-%08x", at->base, kind, getpid(), number) >
	    NAME_MAX)
		return -ENAMETOOLONG;
	return 0;
}

int guard_folder_make(const struct guard_at *at, char *name)
{
	int tries, err = -EEXIST;

	for (tries = 0; tries < NAME_TRIES && err == -EEXIST; tries++) {
		err = guard_folder_name(at, "new", name);
		if (!err && mkdirat(at->parent, name, 0700))
			err = -errno;
	}
	return err ? err : folder_open(at, name, O_PATH);
}

/*
 * Calls @each for every name in @folder until it returns false. 0; -ENOTEMPTY: it
 * returned false; other errors. The folder is opened a second time, because one opened
 * with O_PATH cannot be read.
 */
static int for_each_name(int folder, bool (*each)(int folder, const char *name, void *data),
			 void *data)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	bool go_on = true;

	if (!names) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	while (go_on && (entry = readdir(names))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			go_on = each(folder, entry->d_name, data);
	}
	closedir(names);
	return go_on ? 0 : -ENOTEMPTY;
}

/* Whether the name is that of a pin; if not, it is copied to @data for the message. */
static bool is_ours(int folder, const char *name, void *data)
{
	struct stat st;

	if (guard_is_pin(name) && !fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISREG(st.st_mode))
		return true;
	snprintf(data, NAME_MAX + 1, "%s", name);
	return false;
}

/*
 * Another caller may be emptying the same folder, so a name that is gone is no failure.
 */
static bool remove_one(int folder, const char *name, void *data)
{
	(void)data;
	return !unlinkat(folder, name, 0) || errno == ENOENT;
}

static bool stop_at_once(int folder, const char *name, void *data)
{
	(void)folder, (void)name, (void)data;
	return false;
}

bool guard_folder_is_empty(const struct guard_at *at)
{
	return !for_each_name(at->folder, stop_at_once, NULL);
}

/*
 * Opens the folder @name if it holds nothing but pins of a guard. A path that was
 * mistyped may lead to other programs' pins, whose removal would unload these.
 */
static int open_checked(const struct guard_at *at, const char *name)
{
	char stranger[NAME_MAX + 1];
	int fd = folder_open(at, name, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = for_each_name(fd, is_ours, stranger);
	if (!err)
		return fd;
	close(fd);
	if (err == -ENOTEMPTY)
		guard_say(at->o,
			  "%s is not a guard's folder: it contains \"%s\"; nothing was removed",
			  strcmp(name, at->base) ? name : guard_path(at->o), stranger);
	return err;
}

int guard_folder_check(const struct guard_at *at, const char *name)
{
	int fd = open_checked(at, name);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * Pins are removed through the fd that was verified. If something is added meanwhile the
 * folder is not empty, and rmdir fails: nothing but pins is ever removed.
 */
int guard_folder_remove(const struct guard_at *at, const char *name)
{
	int fd = open_checked(at, name), err;

	if (fd < 0)
		return fd;
	err = for_each_name(fd, remove_one, NULL);
	close(fd);
	return err ? err : unlinkat(at->parent, name, AT_REMOVEDIR) ? -errno : 0;
}

/*
 * Removes a folder that a killed starter or stopper has left. The pid in its name says
 * whether its maker still runs; if another process has that pid by now, the folder stays
 * until a later call.
 */
static bool remove_leftover(int parent, const char *name, void *data)
{
	const struct guard_at *at = data;
	size_t size = strlen(at->base);
	pid_t pid;

	(void)parent;
	if (strncmp(name, at->base, size) ||
	    (strncmp(name + size, "-new-", 5) && strncmp(name + size, "-old-", 5)))
		return true;
	pid = (pid_t)strtol(name + size + 5, NULL, 10);
	if (pid > 0 && kill(pid, 0) && errno == ESRCH)
		guard_folder_remove(at, name);
	return true;
}

void guard_remove_leftovers(const struct guard_at *at)
{
	for_each_name(at->parent, remove_leftover, (void *)(uintptr_t)at);
}
