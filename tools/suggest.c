/* SPDX-License-Identifier: MIT */
/*
 * The distance of two words: how many letters were left out, added, exchanged or swapped with
 * their neighbour.
 */
#include "tools/suggest.h"

#include <string.h>

#define LENGTH_MAX 24u

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
	size_t row[LENGTH_MAX + 2][LENGTH_MAX + 2];
	size_t m = strlen(a), n = strlen(b), i, j;

	if (m > LENGTH_MAX || n > LENGTH_MAX)
		return LENGTH_MAX;
	for (i = 0; i <= m; i++) {
		for (j = 0; j <= n; j++) {
			if (!i || !j) {
				row[i][j] = i + j;
				continue;
			}
			row[i][j] = least(least(row[i - 1][j], row[i][j - 1]) + 1,
					  row[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[i][j] = least(row[i][j], row[i - 2][j - 2] + 1);
		}
	}
	return row[m][n];
}

void suggest(struct suggestion *suggestion, const char *word)
{
	size_t far = distance(suggestion->typed, word);
	size_t most = strlen(word) > 5 ? 2 : 1;

	/* "lsit" is nearer to "ls" than it seems: all of the word is there, in front. */
	if (far > most && strlen(suggestion->typed) <= strlen(word) + 2 &&
	    !strncmp(suggestion->typed, word, strlen(word)))
		far = most;
	if (far > most || (suggestion->word && far >= suggestion->distance))
		return;
	suggestion->word = word;
	suggestion->distance = far;
}
