/* SPDX-License-Identifier: MIT */
/*
 * Memory blocks that are freed all at once.
 *
 * Context   any; allocates.
 * Used by   supervision.c, service_file.c, service_values.c.
 */
#ifndef KREG_LIB_KEPT_H
#define KREG_LIB_KEPT_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

struct kept;

/* Adds @size bytes to @list, copied from @bytes unless that is NULL. NULL: out of memory. */
void *kept_add(struct kept **list, const void *bytes, size_t size);
char *kept_add_string(struct kept **list, const char *string);
void kept_free(struct kept *list);

#pragma GCC visibility pop

#endif
