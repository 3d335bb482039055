/* SPDX-License-Identifier: MIT */
/*
 * What /proc shows of an owner.
 *
 * Used by   who.c.
 */
#ifndef TOOLS_WHO_PROC_H
#define TOOLS_WHO_PROC_H

#include "tools/who.h"

/* Fills @who, of which free() frees the strings. @flags: WHO_*. */
void who_read(struct kreg *k, const struct kreg_owner *owner, unsigned int flags, struct who *who);

#endif
