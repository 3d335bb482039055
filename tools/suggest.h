/* SPDX-License-Identifier: MIT */
/*
 * What was meant by a word that is none.
 *
 * Used by   commands.c, options.c.
 */
#ifndef TOOLS_SUGGEST_H
#define TOOLS_SUGGEST_H

#include <stddef.h>

/* A search for the word that is nearest to @typed. */
struct suggestion {
	const char *typed;
	const char *word; /* the nearest so far, or NULL */
	size_t distance;
};

/* Looks at one more word. One with more than two letters wrong, or one of a short word, is none. */
void suggest(struct suggestion *suggestion, const char *word);

#endif
