/* SPDX-License-Identifier: MIT */
/*
 * Stop.
 */
#include "bpf/guard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_audit.h"
#include "bpf/guard_say.h"

static int command(const struct guard_at *at, __u32 number, __u32 *living)
{
	struct life_command run = { .command = number };
	int err = guard_command(at, &run);

	if (!err && living)
		*living = run.living;
	return err;
}

static int end_all_lives(const struct guard_at *at)
{
	__u32 living = 1;
	int tries, err = 0;

	/* A process that is just attaching ends its own life; so this is soon over. */
	for (tries = 0; living && tries < 1000 && !err; tries++)
		err = command(at, LIFE_COMMAND_END, &living);
	return !err && living ? -EAGAIN : err;
}

/* No seat is given any more and no life goes on; else as it was. */
static int end_lives(const struct guard_at *at, bool force)
{
	__u32 living = 0;
	int err = command(at, LIFE_COMMAND_STOP, &living);

	if (err)
		return err;
	/* Lives that on_exit was kept from hold up nothing. */
	if (living && !force && guard_audit_at(at, NULL) > 0)
		command(at, LIFE_COMMAND_COUNT, &living);
	if (living && !force) {
		guard_say(
			at->o,
			"%u owners are alive under the guard; end them, or use --force, which ends "
			"their lives in all registries",
			living);
		command(at, LIFE_COMMAND_RESUME, NULL);
		return -EBUSY;
	}
	return end_all_lives(at);
}

static int stop_at(const struct guard_at *at, bool force)
{
	char name[NAME_MAX + 1];
	int err = guard_folder_check(at, at->base);

	if (err)
		return err;
	err = end_lives(at, force);
	if (err == -ENOENT && !force) {
		guard_say(at->o,
			  "what is at %s is the rest of a guard, which nobody can ask; --force "
			  "removes it",
			  guard_path(at->o));
		return -EUCLEAN;
	}
	/* Who has its lives mapped finds out that nobody ends them any more. */
	if (err == -ENOENT)
		err = 0;
	if (err == -EBUSY)
		return err;
	if (!err)
		err = guard_folder_name(at, "old", name);
	if (!err && renameat(at->parent, at->base, at->parent, name)) /* happens here */
		err = -errno;
	if (!err)
		err = guard_folder_remove(at, name);
	if (err)
		guard_say(at->o, "cannot stop the guard at %s: %s", guard_path(at->o),
			  strerror(-err));
	return err;
}

int guard_stop(const struct guard_options *options, bool force)
{
	struct guard_at at;
	int err = guard_parent_open(&at, options);

	if (!err) {
		guard_remove_leftovers(&at);
		err = guard_folder_open(&at);
		if (!err)
			err = stop_at(&at, force);
		guard_at_close(&at);
	}
	if (err == -ENOENT)
		guard_say(options, "no guard runs at %s", guard_path(options));
	return err;
}
