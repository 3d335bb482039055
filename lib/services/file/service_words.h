/* SPDX-License-Identifier: MIT */
/*
 * Splits a value into words as a shell does: quotes, backslashes and $VARIABLES, but
 * neither file name patterns nor commands, so that the result does not depend on the
 * current folder.
 *
 * Context   any thread that may read environ; allocates.
 * Used by   service_values.c.
 */
#ifndef KREG_LIB_SERVICE_WORDS_H
#define KREG_LIB_SERVICE_WORDS_H

#include "lib/services/file/service_text.h"

#pragma GCC visibility push(hidden)

/* Calls @add for each word. Errors are reported to @text. */
int words_split(struct text *text, const char *value,
		int (*add)(struct text *text, void *data, const char *word), void *data);

#pragma GCC visibility pop

#endif
