/* SPDX-License-Identifier: MIT */
/*
 * The order of rows. Of text the first bytes that differ are compared as a number, all of them at
 * once by counting (a radix sort): comparing 160,000 keys two by two would take longer than
 * reading them, because each comparison waits for memory. What is equal by then is compared in full.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out/rows.h"

/* A number that is in the order of the rows, and where the row is. */
struct sort_key {
	uint64_t first;
	size_t index;
	const struct kept_cell *cell;
};

/* How many bytes all cells begin with. */
static size_t common_size(const struct rows *rows, size_t cell)
{
	const struct kept_cell *first = &rows->row[0][cell], *other;
	size_t common = first->is_there ? first->size : 0, i, j;

	for (i = 1; i < rows->count && common; i++) {
		other = &rows->row[i][cell];
		if (!other->is_there)
			return 0;
		if (other->size < common)
			common = other->size;
		for (j = 0; j < common && other->bytes[j] == first->bytes[j]; j++)
			;
		common = j;
	}
	return common;
}

/* Text behind @skip bytes as a number that is in the same order. */
static uint64_t first_bytes(const struct kept_cell *cell, size_t skip)
{
	unsigned char bytes[8] = { 0 };
	uint64_t number = 0;
	size_t size = cell->size - skip, i;

	if (size)
		memcpy(bytes, cell->bytes + skip, size < 8 ? size : 8);
	for (i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

static int compare_text(const void *x, const void *y, void *data)
{
	const struct sort_key *a = x, *b = y;
	const bool *descending = data;
	size_t size = a->cell->size < b->cell->size ? a->cell->size : b->cell->size;
	int order = size ? memcmp(a->cell->bytes, b->cell->bytes, size) : 0;

	if (!order)
		order = (a->cell->size > b->cell->size) - (a->cell->size < b->cell->size);
	if (order)
		return *descending ? -order : order;
	return a->index < b->index ? -1 : 1;
}

/* Moves the keys to @to, in the order of one byte of theirs, otherwise as they were. */
static void sort_by_byte(const struct sort_key *from, struct sort_key *to, size_t count,
			 unsigned int shift)
{
	size_t place[257] = { 0 }, i;

	for (i = 0; i < count; i++)
		place[(from[i].first >> shift & 0xff) + 1]++;
	for (i = 1; i < 257; i++)
		place[i] += place[i - 1];
	for (i = 0; i < count; i++)
		to[place[from[i].first >> shift & 0xff]++] = from[i];
}

/* Return: the sorted keys, which are @keys or @room. */
static struct sort_key *sort_by_first(struct sort_key *keys, struct sort_key *room, size_t count)
{
	struct sort_key *swap;
	uint64_t differ = 0;
	unsigned int shift;
	size_t i;

	for (i = 1; i < count; i++)
		differ |= keys[i].first ^ keys[0].first;
	for (shift = 0; shift < 64; shift += 8) {
		if (!(differ >> shift & 0xff))
			continue;
		sort_by_byte(keys, room, count, shift);
		swap = keys;
		keys = room;
		room = swap;
	}
	return keys;
}

/* Sorts what is equal by the first bytes. */
static void sort_equal(struct sort_key *keys, size_t count, bool descending)
{
	size_t i, end;

	for (i = 0; i < count; i = end) {
		for (end = i + 1; end < count && keys[end].first == keys[i].first; end++)
			;
		if (end - i > 1)
			qsort_r(keys + i, end - i, sizeof(*keys), compare_text, &descending);
	}
}

/* Those that are there; those that are not are behind them, in reverse. Return: how many are there. */
static size_t fill_keys(const struct rows *rows, size_t cell, enum output_type type,
			bool descending, struct sort_key *keys)
{
	size_t skip = type == OUTPUT_TEXT ? common_size(rows, cell) : 0, count = 0,
	       none = rows->count, i;
	const struct kept_cell *at;
	uint64_t first;

	for (i = 0; i < rows->count; i++) {
		at = &rows->row[i][cell];
		if (!at->is_there) {
			keys[--none].index = i;
			continue;
		}
		/* What is below 0 comes before the rest. */
		first = type == OUTPUT_TEXT     ? first_bytes(at, skip)
			: type == OUTPUT_CHANGE ? at->number ^ 1ull << 63
						: at->number;
		keys[count++] = (struct sort_key){
			.first = descending ? ~first : first,
			.index = i,
			.cell = at,
		};
	}
	return count;
}

int rows_sort(struct rows *rows, size_t cell, enum output_type type, bool descending)
{
	bool is_text = type == OUTPUT_TEXT;
	struct kept_cell **sorted = calloc(rows->room, sizeof(*sorted));
	struct sort_key *keys = calloc(rows->count, sizeof(*keys)), *by;
	struct sort_key *room = calloc(rows->count, sizeof(*room));
	size_t count, i, at = 0;

	if (!rows->count || !sorted || !keys || !room) {
		free(room);
		free(keys);
		free(sorted);
		return rows->count ? -ENOMEM : 0;
	}
	count = fill_keys(rows, cell, type, descending, keys);
	by = sort_by_first(keys, room, count);
	if (is_text)
		sort_equal(by, count, descending);
	for (i = 0; i < count; i++)
		sorted[at++] = rows->row[by[i].index];
	/* What is not there is last, in either order. */
	for (i = rows->count; i > count; i--)
		sorted[at++] = rows->row[keys[i - 1].index];
	free(rows->row);
	rows->row = sorted;
	free(room);
	free(keys);
	return 0;
}
