/* SPDX-License-Identifier: MIT */
/*
 * Messages of the guard's user space, and the path that they name.
 *
 * Context   any; a message that is longer than its buffer is cut off.
 * Used by   every other file of the guard's user space.
 */
#ifndef KREG_GUARD_SAY_H
#define KREG_GUARD_SAY_H

#include "bpf/guard.h"

/* The path of the guard that @o names, which is the default one if @o has none. */
const char *guard_path(const struct guard_options *o);

/*
 * Formats a sentence and passes it to the caller's log function; does nothing without
 * one.
 */
void guard_say(const struct guard_options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
