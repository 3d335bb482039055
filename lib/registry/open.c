/* SPDX-License-Identifier: MIT */
/*
 * kreg_open(): from a name to a handle that has a life and a segment.
 *
 * The life comes first, because a segment belongs to one life table. Then what the name
 * leads to is tried until it fits:
 *
 *   found                                   done
 *   nothing                                 create and publish; if another process is faster,
 *                                           open what it has created
 *   a segment that was destroyed            replace it, look again; if the caller may not create:
 *                                           -ENOENT
 *   a segment that was replaced             its successor, even before that has the name
 *   a segment of our life table             use it
 *   of another, an owner in it is alive     -EBUSY
 *   of another, no owner is alive           replace it, look again
 *   of another layout                       the same, but -EPROTO
 *   of another boot, or a copy              replace it, look again
 *
 * In the fallback the life is a seat in the segment, so it is taken after the segment was
 * found. Then the successor is read once more (succession.c). A process that has the
 * registry open for writing already has its life, and this handle joins that member
 * (member.c). No step waits for another process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/registry/folder.h"
#include "lib/registry/options.h"
#include "lib/wait/wait.h"
#include "shm/in_use.h"
#include "shm/look.h"
#include "base/process.h"
#include "shm/name.h"
#include "shm/row.h"
#include "shm/succession.h"

/* After losing this many races to other processes, give up. */
#define OPEN_TRIES 1000
#define SWEEP_APART 61u

static bool guard_is_out_of_reach(int err)
{
	return err == -ENODEV || err == -EPERM || err == -EACCES || err == -ENOSYS;
}

static int open_life(struct kreg *k, const struct opening *o)
{
	uint32_t share = 0;
	int err;

	if (!o->guard) {
		if (o->options.life != KREG_LIFE_GUARD)
			return 0;
		segment_say(&o->path, "KREG_LIFE_GUARD was requested, but %s is \"none\"; unset it",
			    o->options.guard ? "options.guard" : "KREG_GUARD");
		return -ENODEV;
	}
	err = life_guard_open(&k->lives, o->guard);
	if (!err && k->writable) {
		share = k->lives.control->share;
		err = life_guard_attach(&k->self, &k->lives, o->guard);
		if (err)
			life_guard_close(&k->lives);
	}
	if (guard_is_out_of_reach(err) && o->options.life == KREG_LIFE_AUTO)
		return 0;
	if (err)
		opening_say_no_life(o, err, share);
	return err;
}

/* -ENOENT: the caller may not create the registry, or has asked for an existing one. */
static int may_create(const struct opening *o)
{
	if (o->options.flags & (KREG_OPEN_READONLY | KREG_OPEN_EXISTING)) {
		segment_say(&o->path, "%s/%s: no such registry", o->path.directory, o->path.file);
		return -ENOENT;
	}
	if (o->path.owner != process_euid()) {
		segment_say(&o->path, "%s/%s: no such registry; only user %u can create it",
			    o->path.directory, o->path.file, o->path.owner);
		return -ENOENT;
	}
	return 0;
}

/* 0: look again; *made is the id of the segment that we have put there, if we have. */
static int create(const struct opening *o, uint64_t *made)
{
	struct segment fresh;
	int err = may_create(o);

	if (!err)
		err = folder_make(o);
	if (err)
		return err;
	err = segment_create(&fresh, &o->path, &o->plan);
	if (err)
		return err;
	err = segment_publish(&fresh, &o->path, o->path.file);
	if (!err) {
		*made = fresh.header->id;
		name_tidy(&fresh, &o->path);
	}
	segment_close(&fresh);
	if (err == -EEXIST)
		return 0;
	if (err)
		segment_say(&o->path, "cannot create %s/%s: %s", o->path.directory, o->path.file,
			    strerror(-err));
	return err;
}

static int replace(const struct kreg *k, const struct opening *o, uint64_t *made)
{
	const struct segment *s = &k->segment;
	struct in_use alive;

	member_note_ended(s);
	if (k->writable && o->path.owner == process_euid())
		return succession_take_over(s, &o->path, &o->plan, made);
	if (in_use_by(s, NULL, &alive)) {
		in_use_say(s, &o->path, &alive);
		return s->is_stranger ? -EPROTO : -EBUSY;
	}
	segment_say(&o->path,
		    "%s/%s is a leftover%s without living owners; it is replaced when user "
		    "%u opens it for writing",
		    o->path.directory, o->path.file,
		    s->is_leftover   ? " of another boot, or a copy,"
		    : s->is_stranger ? " of another layout"
				     : "",
		    o->path.owner);
	return k->writable ? -EPERM : -ENOENT;
}

/* Replaces k->segment, which is over, by its successor. 1: look again. */
static int open_next(struct kreg *k, const struct opening *o, uint64_t *made)
{
	struct segment_path path = o->path;
	char token[NAME_TOKEN_MAX];
	struct segment next;
	uint64_t id;
	int err;

	if (!(o->options.flags & (KREG_OPEN_READONLY | KREG_OPEN_EXISTING)) &&
	    o->path.owner == process_euid()) {
		err = succession_follow(&k->segment, &o->path, &o->plan, made);
		return err ? err : 1;
	}
	id = succession_help(&k->segment, &o->path);
	if (!id)
		return may_create(o);
	if (!name_leads_to(&k->segment, &o->path))
		return 1;
	name_token(token, &o->path, id);
	path.file = token;
	path.log = NULL;
	err = segment_open(&next, &path, k->writable);
	if (err)
		return err == -ENOENT ? 1 : err;
	segment_close(&k->segment);
	k->segment = next;
	return segment_is_over(&next) ? 1 : 0;
}

/* 1: what was there has been replaced, look again. */
static int open_segment_once(struct kreg *k, struct opening *o, uint64_t *made)
{
	struct segment *s = &k->segment;
	int err = segment_open(s, &o->path, k->writable);

	if (err == -ENOENT) {
		err = create(o, made);
		return err ? err : 1;
	}
	if (!err && segment_is_over(s))
		err = open_next(k, o, made);
	if (err) {
		segment_close(s);
		return err;
	}
	if (s->is_leftover || s->is_stranger) {
		err = replace(k, o, made);
		if (!err)
			err = 1;
	} else if (!k->writable && s->lives) {
		/* A reader needs no seat, so the segment's own lives suffice. */
		if (k->lives.control)
			life_guard_close(&k->lives);
	} else if (s->header->identity != k->lives.identity) {
		err = replace(k, o, made);
		if (!err)
			err = 1;
	} else if (!s->lives && s->seats < k->lives.seats) {
		segment_say(&o->path,
			    "%s/%s has fewer seats than its guard; destroy it and create it again",
			    o->path.directory, o->path.file);
		err = -EPROTO;
	}
	if (err)
		segment_close(s);
	return err;
}

/* With unique keys, a caller that asks for duplicates would misread -EEXIST. */
static int check_keys(const struct kreg *k, const struct opening *o)
{
	if (!k->segment.unique || o->options.keys == KREG_KEYS_UNIQUE)
		return 0;
	return refuse_option(o, "options->keys asks for duplicate keys, but ", o->path.directory,
			     "/", o->path.file,
			     " has unique keys: open another one, or leave it 0");
}

/* Takes the process's seat and row in the segment. */
static int take_seat(struct kreg *k, const struct opening *o)
{
	struct segment *s = &k->segment;
	int err = check_keys(k, o);

	if (err)
		return err;
	if (s->lives)
		k->lives = (struct life_table){ .words = s->lives, .seats = s->seats };
	if (!k->writable)
		return 0;
	err = member_join(k, o->guard);
	if (err == -EUSERS)
		segment_say(&o->path, "%s/%s has no free seat; create it with more seats",
			    o->path.directory, o->path.file);
	else if (err == -ENOSPC)
		segment_say(&o->path,
			    "cannot reserve memory for another process in %s/%s: the file system "
			    "is full; free space there",
			    o->path.directory, o->path.file);
	else if (err == -ENOSYS)
		segment_say(&o->path,
			    "set_robust_list(2) is refused, but without a guard it is needed to "
			    "detect deaths; allow it, or start a guard");
	else if (err == -EAGAIN && s->lives)
		segment_say(&o->path,
			    "cannot start the keeper thread of %s/%s: %s; raise the limit on "
			    "threads or locked memory",
			    o->path.directory, o->path.file, strerror(-err));
	return err;
}

static int open_segment(struct kreg *k, struct opening *o)
{
	bool exclusive = o->options.flags & KREG_OPEN_EXCLUSIVE;
	uint64_t made = 0;
	int tries, err = 1;

	for (tries = 0; tries < OPEN_TRIES && err == 1; tries++) {
		err = open_segment_once(k, o, &made);
		if (err)
			continue;
		if (exclusive && k->segment.header->id != made) {
			segment_say(&o->path, "%s/%s exists already", o->path.directory,
				    o->path.file);
			err = -EEXIST;
		} else {
			err = take_seat(k, o);
		}
		if (err)
			segment_close(&k->segment);
	}
	if (err == 1)
		segment_say(&o->path,
			    "%s/%s: gave up, it is replaced or destroyed too often; retry",
			    o->path.directory, o->path.file);
	return err == 1 ? -EAGAIN : err;
}

/* For a handle that has registered nothing yet. */
static void leave_nothing(struct kreg *k, bool is_last)
{
	(void)k;
	(void)is_last;
}

static int open_handle(struct kreg *k, struct opening *o, const char *name)
{
	int err;

	k->writable = !(o->options.flags & KREG_OPEN_READONLY);
	err = threads_begin(k);
	if (err) {
		segment_say(&o->path,
			    "cannot create the data of threads: %s; no pthread key is left, no "
			    "memory, or a sandbox refuses madvise(2) with MADV_WIPEONFORK",
			    strerror(-err));
		return err;
	}
	/*
	 * Before the keeper starts: registering for membarrier is fast while the process
	 * has one thread.
	 */
	k->joined = k->writable && grace_join();
	err = open_life(k, o);
	if (err)
		goto no_life;
	if (k->lives.identity)
		o->plan.seats = k->lives.seats;
	o->plan.identity = k->lives.identity;
	err = open_segment(k, o);
	if (err)
		goto no_segment;
	if (k->writable && !k->joined)
		grace_refused(&k->segment);
	if (!k->writable)
		k->pid_namespace = PID_NAMESPACE_NOT_ASKED;
	/*
	 * Handles start to sweep at different places, so that two seldom sweep the same
	 * slab.
	 */
	k->sweep.slab = owner_seat(k->self.owner) * SWEEP_APART % (land_slabs(&k->segment) + 1);
	/* Land and directory are open by now, so the first lookup finds all that it needs. */
	look_renew(&k->segment);
	/* The file and the guard's pins were there just now. */
	k->next_look = k->next_guard_look = clock_tick() + HANDLE_LOOK_MS * 1000000ull;
	err = waits_begin(k);
	if (!err)
		err = origin_new(&k->origin, o, name, k->lives.identity);
	if (!err)
		return 0;
	if (k->member) {
		member_leave(k, leave_nothing);
		goto no_life;
	}
	segment_close(&k->segment);
no_segment:
	life_guard_close(&k->lives);
no_life:
	threads_end(k);
	return err;
}

int kreg_open(struct kreg **out, const char *name, const struct kreg_options *options)
{
	UNCANCELLABLE;
	struct opening opening;
	struct kreg *k;
	int err;

	if (!out)
		return opening_refuse(options, "out is NULL: it gets the handle");
	err = opening_read(&opening, name, options);
	if (err)
		return err;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->segment.fd = -1;
	err = open_handle(k, &opening, name);
	if (err) {
		opening_say_why(&opening, err);
		free(k);
		return err;
	}
	k->log = (struct log_to){ opening.options.log, opening.options.log_data };
	*out = k;
	return 0;
}
