/* SPDX-License-Identifier: MIT */
/*
 * Advice for names that a file of services does not support.
 *
 * Context   any.
 * Used by   service_file.c, service_values.c.
 */
#ifndef KREG_LIB_SERVICE_REFUSED_H
#define KREG_LIB_SERVICE_REFUSED_H

#pragma GCC visibility push(hidden)

/* What to do instead of NAME=, or of Type=; NULL: there is no advice. */
const char *refused_name(const char *name);
const char *refused_type(const char *type);

#pragma GCC visibility pop

#endif
