/* SPDX-License-Identifier: MIT */
/*
 * kreg_registries_each(): the files of registries, of whatever user.
 *
 * First the names of all files are noted and the folders closed; then each file is looked
 * at and shown. So the visitor runs with no fd of ours open, and may remove what it is
 * shown. A file that is gone by then is left out.
 *
 * Where others may write into a folder, anything can be under a name. A file counts as
 * kreg_open() would take it: kreg.UID.NAME, in a folder where that user's registry can be.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/registry/folder.h"
#include "lib/registry/options.h"
#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"
#include "shm/glance.h"

#define PREFIX "kreg."

struct named {
	/* of the name */
	uid_t user;
	/* in FOLDER_RUN/user, otherwise in list->folder */
	bool in_run;
	char name[KREG_NAME_MAX + 1];
};

struct list {
	const struct opening *opening;
	const char *folder;
	bool own_only;
	struct named *named;
	size_t count, room;
};

/* "UID", and what is behind it. */
static bool user_read(const char *text, uid_t *out, const char **end)
{
	unsigned long user;
	char *behind;

	if (!text_is_digit(*text) || (*text == '0' && text_is_digit(text[1])))
		return false;
	errno = 0;
	user = strtoul(text, &behind, 10);
	*out = (uid_t)user;
	*end = behind;
	return !errno && user < UINT32_MAX;
}

static int note(struct list *list, const struct named *named)
{
	size_t room = list->room ? list->room * 2 : 64;
	struct named *grown;

	if (list->count == list->room) {
		grown = realloc(list->named, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->named = grown;
		list->room = room;
	}
	list->named[list->count++] = *named;
	return 0;
}

/* @user: whose folder it is; NULL: of all users. */
static int note_file(struct list *list, const char *file, const uid_t *user)
{
	struct named named = { .in_run = user };
	const char *name;

	if (strncmp(file, PREFIX, strlen(PREFIX)) ||
	    !user_read(file + strlen(PREFIX), &named.user, &name) || *name != '.' ||
	    !opening_name_is_allowed(name + 1) || (user && *user != named.user) ||
	    (list->own_only && named.user != process_euid()))
		return 0;
	text_join(named.name, sizeof(named.name), (const char *[]){ name + 1, NULL });
	return note(list, &named);
}

static int note_folder(struct list *list, const char *path, const uid_t *user)
{
	struct segment_path where = list->opening->path;
	DIR *folder = fd_folder(path);
	const struct dirent *at;
	int err;

	if (!folder)
		return -errno;
	where.directory = path;
	err = segment_check_file_system(&where, dirfd(folder));
	while (!err && (at = readdir(folder)))
		err = note_file(list, at->d_name, user);
	closedir(folder);
	return err;
}

static bool is_out_of_everything(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* A folder that is not its user's does not count, and one that cannot be read has nothing for the caller. */
static int note_users(struct list *list)
{
	DIR *run = fd_folder(FOLDER_RUN);
	const struct dirent *at;
	char path[PATH_MAX];
	struct stat st;
	const char *end;
	uid_t user;
	int err = 0;

	if (!run)
		return -errno;
	while (!err && (at = readdir(run))) {
		if (!user_read(at->d_name, &user, &end) || *end ||
		    (list->own_only && user != process_euid()))
			continue;
		snprintf(path, sizeof(path), FOLDER_RUN "/%s", at->d_name);
		if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != user)
			continue;
		err = note_folder(list, path, &user);
		if (!is_out_of_everything(err))
			err = 0;
	}
	closedir(run);
	return err;
}

static int note_all(struct list *list)
{
	int err;

	if (strcmp(list->opening->base, FOLDER_RUN)) {
		list->folder = list->opening->base;
		err = note_folder(list, list->folder, NULL);
		if (err && !list->opening->said)
			segment_say(&list->opening->path, "cannot list the registries in %s: %s",
				    list->folder, strerror(-err));
		return err;
	}
	list->folder = FOLDER_SHM;
	err = note_users(list);
	if (!is_out_of_everything(err))
		err = note_folder(list, FOLDER_SHM, NULL);
	return is_out_of_everything(err) ? err : 0;
}

static int by_user_and_name(const void *a, const void *b)
{
	const struct named *one = a, *other = b;
	int order = one->user < other->user ? -1 : one->user > other->user;

	if (!order)
		order = strcmp(one->name, other->name);
	return order ? order : other->in_run - one->in_run;
}

/* What follows from the error of a look at a file that there is. */
static uint32_t state_of(int err, const struct glance *seen)
{
	if (err == -EPROTO)
		return KREG_REGISTRY_DAMAGED;
	if (err)
		return KREG_REGISTRY_HIDDEN;
	if (seen->is_stranger)
		return KREG_REGISTRY_OTHER_LAYOUT;
	return seen->is_leftover ? KREG_REGISTRY_LEFTOVER : KREG_REGISTRY_CURRENT;
}

/* -ENOENT: there is no such file any more; others end the listing. */
static int look(struct kreg_registry *out, const struct segment_path *path,
		const struct life_table *lives)
{
	struct glance seen = { 0 };
	char file[PATH_MAX];
	struct stat st;
	int err = 0;

	if (!text_join(file, sizeof(file),
		       (const char *[]){ path->directory, "/", path->file, NULL }))
		return -ENAMETOOLONG;
	if (lstat(file, &st))
		return errno == ENOENT || errno == EACCES ? -ENOENT : -errno;
	out->uid = st.st_uid;
	out->gid = st.st_gid;
	out->mode = st.st_mode & 07777;
	out->bytes = (uint64_t)st.st_blocks * 512;
	if (st.st_uid != path->owner) {
		out->state = KREG_REGISTRY_ANOTHERS;
		return 0;
	}
	err = S_ISREG(st.st_mode) ? glance(&seen, path, lives) : -EPROTO;
	if (err == -ENOENT || is_out_of_everything(err))
		return err;
	out->state = state_of(err, &seen);
	if (err)
		return 0;
	out->life = seen.is_guarded ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK;
	out->layout = seen.layout;
	out->keys = seen.keys;
	out->owners = seen.owners;
	out->entries = seen.entries;
	return 0;
}

struct visit {
	int (*visit)(const struct kreg_registry *registry, void *data);
	void *data;
};

static int visit_one(const struct list *list, const struct named *named,
		     const struct life_table *lives, const struct visit *visit)
{
	char user[TEXT_NUMBER], folder[64], file[sizeof(list->opening->file)];
	char name[KREG_NAME_MAX + TEXT_NUMBER + 1];
	const char *digits = text_number(user, named->user);
	struct segment_path path = { .directory = folder, .file = file, .owner = named->user };
	struct kreg_registry registry = { .name = name };
	int err;

	if (named->in_run)
		text_join(folder, sizeof(folder), (const char *[]){ FOLDER_RUN "/", digits, NULL });
	else
		path.directory = list->folder;
	text_join(file, sizeof(file), (const char *[]){ PREFIX, digits, ".", named->name, NULL });
	if (named->user == process_euid())
		text_join(name, sizeof(name), (const char *[]){ named->name, NULL });
	else
		text_join(name, sizeof(name), (const char *[]){ digits, ":", named->name, NULL });
	registry.directory = path.directory;
	err = look(&registry, &path, lives);
	if (err)
		return err == -ENOENT ? 0 : err;
	OUTSIDE_OF_CALL;
	return visit->visit(&registry, visit->data);
}

static int visit_all(struct list *list, const struct visit *visit)
{
	struct life_table lives = { 0 };
	size_t i;
	int err = note_all(list);

	if (!err && list->count)
		qsort(list->named, list->count, sizeof(*list->named), by_user_and_name);
	if (list->opening->guard && life_guard_open(&lives, list->opening->guard))
		lives = (struct life_table){ 0 };
	for (i = 0; i < list->count && !err; i++)
		err = visit_one(list, &list->named[i], &lives, visit);
	life_guard_close(&lives);
	free(list->named);
	return err;
}

int kreg_registries_each(const struct kreg_options *options, uint32_t flags,
			 int (*visit)(const struct kreg_registry *registry, void *data), void *data)
{
	UNCANCELLABLE;
	struct opening opening;
	struct list list = { .opening = &opening, .own_only = flags & KREG_REGISTRIES_OWN };
	int err = 0;

	if (!visit)
		err = opening_refuse(options, "visit is NULL");
	else if (flags & ~(uint32_t)KREG_REGISTRIES_OWN)
		err = opening_refuse(options, "flags has unknown bits: use KREG_REGISTRIES_*");

	/* The name is of no importance: the folders are the same for all. */
	if (!err)
		err = opening_read(&opening, "any", options);
	return err ? err : visit_all(&list, &(struct visit){ visit, data });
}
