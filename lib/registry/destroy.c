/* SPDX-License-Identifier: MIT */
/*
 * kreg_destroy(). shm/succession.c decides about a whole segment, and has the table of
 * deaths. A damaged file has no word that could decide; it is removed only by force, and
 * its owner has to make sure that no other file is put in its place at that moment.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/registry/options.h"
#include "base/mutex.h"
#include "shm/succession.h"

#define TRIES 1000

/* A file that cannot be opened can still be removed by its owner, by force. */
static int destroy_damaged(const struct opening *o)
{
	char file[PATH_MAX];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", o->path.directory, o->path.file);
	if (lstat(file, &st))
		return -errno;
	if (st.st_uid != o->path.owner || !S_ISREG(st.st_mode))
		return -EPERM;
	return unlink(file) ? -errno : 0;
}

/* 1: the name leads to another segment now, try again. */
static int destroy_once(const struct opening *o, const struct life_table *lives, bool force)
{
	struct segment s;
	int err = segment_open(&s, &o->path, true);

	if (err == -EPROTO && force)
		return destroy_damaged(o);
	if (err == -ENOENT)
		segment_say(&o->path, "%s/%s: no such registry", o->path.directory, o->path.file);
	if (err)
		return err;
	member_note_ended(&s);
	err = succession_destroy(&s, &o->path, lives, force);
	segment_close(&s);
	return err;
}

int kreg_destroy(const char *name, const struct kreg_options *options, uint32_t flags)
{
	UNCANCELLABLE;
	struct life_table lives = { 0 };
	struct opening opening;
	int err, tries;

	err = flags & ~(uint32_t)KREG_DESTROY_FORCE
		      ? opening_refuse(options, "flags has unknown bits: use KREG_DESTROY_*")
		      : opening_read(&opening, name, options);
	if (err)
		return err;
	err = 1;
	if (opening.guard && life_guard_open(&lives, opening.guard))
		memset(&lives, 0, sizeof(lives));
	for (tries = 0; tries < TRIES && err == 1; tries++)
		err = destroy_once(&opening, &lives, flags & KREG_DESTROY_FORCE);
	life_guard_close(&lives);
	return err == 1 ? -EAGAIN : err;
}
