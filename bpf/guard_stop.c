/* SPDX-License-Identifier: MIT */
/*
 * Stopping a guard.
 *
 * Stopping begins by setting a flag in the kernel, so that the guard gives no seats. Then
 * all lives are checked, and if one is alive the flag is cleared again, unless the stop
 * is forced. A process that attaches publishes its life and then reads the flag; so at
 * least one side sees the other.
 *
 *   killed here                  what is left
 *   stop, before the rename      a guard that gives no seats: both start and stop repair it
 *   stop, after it               PATH-old-PID-N, which the next start or stop removes
 *
 * The lives end before the programs are removed: the other way round, a life whose
 * process ends in between would go on for ever for those who have the table mapped.
 */
#include "bpf/guard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_audit.h"
#include "bpf/guard_say.h"

/*
 * Runs a command without arguments; *living, if it is not NULL, is the number of lives.
 */
static int command(const struct guard_at *at, __u32 number, __u32 *living)
{
	struct life_command run = { .command = number };
	int err = guard_command(at, &run);

	if (!err && living)
		*living = run.living;
	return err;
}

/* Ends all lives. -EAGAIN: some are still being begun. */
static int end_all_lives(const struct guard_at *at)
{
	__u32 living = 1;
	int tries, err = 0;

	/*
	 * A process that has taken a seat, but not yet begun its life, is not seen. It
	 * finds the flag afterwards and ends that life itself; so this loop is short.
	 */
	for (tries = 0; living && tries < 1000 && !err; tries++)
		err = command(at, LIFE_COMMAND_END, &living);
	return !err && living ? -EAGAIN : err;
}

/*
 * Stops the giving of seats, and ends all lives if @force is set. On failure the guard
 * gives seats as before.
 */
static int end_lives(const struct guard_at *at, bool force)
{
	__u32 living = 0;
	int err = command(at, LIFE_COMMAND_STOP, &living);

	if (err)
		return err;
	/*
	 * A life whose end the kernel skipped is not a reason to refuse: its process is
	 * gone.
	 */
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

/* Stops the guard whose folder is open. Its folder has to hold nothing but pins. */
static int stop_at(const struct guard_at *at, bool force)
{
	char name[NAME_MAX + 1];
	int err = guard_folder_check(at, at->base);

	if (err)
		return err;
	err = end_lives(at, force);
	if (err == -ENOENT && !force) {
		guard_say(at->o,
			  "%s is what is left of a guard, which no longer answers; --force "
			  "removes it",
			  guard_path(at->o));
		return -EUCLEAN;
	}
	/*
	 * With force, what is left of a guard without its command or control is removed.
	 * A process that has its lives mapped discovers that they are no longer ended
	 * (life_gone.c).
	 */
	if (err == -ENOENT)
		err = 0;
	if (err == -EBUSY)
		return err;
	/*
	 * The rename is atomic, so other processes see the whole guard or none. Removing
	 * pins one by one from PATH would show them a guard that is not complete.
	 */
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
