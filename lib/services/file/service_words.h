/* SPDX-License-Identifier: MIT */
/*
 * Words of a value, as a shell splits a line: quotes, backslashes and $VARIABLES, and nothing that depends on where the
 * reader stands: no patterns of file names, and no commands.
 *
 * Context   any thread that may read environ; allocates.
 * Used by   service_values.c.
 */
#ifndef KREG_LIB_SERVICE_WORDS_H
#define KREG_LIB_SERVICE_WORDS_H

#include "lib/services/file/service_text.h"

#pragma GCC visibility push(hidden)

/* @add is called for each word. What is wrong is told. */
int words_split(struct text *text, const char *value,
		int (*add)(struct text *text, void *data, const char *word), void *data);

#pragma GCC visibility pop

#endif
