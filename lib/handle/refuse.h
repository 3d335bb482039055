/* SPDX-License-Identifier: MIT */
/*
 * The log of a process, or of a handle.
 *
 * Promises  reading takes no lock.
 * Context   any; signal-safe.
 * Used by   refuse.c, member.h's handles, lib/registry/options.c.
 */
#ifndef KREG_LIB_REFUSE_H
#define KREG_LIB_REFUSE_H

#include "lib/kreg.h"

/* @log NULL: none. */
struct log_to {
	kreg_log_fn log;
	void *data;
};

#pragma GCC visibility push(hidden)

/* What kreg_set_log() has set. */
void log_of_process(struct log_to *out);

#pragma GCC visibility pop

#endif
