/* SPDX-License-Identifier: MIT */
/*
 * What the files of the guard's user space share.
 *
 * Promises  each call opens the pin that it needs and closes it.
 * Needs     as guard.h says of the call that it serves.
 * Used by   guard.c, guard_audit.c.
 */
#ifndef KREG_GUARD_OWN_H
#define KREG_GUARD_OWN_H

#include "bpf/guard.h"

#include <linux/types.h>

#include "bpf/life_layout.h"

/* Root's pins, beside those of life_layout.h. */
#define PIN_COMMAND "command"
#define PIN_OWNERS "owners"

const char *guard_path(const struct guard_options *o);
void guard_say(const struct guard_options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An fd; -ENOENT. */
int guard_pin_open(const struct guard_options *o, const char *name);

/* Runs the program command; @run is what it answers. */
int guard_command(const struct guard_options *o, struct life_command *run);

/* -ENOENT: no guard; -EPROTO: one of another layout. */
int guard_control(const struct guard_options *o, struct life_control *out);

#endif
