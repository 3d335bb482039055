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
	/* Eight at a time: a name has some twenty, and there are many names. */
	for (i = 0; i + 8 <= in_window; i += 8) {
		alphabet->has[i][bytes[i]] = true;
		alphabet->has[i + 1][bytes[i + 1]] = true;
		alphabet->has[i + 2][bytes[i + 2]] = true;
		alphabet->has[i + 3][bytes[i + 3]] = true;
		alphabet->has[i + 4][bytes[i + 4]] = true;
		alphabet->has[i + 5][bytes[i + 5]] = true;
		alphabet->has[i + 6][bytes[i + 6]] = true;
		alphabet->has[i + 7][bytes[i + 7]] = true;
	}
	for (; i < in_window; i++)
		alphabet->has[i][bytes[i]] = true;
}

#endif
