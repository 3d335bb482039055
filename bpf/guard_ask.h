/* SPDX-License-Identifier: MIT */
/*
 * Access to a guard that runs: its control block, and its program command.
 *
 * Used by   guard.c, guard_stop.c, guard_audit.c, guard_status.c, guard_load.c,
 *           guard_upgrade.c.
 */
#ifndef KREG_GUARD_ASK_H
#define KREG_GUARD_ASK_H

#include <linux/types.h>

#include "bpf/guard_folder.h"
#include "bpf/life_layout.h"

/* Whether a life word of the guard is that of a living process. */
static inline bool guard_word_is_alive(__u64 word)
{
	return (__u32)word && !(word & LIFE_OVER);
}

/* Copies the control block. -ENOENT: no guard; -EPROTO: it has another layout. */
int guard_control(const struct guard_at *at, struct life_control *out);

/* Runs the program command in the kernel; its answer is in @run afterwards. Root only. */
int guard_command(const struct guard_at *at, struct life_command *run);

#endif
