/* SPDX-License-Identifier: MIT */
/*
 * The order of rows, by a number of 64 bits for each: sorted two by two, 160,000 texts would take
 * longer than reading them, because each comparison waits for memory.
 *
 * The number of a text is made of the bytes in a window of it. A byte takes as few bits as tell the
 * values that occur at its place in all of the texts, and no bit where they all have the same one:
 * of names such as "shop/worker-17" the number has the bits of some fifteen characters that differ.
 * Rows are sorted by their numbers by counting, byte by byte (a radix sort), and those that are equal
 * by the window behind it in the same way. These are noted as parts, and not sorted by a recursion: equal
 * values have as many windows as there are, a thousand in 64 KiB, and no stack should depend on that.
 */
#include <errno.h>
#include <string.h>

#include "tools/out/alphabet.h"
#include "tools/out/rows.h"

/* So few are sorted by insertion. */
#define FEW 24u
#define NUMBER_BITS 64u

/* A number that is in the order of the rows. */
struct sort_key {
	uint64_t number;
	struct row *row;
};

/* Keys side by side whose texts are equal up to @from: more than FEW of them. */
struct part {
	size_t at, count, from;
};

struct order {
	const struct rows *rows;
	bool descending;
	struct sort_key *room; /* as many as there are keys */
	struct alphabet *seen; /* of the window that is looked at */
	struct part *parts;    /* to be sorted yet; no two have a key in common */
	size_t part_count;
};

/* A byte that differs: where it is in the text, and its part of the number. */
struct place {
	size_t at;
	const uint64_t *part; /* of each value, where it is in the number */
};

struct places {
	size_t count;
	size_t end; /* of what the number tells of a text */
	struct place at[ALPHABET_WINDOW];
	uint64_t part[ALPHABET_WINDOW][256];
};

static const struct kept_cell *cell_of(const struct order *order, const struct row *row)
{
	return rows_cell(order->rows, row, order->rows->order);
}

static void sort_few(struct sort_key *keys, size_t count)
{
	struct sort_key key;
	size_t i, j;

	for (i = 1; i < count; i++) {
		key = keys[i];
		for (j = i; j && keys[j - 1].number > key.number; j--)
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
		begin[keys[i].number >> shift & 0xff]++;
	if (begin[keys[0].number >> shift & 0xff] == count)
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
		room[end[keys[i].number >> shift & 0xff]++] = keys[i];
	for (i = 0; i < 256; from = end[i++]) {
		if (end[i] != from)
			sort_by_bytes(room + from, keys + from, end[i] - from, shift - 8, !to_room);
	}
}

static void sort_by_number(const struct order *order, struct sort_key *keys, size_t count)
{
	sort_by_bytes(keys, order->room, count, 56, false);
}

/* Text behind @from, which they have in common. */
static int compare(const struct order *order, const struct row *a, const struct row *b, size_t from)
{
	const struct kept_cell *p = cell_of(order, a), *q = cell_of(order, b);
	size_t size = p->size < q->size ? p->size : q->size;
	int by = size > from ? memcmp(p->bytes + from, q->bytes + from, size - from) : 0;

	if (!by)
		by = (p->size > q->size) - (p->size < q->size);
	return order->descending ? -by : by;
}

static void sort_few_texts(const struct order *order, struct sort_key *keys, size_t count,
			   size_t from)
{
	struct sort_key key;
	size_t i, j;

	for (i = 1; i < count; i++) {
		key = keys[i];
		for (j = i; j && compare(order, keys[j - 1].row, key.row, from) > 0; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

/* How many bits tell so many values apart. */
static unsigned int bits_of(size_t values)
{
	return values < 2 ? 0
			  : (unsigned int)(8 * sizeof(long) - (size_t)__builtin_clzl(values - 1));
}

/* How many values there are at one place; the end of a text is one, and the first. */
static size_t count_values(const struct alphabet *seen, size_t at)
{
	size_t values = seen->from + at >= seen->shortest, i;

	for (i = 0; i < 256; i++)
		values += seen->has[at][i];
	return values;
}

static void set_parts(const struct alphabet *seen, size_t at, unsigned int shift, uint64_t *part)
{
	uint64_t rank = seen->from + at >= seen->shortest;
	size_t i;

	for (i = 0; i < 256; i++) {
		if (seen->has[at][i])
			part[i] = rank++ << shift;
	}
}

static void places_find(struct places *places, const struct alphabet *seen)
{
	unsigned int left = NUMBER_BITS, bits;
	size_t at;

	places->count = 0;
	for (at = 0; at < ALPHABET_WINDOW && seen->from + at < seen->longest; at++) {
		bits = bits_of(count_values(seen, at));
		if (bits > left)
			break;
		if (!bits)
			continue;
		left -= bits;
		set_parts(seen, at, left, places->part[at]);
		places->at[places->count++] = (struct place){ seen->from + at, places->part[at] };
	}
	places->end = seen->from + at;
}

/* The first place has the highest bits. */
static uint64_t number_of(const struct places *places, const struct kept_cell *cell)
{
	const unsigned char *text = (const unsigned char *)cell->bytes;
	const struct place *place = places->at, *end = place + places->count;
	uint64_t number = 0;

	for (; place < end && place->at < cell->size; place++)
		number |= place->part[text[place->at]];
	return number;
}

static void alphabet_fill(const struct order *order, const struct sort_key *keys, size_t count,
			  size_t from)
{
	const struct kept_cell *cell;
	size_t i;

	alphabet_init(order->seen, from);
	for (i = 0; i < count; i++) {
		cell = cell_of(order, keys[i].row);
		alphabet_add(order->seen, cell->bytes, cell->size);
	}
}

/* Sets the numbers by the window of order->seen. Return: the end of what they tell. */
static size_t set_numbers(const struct order *order, struct sort_key *keys, size_t count)
{
	uint64_t all = order->descending ? UINT64_MAX : 0;
	struct places places;
	size_t i;

	places_find(&places, order->seen);
	for (i = 0; i < count; i++)
		keys[i].number = number_of(&places, cell_of(order, keys[i].row)) ^ all;
	return places.end;
}

/* The end of those that have the same number. */
static size_t run_end(const struct sort_key *keys, size_t count, size_t from)
{
	size_t end = from + 1;

	while (end < count && keys[end].number == keys[from].number)
		end++;
	return end;
}

static void sort_later(struct order *order, struct sort_key *keys, struct part part)
{
	if (part.count <= FEW)
		sort_few_texts(order, keys + part.at, part.count, part.from);
	else
		order->parts[order->part_count++] = part;
}

/* By the window of order->seen, up to which they are equal. */
static void sort_by_window(struct order *order, struct sort_key *keys, struct part part)
{
	size_t from = set_numbers(order, keys + part.at, part.count);
	size_t at = part.at, end = part.at + part.count, next;

	sort_by_number(order, keys + part.at, part.count);
	for (; at < end; at = next) {
		next = run_end(keys, end, at);
		if (next - at > 1 && from < order->seen->longest)
			sort_later(order, keys, (struct part){ at, next - at, from });
	}
}

static void sort_texts(struct order *order, struct sort_key *keys, size_t count)
{
	struct part part = { .count = count };

	sort_by_window(order, keys, part);
	while (order->part_count) {
		part = order->parts[--order->part_count];
		alphabet_fill(order, keys + part.at, part.count, part.from);
		sort_by_window(order, keys, part);
	}
}

static void set_number(const struct order *order, struct sort_key *key)
{
	key->number = cell_of(order, key->row)->number;
	/* What is below 0 comes before the rest. */
	if (order->rows->columns[order->rows->order].column->type == OUTPUT_CHANGE)
		key->number ^= 1ull << 63;
	if (order->descending)
		key->number = ~key->number;
}

/* Those that are there; the others, in reverse, are behind them. Return: how many are there. */
static size_t fill(const struct order *order, struct sort_key *keys)
{
	const struct rows *rows = order->rows;
	size_t count = 0, none = rows->count;
	struct row *row;

	for (row = rows->first; row; row = row->next) {
		if (!rows_cell(rows, row, rows->order)->is_there) {
			keys[--none].row = row;
			continue;
		}
		keys[count].row = row;
		if (!order->seen)
			set_number(order, &keys[count]);
		count++;
	}
	return count;
}

static int sort(struct rows *rows, bool descending)
{
	struct order order = { .rows = rows, .descending = descending, .seen = rows->alphabet };
	struct sort_key *keys = rows_take(rows, 2 * rows->count * sizeof(*keys));
	size_t count, i, at = 0;

	if (!keys)
		return -ENOMEM;
	order.room = keys + rows->count;
	order.parts = rows_take(rows, (rows->count / FEW + 1) * sizeof(*order.parts));
	if (!order.parts)
		return -ENOMEM;
	count = fill(&order, keys);
	if (order.seen)
		sort_texts(&order, keys, count);
	else
		sort_by_number(&order, keys, count);
	/* The room is not needed any more. */
	rows->row = (struct row **)order.room;
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
	if (rows->order != SIZE_MAX)
		return sort(rows, descending);
	rows->row = rows_take(rows, rows->count * sizeof(*rows->row));
	if (!rows->row)
		return -ENOMEM;
	for (row = rows->first; row; row = row->next)
		rows->row[at++] = row;
	return 0;
}
