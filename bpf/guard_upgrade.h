/* SPDX-License-Identifier: MIT */
/*
 * The replacement of a running guard's programs.
 *
 * Used by   guard.c, which upgrades where a guard runs that is to be started.
 */
#ifndef KREG_GUARD_UPGRADE_H
#define KREG_GUARD_UPGRADE_H

#include "bpf/guard_folder.h"

/*
 * Replaces the programs of the guard at @at by those of this library; see guard_upgrade.c
 * for what can fail.
 */
int guard_upgrade_at(struct guard_at *at);

#endif
