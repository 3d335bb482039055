/* SPDX-License-Identifier: MIT */
/*
 * The cgroup folders of one namespace's services.
 *
 * The mount point of cgroup2 is read from /proc/self/mountinfo: on systems that have both
 * versions it is not /sys/fs/cgroup. The same line names the part of the tree that is
 * mounted there, because a container may see only a part.
 *
 * A process that uses a namespace's folder holds a lock on it, which ends with the
 * process. Folders without a lock are removed, as far as they are empty, by the next
 * supervisor of any namespace.
 *
 * An @ before the role keeps it apart from the kernel's own files; characters that a file
 * name cannot have are written %XX.
 */
#include "lib/services/start/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"

#define PREFIX "kreg-"
#define ROLE_MARK '@'
#define TRIES 50

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The line "0::PATH"; for a cgroup outside of the visible tree PATH begins with "..". */
static bool read_path(FILE *in, char *out, size_t size)
{
	char line[PATH_MAX + 16];
	bool is_found = false;

	while (in && !is_found && fgets(line, sizeof(line), in)) {
		if (strncmp(line, "0::/", 4) || !strncmp(line, "0::/..", 6))
			continue;
		line[strcspn(line, "\n")] = 0;
		is_found = (size_t)snprintf(out, size, "%s", line + 3) < size;
	}
	if (in)
		fclose(in);
	return is_found;
}

/* ID PARENT DEVICE ROOT POINT OPTIONS... - TYPE SOURCE OPTIONS */
static bool read_mount(char *line, char **root, char **point)
{
	char *rest, *type = strstr(line, " - ");
	int field;

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return false;
	*type = 0;
	*root = strtok_r(line, " ", &rest);
	for (field = 0; *root && field < 3; field++)
		*root = strtok_r(NULL, " ", &rest);
	*point = *root ? strtok_r(NULL, " ", &rest) : NULL;
	return *point;
}

/* The part of @path below @root; NULL: @path is elsewhere. */
static const char *below(const char *path, const char *root)
{
	size_t size = strcmp(root, "/") ? strlen(root) : 0;

	if (strncmp(path, root, size) || (path[size] && path[size] != '/'))
		return NULL;
	return path + size;
}

static int open_path(const char *wanted)
{
	FILE *in = fd_stream("/proc/self/mountinfo");
	char path[2 * PATH_MAX], *line = NULL, *root, *point;
	const char *rest;
	size_t capacity = 0;
	int fd = -1;

	if (!in)
		return -1;
	while (fd < 0 && getline(&line, &capacity, in) > 0) {
		if (!read_mount(line, &root, &point))
			continue;
		rest = below(wanted, root);
		if (!rest ||
		    (size_t)snprintf(path, sizeof(path), "%s%s", point, rest) >= sizeof(path))
			continue;
		fd = fd_open(path, O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0 && !is_cgroup2(fd)) {
			close(fd);
			fd = -1;
		}
	}
	free(line);
	fclose(in);
	return fd;
}

static int open_own(void)
{
	char own[PATH_MAX];

	if (!read_path(fd_stream("/proc/self/cgroup"), own, sizeof(own)))
		return -1;
	return open_path(own);
}

void cgroups_folder(char *out, const char *role)
{
	const size_t size = CGROUPS_FOLDER_BYTES;
	size_t used = 0;

	out[used++] = ROLE_MARK;
	for (; *role && used + 4 < size; role++) {
		if (*role == '/' || *role == '%')
			used += (size_t)snprintf(out + used, size - used, "%%%02x", *role);
		else
			out[used++] = *role;
	}
	out[used] = 0;
	/* The name does not fit. No folder has a name with a /. */
	if (*role)
		snprintf(out, size, "/");
}

static void role_of_name(char *out, size_t size, const char *name)
{
	size_t used = 0;
	unsigned int byte;

	while (*++name && used + 1 < size) {
		if (*name == '%' && sscanf(name + 1, "%2x", &byte) == 1) {
			out[used++] = (char)byte;
			name += 2;
		} else {
			out[used++] = *name;
		}
	}
	out[used] = 0;
}

/* FNV-1a, to keep registries apart; it is not a secret. */
static uint64_t hash_of(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash;
}

static int make_folder(int in, const char *name)
{
	if (mkdirat(in, name, 0755) && errno != EEXIST)
		return -1;
	return fd_open_at(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/* Folders contain no files that could be removed, only folders. */
static void remove_folder(int in, const char *name, int depth)
{
	DIR *folder = fd_folder_at(in, name);
	const struct dirent *at;

	while (folder && depth && (at = readdir(folder))) {
		if (at->d_type == DT_DIR && *at->d_name != '.')
			remove_folder(dirfd(folder), at->d_name, depth - 1);
	}
	if (folder)
		closedir(folder);
	unlinkat(in, name, AT_REMOVEDIR);
}

/*
 * Removes the empty folders of namespaces that have no supervisor. The kernel does not
 * remove the others.
 */
static void sweep(const struct cgroups *c)
{
	DIR *folder = fd_folder_at(c->own, ".");
	const struct dirent *at;
	int one;

	while (folder && (at = readdir(folder))) {
		if (strncmp(at->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    !strcmp(at->d_name, c->name))
			continue;
		one = fd_open_at(c->own, at->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (one >= 0 && !flock(one, LOCK_EX | LOCK_NB))
			remove_folder(c->own, at->d_name, 32);
		if (one >= 0)
			close(one);
	}
	if (folder)
		closedir(folder);
}

/* False: it was removed before it was locked. */
static bool lock_folder(const struct cgroups *c)
{
	struct stat named, opened;

	return !flock(c->all, LOCK_SH | LOCK_NB) && !fstat(c->all, &opened) &&
	       !fstatat(c->own, c->name, &named, AT_SYMLINK_NOFOLLOW) &&
	       named.st_ino == opened.st_ino;
}

static void open_folder(struct cgroups *c)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		c->all = make_folder(c->own, c->name);
		if (c->all < 0 || lock_folder(c))
			return;
		/* Without a lock the folder works too, as long as its services run. */
		if (tries + 1 < TRIES)
			close(c->all);
		usleep(1000);
	}
}

void cgroups_open(struct cgroups *out, const struct origin *origin, const char *space)
{
	uint64_t hash = hash_of(hash_of(0xcbf29ce484222325ull, origin->directory), origin->name);

	*out = (struct cgroups){ .own = open_own(), .all = -1 };
	snprintf(out->name, sizeof(out->name), PREFIX "%016llx-%.200s", (unsigned long long)hash,
		 space);
	/* To move a process from here to there, writing is required here too. */
	if (out->own >= 0 && !faccessat(out->own, "cgroup.procs", W_OK, AT_EACCESS))
		open_folder(out);
	if (out->all >= 0)
		sweep(out);
	if (out->all < 0 && out->own >= 0) {
		close(out->own);
		out->own = -1;
	}
}

void cgroups_close(struct cgroups *c)
{
	if (c->own < 0)
		return;
	if (!flock(c->all, LOCK_EX | LOCK_NB))
		unlinkat(c->own, c->name, AT_REMOVEDIR);
	close(c->all);
	close(c->own);
	c->own = c->all = -1;
}

int cgroups_enter(const struct cgroups *c, const char *role)
{
	char name[CGROUPS_FOLDER_BYTES];

	if (c->all < 0)
		return -1;
	cgroups_folder(name, role);
	return make_folder(c->all, name);
}

int cgroups_find(const struct cgroups *c, const char *role, struct kreg *k,
		 const struct kreg_owner *owner)
{
	char path[PATH_MAX], name[CGROUPS_FOLDER_BYTES], part[2 * NAME_MAX + 4], *at;
	int found;

	if (!*c->name || !read_path(fd_stream_of(owner->pid, "cgroup"), path, sizeof(path)))
		return -1;
	cgroups_folder(name, role);
	snprintf(part, sizeof(part), "/%s/%s", c->name, name);
	at = strstr(path, part);
	/* The process may be in a folder of its own below. */
	if (!at || (at[strlen(part)] && at[strlen(part)] != '/'))
		return -1;
	at[strlen(part)] = 0;
	found = open_path(path);
	/* Alive after the look, so the pid was still its own then. */
	if (found >= 0 && kreg_owner_is_alive(k, owner) <= 0)
		fd_close(&found);
	return found;
}

void cgroups_remove(int folder, const char *role)
{
	char name[CGROUPS_FOLDER_BYTES];
	int in = fd_open_at(folder, "..", O_RDONLY | O_DIRECTORY);

	if (in < 0)
		return;
	cgroups_folder(name, role);
	remove_folder(in, name, 32);
	close(in);
}

int cgroups_each(const struct cgroups *c, int (*visit)(const char *role, void *data), void *data)
{
	DIR *folder = c->all < 0 ? NULL : fd_folder_at(c->all, ".");
	const struct dirent *at;
	char role[NAME_MAX + 1];
	int err = 0;

	while (folder && !err && (at = readdir(folder))) {
		if (*at->d_name != ROLE_MARK)
			continue;
		role_of_name(role, sizeof(role), at->d_name);
		err = visit(role, data);
	}
	if (folder)
		closedir(folder);
	return err;
}

int cgroups_events(int folder)
{
	return fd_open_at(folder, "cgroup.events", O_RDONLY);
}

int cgroups_are_populated(int folder)
{
	int fd = cgroups_events(folder);
	char text[256];
	ssize_t size;

	if (fd < 0)
		return fd;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size < 0)
		return -EIO;
	text[size] = 0;
	return strstr(text, "populated 1") != NULL;
}

bool cgroups_kill(int folder)
{
	int fd = fd_open_at(folder, "cgroup.kill", O_WRONLY);
	bool is_done;

	if (fd < 0)
		return false;
	is_done = write(fd, "1", 1) == 1;
	close(fd);
	return is_done;
}
