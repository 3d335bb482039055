/* SPDX-License-Identifier: MIT */
/*
 * Telemetry: events of services, for the program's callback and for tracers.
 *
 * Promises  costs two loads without callback and tracer.
 * Context   any thread, with no lock held; the callback may call kreg.
 * Used by   service.c, listen.c.
 */
#ifndef KREG_LIB_TELEMETRY_H
#define KREG_LIB_TELEMETRY_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* Raised by the kernel or the tracer while a tracer is attached to the probe. */
extern unsigned short kreg_register_semaphore, kreg_refuse_semaphore, kreg_unregister_semaphore,
	kreg_purge_semaphore, kreg_await_semaphore;

/* Whether the probe is traced or a callback is set. */
static inline bool telemetry_is_wanted(const struct kreg *k, const unsigned short *semaphore)
{
	return caa_unlikely(k->telemetry || *(const volatile unsigned short *)semaphore);
}

/* Reports an event. @owner: NULL means the caller. */
void telemetry_tell(struct kreg *k, enum kreg_telemetry_type type, const char *space,
		    const char *role, const struct kreg_owner *owner, int result);

/* Reports a death that a listener has found, if the entry is a service's. */
void telemetry_purge(struct kreg *k, const struct kreg_entry *entry);

#pragma GCC visibility pop

#endif
