/* SPDX-License-Identifier: MIT */
/*
 * The guard's programs, loaded into the kernel and attached, and their pins.
 *
 * Promises  until one of the functions that pin has been called, everything belongs to
 *           the calling process: if it is killed, the kernel unloads all of it.
 * Used by   guard.c, guard_upgrade.c.
 */
#ifndef KREG_GUARD_LOAD_H
#define KREG_GUARD_LOAD_H

#include "bpf/guard_folder.h"

struct guard_bpf;

/* Loads and attaches, with new maps. */
int guard_load(struct guard_bpf **out, const struct guard_at *at);

/*
 * The same with the maps of the guard at @at. -EPROTO: they do not fit; -EUCLEAN: one is
 * missing.
 */
int guard_load_for(struct guard_bpf **out, const struct guard_at *at);
void guard_free(struct guard_bpf *guard);

/* The likely reason why loading failed, as a part of a sentence. */
const char *guard_load_reason(void);

/* Makes all pins in @folder. @is_groups: the guard is for a group alone. */
int guard_pin_all(const struct guard_bpf *guard, int folder, bool is_groups);

/* Makes the one pin that is called @name in a guard, under the name @as. */
int guard_pin_as(const struct guard_bpf *guard, int folder, const char *name, const char *as,
		 bool is_groups);

/* Gives all pins of the guard at @at, and its folder, to @group alone. */
int guard_give_group(const struct guard_at *at, gid_t group);

#endif
