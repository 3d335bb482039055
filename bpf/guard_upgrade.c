/* SPDX-License-Identifier: MIT */
/*
 * Replaces the programs of a running guard while processes live, die and attach.
 *
 * The maps stay: they hold all state, and the new programs are loaded with them. A
 * program is replaced by pinning its link under another name and renaming that over the
 * old pin. So at each moment at least one of the two is attached, and for a while both
 * are, which is harmless (guard.bpf.c): the compare-and-swap of the life word picks one.
 * attach comes after exit and exec, so that a life which the new attach has begun is
 * never left to old programs alone. again and exec_again are the links of the second
 * programs, in the kernel's functions or at tracepoints, whichever was there before.
 *
 *   step                                          killed here
 *   1 load with the pinned maps, attach           nothing: what was not pinned goes with the fds
 *   2 pin exit-new                                both run; the next start removes exit-new
 *   3 rename exit-new over exit                   the new one runs, the others are still old
 *   4, 5 exec the same; 6, 7 attach; 8, 9         the same
 *   command; 10, 11 join; 12, 13 again;
 *   14, 15 exec_again
 *   16 set share and reserve, count the upgrade   everything is new
 *   17 audit                                      lives of the dead stay until the next audit
 *
 * All mixtures work, and the next start repeats all of it. Two callers that upgrade at
 * once remove each other's NAME-new and retry; NAME itself is never removed. The audit is
 * for a guard whose pins exit or exec had been removed: it ends the lives of processes
 * that died meanwhile. A process that attached meanwhile has an ordinary life.
 */
#include "bpf/guard_upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_audit.h"
#include "bpf/guard_load.h"
#include "bpf/guard_pin.h"

/* Each retry means that another caller has replaced the same pin, so a few are enough. */
#define TRIES 100

/* For tests: kills the caller after @step, if that is asked for. */
static void die_at(const struct guard_options *o, uint32_t step)
{
	if (o->die_at == step && step)
		raise(SIGKILL);
}

/*
 * Replaces the pin @name by the new program's. A pin cannot be made over another one, so
 * it gets a name of its own first; the rename replaces the old pin atomically. @step is
 * that of the first half.
 */
static int pin_over(const struct guard_bpf *guard, const struct guard_at *at, const char *name,
		    bool is_groups, uint32_t step)
{
	char fresh[NAME_MAX + 1];
	int tries, err;

	snprintf(fresh, sizeof(fresh), "%s" PIN_NEW, name);
	for (tries = 0; tries < TRIES; tries++) {
		/* A killed or a concurrent upgrade may have left one. */
		if (unlinkat(at->folder, fresh, 0) && errno != ENOENT)
			return -errno;
		err = guard_pin_as(guard, at->folder, name, fresh, is_groups);
		die_at(at->o, step);
		if (!err && renameat(at->folder, fresh, at->folder, name)) /* happens here */
			err = -errno;
		if (err != -EEXIST && err != -ENOENT)
			break;
	}
	die_at(at->o, step + 1);
	return err;
}

/* Replaces all programs, in the order of the table above. */
static int replace_pins(const struct guard_bpf *guard, const struct guard_at *at)
{
	static const char *const names[] = { LIFE_PIN_EXIT, PIN_EXEC,  LIFE_PIN_ATTACH, PIN_COMMAND,
					     LIFE_PIN_JOIN, PIN_AGAIN, PIN_EXEC_AGAIN };
	struct stat st;
	uint32_t i;
	int err = 0;

	/*
	 * A guard for a group stays one: its folder shows that, whatever the options say.
	 */
	if (fstat(at->folder, &st))
		return -errno;
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++)
		err = pin_over(guard, at, names[i], !(st.st_mode & 0007), 2 * i + 2);
	return err;
}

/*
 * Sets the limits that were given, counts the upgrade, and makes sure that seats are
 * given.
 */
static int apply_options(const struct guard_at *at)
{
	struct life_command set = {
		.command = LIFE_COMMAND_SET,
		.share = at->o->share,
		.reserve = at->o->set_reserve ? at->o->reserve : LIFE_KEEP,
	};
	struct life_command resume = { .command = LIFE_COMMAND_RESUME };
	struct life_command upgraded = { .command = LIFE_COMMAND_UPGRADED };
	int err = guard_command(at, &set);

	if (!err)
		err = guard_command(at, &upgraded);
	/*
	 * A stopper that was killed has left the flag set, and nobody else would clear
	 * it.
	 */
	return err ? err : guard_command(at, &resume);
}

int guard_upgrade_at(struct guard_at *at)
{
	struct guard_bpf *guard = NULL;
	int err = guard_load_for(&guard, at);

	if (err)
		return err;
	die_at(at->o, 1);
	/* Before the pins, so that they are made for the group. */
	if (at->o->set_group)
		err = guard_give_group(at, at->o->group);
	if (!err)
		err = replace_pins(guard, at);
	if (!err)
		err = apply_options(at);
	die_at(at->o, 16);
	guard_free(guard);
	/*
	 * Its failure is not the upgrade's: in a container it is refused, and the guard
	 * works.
	 */
	if (!err)
		guard_audit_at(at, NULL);
	die_at(at->o, 17);
	return err;
}
