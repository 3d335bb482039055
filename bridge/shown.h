/* SPDX-License-Identifier: MIT */
/*
 * Where names of other hosts are registered: by this process, or by a holder, a process of its own
 * that keeps them for a while when this one ends (holder.c).
 *
 * Context   one thread.
 */
#ifndef BRIDGE_SHOWN_H
#define BRIDGE_SHOWN_H

#include "bridge/record.h"

struct shown;

/*
 * Before the first thread of the process: a holder that is there, or a new one, for @cluster, with
 * a socket in the folder @run. Returns the socket, or a negative errno; -EBUSY: another bridge has
 * it.
 */
int shown_hold(const char *run, const char *cluster, const char *registry, uint32_t grace);

/* @holder: of shown_hold(), which is closed with it; -1: none. */
int shown_open(struct shown **out, struct kreg *k, int holder);
void shown_close(struct shown *shown);

/* The owner of the names. */
struct kreg_owner shown_owner(const struct shown *shown);

/*
 * As kreg_register_remote(), yielding unless it is unique; and kreg_unregister(). -EPIPE: the holder has ended, and with
 * it all names.
 */
int shown_put(struct shown *shown, const struct name *name, const struct facts *facts,
	      const char *host, uint64_t revision, bool is_stale, bool is_unique);
int shown_drop(struct shown *shown, const struct name *name);

/* All that there is was put: what a holder has kept beyond that is dropped. */
int shown_compared(struct shown *shown);

#endif
