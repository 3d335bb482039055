/* SPDX-License-Identifier: MIT */
/*
 * The folder of a guard: found, verified, made and removed.
 *
 * Promises  a guard's folder is found once, by fds that follow no symbolic link, and all
 *           later access goes through these. No pin is opened or removed before its
 *           folder is known to belong to root or the caller. Each error but -ENOENT has
 *           been reported by guard_say().
 * Used by   guard.c, guard_stop.c, guard_ask.c, guard_audit.c, guard_status.c,
 *           guard_load.c, guard_upgrade.c.
 */
#ifndef KREG_GUARD_FOLDER_H
#define KREG_GUARD_FOLDER_H

#include "bpf/guard.h"

#include <limits.h>

/* Where a guard is, or is to be started. */
struct guard_at {
	const struct guard_options *o;
	int parent; /* O_PATH */
	int folder; /* O_PATH; -1: there is none, or it was not opened */
	char base[NAME_MAX + 1];
};

/* Opens the parent only, for a caller that may have to make or rename the folder. */
int guard_parent_open(struct guard_at *at, const struct guard_options *o);

/* Opens the folder below the open parent. */
int guard_folder_open(struct guard_at *at);

/* Both of these, for a caller that only needs a guard that runs. */
int guard_find(struct guard_at *at, const struct guard_options *o);
void guard_at_close(struct guard_at *at);

/*
 * Makes an empty folder beside the guard's, to pin into; @name has room for NAME_MAX + 1.
 * An fd, or -errno.
 */
int guard_folder_make(const struct guard_at *at, char *name);

/*
 * A name for such a folder that includes the caller's pid, so that the folder can be
 * removed when the caller is dead.
 */
int guard_folder_name(const struct guard_at *at, const char *kind, char *name);

/*
 * -ENOTEMPTY, and nothing is removed, if the folder holds something that is not a pin of
 * a guard.
 */
int guard_folder_check(const struct guard_at *at, const char *name);
int guard_folder_remove(const struct guard_at *at, const char *name);
bool guard_folder_is_empty(const struct guard_at *at);

/* Removes the folders that starters and stoppers left which were killed. */
void guard_remove_leftovers(const struct guard_at *at);

#endif
