/* SPDX-License-Identifier: MIT */
/*
 * USDT probes: a no-op instruction, and a note in the file that says where it is and where its
 * arguments are then. A tracer puts a breakpoint there; without one a probe costs that no-op, and
 * what it takes to have the arguments at hand.
 *
 * Promises  PROBE(name, arguments...) is the probe kreg:name, of up to twelve numbers and pointers.
 *           Nothing where the library is built without sys/sdt.h.
 * Needs     arguments that are there anyway, so that they cost nothing.
 * Context   anywhere; a tracer adds about a microsecond.
 * Used by   shm/, lib/. kreg.7 lists the probes.
 *
 * Source: sys/sdt.h of SystemTap.
 */
#ifndef KREG_BASE_PROBE_H
#define KREG_BASE_PROBE_H

#ifdef HAVE_SDT
#define SDT_USE_VARIADIC 1
#include <sys/sdt.h>
#define PROBE(name, ...) STAP_PROBEV(kreg, name, __VA_ARGS__)
#else
static inline void probe_none(int none, ...)
{
	(void)none;
}
#define PROBE(name, ...)                                                                           \
	do {                                                                                       \
		if (0)                                                                             \
			probe_none(0, __VA_ARGS__);                                                \
	} while (0)
#endif

#endif
