/* SPDX-License-Identifier: MIT */
/*
 * The order of rows. Of text the first eight bytes that differ are compared as a number, of all
 * rows at once by counting, byte by byte (a radix sort), and what is equal by then by the next eight: comparing
 * 160,000 keys two by two would take longer than reading them, because each comparison waits for
 * memory. What is equal by sixteen bytes is sorted by those behind them in the same way; after a
 * few rounds, and where texts have ended, two by two.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out/rows.h"

/* What is equal after so many rounds is compared two by two. */
#define ROUNDS 4
/* So few are sorted by insertion, without counting. */
#define FEW 24u
#define BYTES 8u

/* A number that is in the order of the rows, for those that are equal by it a second, and the row. */
struct sort_key {
	uint64_t first, second;
	struct row *row;
};

struct order {
	const struct rows *rows;
	bool descending;
	struct sort_key *room; /* as many as there are keys */
};

static const struct kept_cell *cell_of(const struct order *order, const struct sort_key *key)
{
	return rows_cell(order->rows, key->row, order->rows->order);
}

/*
 * How many bytes all of them have in common; they have @from at least. @equal: whether they all end
 * there.
 */
static size_t common_size(const struct order *order, const struct sort_key *keys, size_t count,
			  size_t from, bool *equal)
{
	const struct kept_cell *first = cell_of(order, keys), *other;
	size_t common = first->size, longest = first->size, i, j;

	for (i = 1; i < count; i++) {
		other = cell_of(order, &keys[i]);
		if (other->size > longest)
			longest = other->size;
		if (other->size < common)
			common = other->size;
		if (!memcmp(other->bytes + from, first->bytes + from, common - from))
			continue;
		for (j = from; j < common && other->bytes[j] == first->bytes[j]; j++)
			;
		common = j;
	}
	*equal = common == longest;
	return common;
}

/* Text behind @skip bytes as a number that is in the same order. */
static uint64_t number_at(const struct kept_cell *cell, size_t skip)
{
	uint64_t number = 0;

	if (cell->size >= skip + BYTES)
		memcpy(&number, cell->bytes + skip, BYTES);
	else if (cell->size > skip)
		memcpy(&number, cell->bytes + skip, cell->size - skip);
	return be64toh(number);
}

static void set_numbers(const struct order *order, struct sort_key *key, size_t skip)
{
	const struct kept_cell *cell = cell_of(order, key);
	uint64_t all = order->descending ? UINT64_MAX : 0;

	key->first = number_at(cell, skip) ^ all;
	key->second = number_at(cell, skip + BYTES) ^ all;
}

static int compare(const void *x, const void *y, void *data)
{
	const struct sort_key *a = x, *b = y;
	const struct order *by = data;
	const struct kept_cell *p = cell_of(by, a), *q = cell_of(by, b);
	size_t size = p->size < q->size ? p->size : q->size;
	int order = size ? memcmp(p->bytes, q->bytes, size) : 0;

	if (!order)
		order = (p->size > q->size) - (p->size < q->size);
	if (order)
		return by->descending ? -order : order;
	return a->first < b->first ? -1 : 1;
}

/* Two by two, those that are equal as they were. */
static void sort_by_comparison(const struct order *order, struct sort_key *keys, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		keys[i].first = i;
	qsort_r(keys, count, sizeof(*keys), compare, (void *)(uintptr_t)order);
}

static void sort_few(struct sort_key *keys, size_t count)
{
	struct sort_key key;
	size_t i, j;

	for (i = 1; i < count; i++) {
		key = keys[i];
		for (j = i; j && keys[j - 1].first > key.first; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

/* Counts each value of a byte: where the keys that have it will begin. Return: whether they differ. */
static bool count_bytes(const struct sort_key *keys, size_t count, unsigned int shift,
			size_t *begin)
{
	size_t i, sum, had;

	memset(begin, 0, 256 * sizeof(*begin));
	for (i = 0; i < count; i++)
		begin[keys[i].first >> shift & 0xff]++;
	if (begin[keys[0].first >> shift & 0xff] == count)
		return false;
	for (sum = i = 0; i < 256; i++) {
		had = begin[i];
		begin[i] = sum;
		sum += had;
	}
	return true;
}

/*
 * Sorts by the byte at @shift, then those that have the same one by those behind it. @room is for as
 * many keys; the sorted ones are there at the end if @to_room, else where they were.
 */
static void sort_by_bytes(struct sort_key *keys, struct sort_key *room, size_t count, int shift,
			  bool to_room)
{
	size_t end[256], from = 0, i;

	while (count > FEW && shift >= 0 && !count_bytes(keys, count, (unsigned int)shift, end))
		shift -= 8;
	if (count <= FEW || shift < 0) {
		/* Many that have come so far are equal. */
		if (count <= FEW)
			sort_few(keys, count);
		if (to_room)
			memcpy(room, keys, count * sizeof(*keys));
		return;
	}
	for (i = 0; i < count; i++)
		room[end[keys[i].first >> shift & 0xff]++] = keys[i];
	for (i = 0; i < 256; from = end[i++]) {
		if (end[i] != from)
			sort_by_bytes(room + from, keys + from, end[i] - from, shift - 8, !to_room);
	}
}

static void sort_by_first(const struct order *order, struct sort_key *keys, size_t count)
{
	sort_by_bytes(keys, order->room, count, 56, false);
}

/* Whether all have at least @size bytes. */
static bool reach(const struct order *order, const struct sort_key *keys, size_t count, size_t size)
{
	size_t i;

	for (i = 0; i < count && cell_of(order, &keys[i])->size >= size; i++)
		;
	return i == count;
}

/* The end of those that are equal by their first number. */
static size_t run_end(const struct sort_key *keys, size_t count, size_t from)
{
	size_t end = from + 1;

	while (end < count && keys[end].first == keys[from].first)
		end++;
	return end;
}

static void sort_by_text(const struct order *order, struct sort_key *keys, size_t count,
			 size_t skip, int round);

/* They are equal by what is in front of @skip, unless they end there. */
static void sort_equal(const struct order *order, struct sort_key *keys, size_t count, size_t skip,
		       int round)
{
	bool equal;
	size_t i;

	if (count == 1)
		return;
	if (round == ROUNDS || !reach(order, keys, count, skip))
		skip = 0;
	skip = common_size(order, keys, count, skip, &equal);
	if (equal)
		return;
	if (round == ROUNDS || !skip) {
		sort_by_comparison(order, keys, count);
		return;
	}
	for (i = 0; i < count; i++)
		set_numbers(order, &keys[i], skip);
	sort_by_text(order, keys, count, skip, round + 1);
}

static void sort_by_second(const struct order *order, struct sort_key *keys, size_t count,
			   size_t skip, int round)
{
	size_t i, end;

	if (count == 1)
		return;
	for (i = 0; i < count; i++)
		keys[i].first = keys[i].second;
	sort_by_first(order, keys, count);
	for (i = 0; i < count; i = end) {
		end = run_end(keys, count, i);
		sort_equal(order, keys + i, end - i, skip, round);
	}
}

/* Their numbers are those of the sixteen bytes behind @skip, in front of which they are equal. */
static void sort_by_text(const struct order *order, struct sort_key *keys, size_t count,
			 size_t skip, int round)
{
	size_t i, end;

	sort_by_first(order, keys, count);
	for (i = 0; i < count; i = end) {
		end = run_end(keys, count, i);
		sort_by_second(order, keys + i, end - i, skip + 2 * BYTES, round);
	}
}

static void set_number(const struct order *order, struct sort_key *key)
{
	const struct kept_cell *cell = cell_of(order, key);

	key->first = cell->number;
	/* What is below 0 comes before the rest. */
	if (order->rows->columns[order->rows->order].column->type == OUTPUT_CHANGE)
		key->first ^= 1ull << 63;
	if (order->descending)
		key->first = ~key->first;
}

/* Those that are there; the others, in reverse, are behind them. Return: how many are there. */
static size_t fill(const struct order *order, struct sort_key *keys)
{
	const struct rows *rows = order->rows;
	bool is_text = rows->columns[rows->order].column->type == OUTPUT_TEXT;
	size_t count = 0, none = rows->count;
	struct row *row;

	for (row = rows->first; row; row = row->next) {
		if (!rows_cell(rows, row, rows->order)->is_there) {
			keys[--none].row = row;
			continue;
		}
		keys[count].row = row;
		if (is_text)
			set_numbers(order, &keys[count], rows->common);
		else
			set_number(order, &keys[count]);
		count++;
	}
	return count;
}

static int sort(struct rows *rows, bool descending)
{
	struct order order = { .rows = rows, .descending = descending };
	struct sort_key *keys = rows_take(rows, 2 * rows->count * sizeof(*keys));
	size_t count, i, at = 0;

	if (!keys)
		return -ENOMEM;
	order.room = keys + rows->count;
	count = fill(&order, keys);
	if (rows->columns[rows->order].column->type == OUTPUT_TEXT)
		sort_by_text(&order, keys, count, rows->common, 1);
	else
		sort_by_first(&order, keys, count);
	for (i = 0; i < count; i++)
		rows->row[at++] = keys[i].row;
	/* What is not there is last, in either order. */
	for (i = rows->count; i > count; i--)
		rows->row[at++] = keys[i - 1].row;
	return 0;
}

int rows_sort(struct rows *rows, bool descending)
{
	struct row *row;
	size_t at = 0;

	if (!rows->count)
		return 0;
	rows->row = rows_take(rows, rows->count * sizeof(*rows->row));
	if (!rows->row)
		return -ENOMEM;
	if (rows->order != SIZE_MAX)
		return sort(rows, descending);
	for (row = rows->first; row; row = row->next)
		rows->row[at++] = row;
	return 0;
}
