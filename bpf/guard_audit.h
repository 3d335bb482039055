/* SPDX-License-Identifier: MIT */
/*
 * The audit of a guard whose folder is open, for callers that do more with it.
 *
 * Used by   guard_status.c, guard_stop.c, guard_upgrade.c.
 */
#ifndef KREG_GUARD_AUDIT_H
#define KREG_GUARD_AUDIT_H

#include "bpf/guard_folder.h"

/* As guard_audit(). */
int guard_audit_at(const struct guard_at *at, uint32_t *removed);

#endif
