/* SPDX-License-Identifier: MIT */
/*
 * Whether a guard's pins are as they were made: all there, with their owner, group and modes,
 * and nothing else in the folder.
 *
 * A pin that another user may open lets it run or read what is not for it; one that is missing
 * is a program that nobody can upgrade, or that no longer runs. What has a name of a pin and
 * PIN_NEW, and folders beside the guard's, are left by an upgrade, start or stop that was killed.
 */
#include "bpf/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/guard_folder.h"
#include "bpf/guard_pin.h"
#include "bpf/guard_say.h"

struct inspection {
	const struct guard_at *at;
	void (*fault)(const char *sentence, void *data);
	void *data;
	int count;
};

__attribute__((format(printf, 2, 3))) static void report(struct inspection *in, const char *format,
							 ...)
{
	char sentence[768];
	va_list list;

	va_start(list, format);
	vsnprintf(sentence, sizeof(sentence), format, list);
	va_end(list);
	in->count++;
	in->fault(sentence, in->data);
}

/* A guard for a group has pins without rights for others. */
static void look_at_pin(struct inspection *in, const struct guard_pin *pin,
			const struct stat *folder)
{
	const char *path = guard_path(in->at->o);
	mode_t mode = folder->st_mode & 0001 ? pin->mode : pin->mode & 0770;
	struct stat st;

	if (fstatat(in->at->folder, pin->name, &st, AT_SYMLINK_NOFOLLOW)) {
		report(in, "the pin %s/%s is not there: %s; run `regtool guard upgrade`", path,
		       pin->name, strerror(errno));
		return;
	}
	if (st.st_uid != folder->st_uid || st.st_gid != folder->st_gid)
		report(in,
		       "the pin %s/%s belongs to %u:%u, and its folder to %u:%u; see who has "
		       "changed it, and `chown %u:%u` it",
		       path, pin->name, st.st_uid, st.st_gid, folder->st_uid, folder->st_gid,
		       folder->st_uid, folder->st_gid);
	if ((st.st_mode & 0777) != mode)
		report(in,
		       "the pin %s/%s has mode %04o; see who has changed it, and `chmod %04o` it",
		       path, pin->name, st.st_mode & 0777, mode);
}

static bool is_one_of(const char *name)
{
	size_t i;

	for (i = 0; i < GUARD_PINS; i++) {
		if (!strcmp(guard_pins[i].name, name))
			return true;
	}
	return false;
}

static void look_at_name(struct inspection *in, const char *name)
{
	const char *path = guard_path(in->at->o);

	if (is_one_of(name))
		return;
	if (guard_is_pin(name))
		report(in,
		       "%s/%s is left by an upgrade that was killed; run `regtool guard upgrade`",
		       path, name);
	else
		report(in, "%s/%s is no pin of a guard; see what it is, and remove it", path, name);
}

/* As guard_remove_leftovers(), which the next start does. */
static void look_beside(struct inspection *in, const char *name)
{
	const char *base = in->at->base;
	size_t size = strlen(base);
	pid_t pid;

	if (strncmp(name, base, size) ||
	    (strncmp(name + size, "-new-", 5) && strncmp(name + size, "-old-", 5)))
		return;
	pid = (pid_t)strtol(name + size + 5, NULL, 10);
	if (pid > 0 && kill(pid, 0) && errno == ESRCH)
		report(in,
		       "%s, beside %s, is left by a start or stop that was killed; run `regtool "
		       "guard upgrade`",
		       name, guard_path(in->at->o));
}

/* -errno: the folder cannot be read. */
static int each_name(struct inspection *in, int folder,
		     void (*each)(struct inspection *in, const char *name))
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int err = -errno;

	if (!names) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	while ((entry = readdir(names))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			each(in, entry->d_name);
	}
	closedir(names);
	return 0;
}

int guard_inspect(const struct guard_options *options,
		  void (*fault)(const char *sentence, void *data), void *data)
{
	struct guard_at at;
	struct inspection in = { .at = &at, .fault = fault, .data = data };
	int err = guard_find(&at, options);
	struct stat folder;
	size_t i;

	if (err)
		return err;
	if (fstat(at.folder, &folder))
		err = -errno;
	for (i = 0; i < GUARD_PINS && !err; i++)
		look_at_pin(&in, &guard_pins[i], &folder);
	if (!err)
		err = each_name(&in, at.folder, look_at_name);
	/* Not everybody may read what is beside it. */
	if (!err)
		each_name(&in, at.parent, look_beside);
	guard_at_close(&at);
	return err ? err : in.count;
}
