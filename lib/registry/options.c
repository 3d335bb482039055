/* SPDX-License-Identifier: MIT */
/*
 * The arguments of kreg_open() and kreg_destroy(): options of any version, and registry
 * names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/registry/folder.h"
#include "lib/registry/options.h"
#include "base/sized.h"
#include "base/process.h"
#include "base/text.h"

#define DEFAULT_MAX_BYTES (16ull << 30)
#define DEFAULT_SLOTS 8192u
#define DEFAULT_SEATS 4096u
#define DEFAULT_PATIENCE_MS 1000u

int origin_new(struct origin **out, const struct opening *opening, const char *name, bool guarded)
{
	const char *const texts[] = { opening->base, opening->path.directory,
				      guarded ? opening->guard : "none" };
	size_t sizes[] = { text_length(texts[0]) + 1, text_length(texts[1]) + 1,
			   text_length(texts[2]) + 1 };
	struct origin *origin = calloc(1, sizeof(*origin) + sizes[0] + sizes[1] + sizes[2]);

	if (!origin)
		return -ENOMEM;
	origin->base = (char *)(origin + 1);
	origin->directory = origin->base + sizes[0];
	origin->guard = origin->directory + sizes[1];
	text_join(origin->base, sizes[0], (const char *[]){ texts[0], NULL });
	text_join(origin->directory, sizes[1], (const char *[]){ texts[1], NULL });
	text_join(origin->guard, sizes[2], (const char *[]){ texts[2], NULL });
	text_join(origin->name, sizeof(origin->name), (const char *[]){ name, NULL });
	text_join(origin->file, sizeof(origin->file), (const char *[]){ opening->file, NULL });
	*out = origin;
	return 0;
}

void origin_free(struct origin *origin)
{
	free(origin);
}

static int options_check(const struct opening *opening)
{
	const struct kreg_options *o = &opening->options;
	const uint32_t flags = KREG_OPEN_READONLY | KREG_OPEN_EXISTING | KREG_OPEN_EXCLUSIVE;

	if (o->flags & ~flags)
		return refuse_option(opening, "options->flags has unknown bits: use KREG_OPEN_*");
	if ((o->flags & KREG_OPEN_EXCLUSIVE) &&
	    (o->flags & (KREG_OPEN_READONLY | KREG_OPEN_EXISTING)))
		return refuse_option(opening,
				     "options->flags has KREG_OPEN_EXCLUSIVE, which creates, "
				     "and a flag that does not: use one of them");
	if (o->life > KREG_LIFE_FALLBACK)
		return refuse_option(opening, "options->life is none of KREG_LIFE_*");
	if (o->keys > KREG_KEYS_DUPLICATE_BY_KEY)
		return refuse_option(opening, "options->keys is none of KREG_KEYS_*");
	if (o->mode & ~0777u)
		return refuse_option(opening, "options->mode has more than permissions: 0 to 0777");
	if (o->seats > LIFE_SEATS_MAX)
		return refuse_option(opening, "options->seats is more than 65536");
	if (o->partitions > SEGMENT_PARTITIONS_MAX)
		return refuse_option(opening, "options->partitions is more than 64");
	return 0;
}

bool opening_name_is_allowed(const char *name)
{
	const char *at;

	for (at = name; *at; at++) {
		if (!text_is_alnum(*at) && !text_find("._-", *at))
			return false;
	}
	return *name && *name != '.' && at - name <= KREG_NAME_MAX;
}

/* "UID:NAME" or "NAME". */
static bool name_read(struct opening *o, const char *name)
{
	const char *colon = text_find(name, ':');
	unsigned long owner = process_euid();
	char *end, digits[TEXT_NUMBER];

	if (colon) {
		errno = 0;
		owner = strtoul(name, &end, 10);
		if (!text_is_digit(*name) || end != colon || errno || owner >= UINT32_MAX)
			return false;
		name = colon + 1;
	}
	if (!opening_name_is_allowed(name))
		return false;
	text_join(o->file, sizeof(o->file),
		  (const char *[]){ "kreg.", text_number(digits, owner), ".", name, NULL });
	o->path.file = o->file;
	o->path.owner = (uid_t)owner;
	return true;
}

static const char *first_of(const char *option, const char *variable, const char *otherwise)
{
	const char *value = option ? option : secure_getenv(variable);

	return value && *value ? value : otherwise;
}

void opening_say_why(const struct opening *o, int err)
{
	if (!o->said && err != -ENOENT)
		segment_say(&o->path, "cannot open %s/%s: %s", o->path.directory, o->path.file,
			    strerror(-err));
}

void opening_say_no_life(const struct opening *o, int err, uint32_t share)
{
	if (err == -ENODEV)
		segment_say(&o->path,
			    "no guard is running at %s; start it with `regtool guard start`",
			    o->guard);
	else if (err == -EUSERS)
		segment_say(&o->path,
			    "the guard at %s has no free seat; start it with more --seats",
			    o->guard);
	else if (err == -EDQUOT)
		segment_say(&o->path,
			    "user %u has used up its share of %u seats of the guard at %s; root "
			    "can raise it with `regtool guard upgrade --share`",
			    process_uid(), share, o->guard);
	else if (err == -EPERM && life_guard_is_strange(o->guard))
		segment_say(
			&o->path,
			"%s is not trusted: a guard's folder has to be in a bpffs, it and its pins "
			"have to belong to root or to you, and be writable by no other user",
			o->guard);
	else if (err == -ENOMEM)
		segment_say(&o->path,
			    "cannot use the guard at %s: out of memory; raise the limit on "
			    "address space, or retry",
			    o->guard);
	else if (err == -EAGAIN)
		segment_say(&o->path,
			    "cannot use the guard at %s: it is busy, or the limit on locked "
			    "memory is too low; retry, or raise the limit",
			    o->guard);
	else if (err == -EPROTO)
		segment_say(&o->path,
			    "the guard at %s and this library are of incompatible versions; update "
			    "the older one",
			    o->guard);
	else
		segment_say(&o->path, "cannot use the guard at %s: %s", o->guard,
			    err == -ESHUTDOWN ? "it is being stopped; retry" : strerror(-err));
}

/*
 * Ownership is decided by user ids, so the calls that return them have to work. A reader has
 * nothing of its own, and its user only says which registry it means.
 */
static int caller_check(const struct opening *o)
{
	int err = 0;
	const char *refused = process_refused(!(o->options.flags & KREG_OPEN_READONLY), &err);

	if (refused)
		segment_say(&o->path,
			    "%s(2) failed, but is needed to identify the caller: %s; allow it in "
			    "the sandbox",
			    refused, strerror(-err));
	return err;
}

int opening_refuse_in(const struct kreg_options *options, const char *sentence,
		      const char *function)
{
	struct kreg_options own;

	/* What cannot be read has no log. */
	if (sized_read(&own, sizeof(own), options))
		own = (struct kreg_options){ 0 };
	return kreg_inner_refuse_to(own.log, own.log_data, call_of(function),
				    (const char *const[]){ sentence, NULL });
}

int opening_read(struct opening *out, const char *name, const struct kreg_options *options)
{
	struct kreg_options *o = &out->options;
	struct log_to log;
	int err;

	memset(out, 0, sizeof(*out));
	err = sized_read(o, sizeof(*o), options);
	if (err)
		return err == -EINVAL ? opening_refuse(NULL, "options" SIZE_IS_NOT_SET) : err;
	log = (struct log_to){ o->log, o->log_data };
	if (!log.log)
		log_of_process(&log);
	out->path.log = log.log;
	out->path.log_data = log.data;
	out->path.said = &out->said;
	err = caller_check(out);
	if (err)
		return err;
	err = options_check(out);
	if (err)
		return err;
	if (!name)
		return refuse_option(out, "name is NULL");
	if (!name_read(out, name))
		return refuse_option(out, "name \"", name,
				     "\" is not a registry name: 1 to 64 of A-Z a-z 0-9 . _ -, not "
				     "starting with a dot, optionally after UID:");
	folder_choose(out, first_of(o->directory, "KREG_DIR", NULL));
	out->guard = first_of(o->guard, "KREG_GUARD", LIFE_GUARD_DEFAULT);
	if (text_is(out->guard, "none") || o->life == KREG_LIFE_FALLBACK)
		out->guard = NULL;
	out->plan.max_bytes = o->max_bytes ? o->max_bytes : DEFAULT_MAX_BYTES;
	out->plan.may_shrink = !o->max_bytes;
	out->plan.owner_bytes = o->owner_bytes;
	out->plan.seats = o->seats ? o->seats : DEFAULT_SEATS;
	out->plan.slots = o->slots ? o->slots : DEFAULT_SLOTS;
	out->plan.patience_ms = o->patience_ms ? o->patience_ms : DEFAULT_PATIENCE_MS;
	out->plan.mode = o->mode ? o->mode : 0600;
	out->plan.keys = o->keys;
	out->plan.partitions = o->partitions && o->keys == KREG_KEYS_DUPLICATE ? o->partitions : 1;
	out->plan.group = o->set_group ? o->group : (gid_t)-1;
	return 0;
}
