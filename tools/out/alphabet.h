/* SPDX-License-Identifier: MIT */
/*
 * Which bytes occur at each place of many texts, in a window of them.
 *
 * Used by   rows.c, which adds each text while it is at hand: when all are there, they would have
 *           to be fetched once more; rows_sort.c.
 */
#ifndef TOOLS_OUT_ALPHABET_H
#define TOOLS_OUT_ALPHABET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALPHABET_WINDOW 64u

struct alphabet {
	size_t from;              /* where the window begins */
	size_t shortest, longest; /* of the texts */
	bool has[ALPHABET_WINDOW][256];
};

static inline void alphabet_init(struct alphabet *alphabet, size_t from)
{
	memset(alphabet, 0, sizeof(*alphabet));
	alphabet->from = from;
	alphabet->shortest = SIZE_MAX;
}

static inline void alphabet_add(struct alphabet *alphabet, const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text + alphabet->from;
	size_t i, in_window = size > alphabet->from ? size - alphabet->from : 0;

	if (size < alphabet->shortest)
		alphabet->shortest = size;
	if (size > alphabet->longest)
		alphabet->longest = size;
	if (in_window > ALPHABET_WINDOW)
		in_window = ALPHABET_WINDOW;
	for (i = 0; i < in_window; i++)
		alphabet->has[i][bytes[i]] = true;
}

#endif
