/* SPDX-License-Identifier: MIT */
/*
 * Telemetry: what happens to services, for a callback of the program's and for whoever traces it.
 *
 * Promises  costs two loads when nobody listens.
 * Context   any thread, with nothing held; the callback may call kreg.
 * Used by   service.c, listen.c.
 */
#ifndef KREG_LIB_TELEMETRY_H
#define KREG_LIB_TELEMETRY_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Raised by the kernel or the tracer as long as somebody has attached to one of our probes. */
extern unsigned short kreg_register_semaphore, kreg_refuse_semaphore, kreg_unregister_semaphore,
	kreg_purge_semaphore, kreg_await_semaphore;

/* Whether somebody listens, to the probe or by the callback. */
static inline bool telemetry_is_wanted(const struct kreg *k, const unsigned short *semaphore)
{
	return caa_unlikely(k->telemetry || *(const volatile unsigned short *)semaphore);
}

/* Tells it. @owner: NULL, us. */
void telemetry_tell(struct kreg *k, enum kreg_telemetry_type type, const char *space,
		    const char *role, const struct kreg_owner *owner, int result);

/* Tells of a death that a listener has heard of, if it was a service's. */
void telemetry_purge(struct kreg *k, const struct kreg_entry *entry);

#pragma GCC visibility pop

#endif
