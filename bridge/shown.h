/* SPDX-License-Identifier: MIT */
/*
 * Where names of other hosts are registered: by this process.
 *
 * Context   one thread.
 */
#ifndef BRIDGE_SHOWN_H
#define BRIDGE_SHOWN_H

#include "bridge/record.h"

struct shown;

int shown_open(struct shown **out, struct kreg *k);
void shown_close(struct shown *shown);

/* The owner of the names. */
struct kreg_owner shown_owner(const struct shown *shown);

/* As kreg_register_remote(), yielding; and kreg_unregister(). */
int shown_put(struct shown *shown, const struct name *name, const struct facts *facts,
	      const char *host, uint64_t revision, bool is_stale);
int shown_drop(struct shown *shown, const struct name *name);

#endif
