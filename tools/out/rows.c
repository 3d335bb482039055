/* SPDX-License-Identifier: MIT */
/*
 * Rows. 160,000 of them should take little longer than reading them, so cells and text lie one
 * behind the other in large pieces of memory.
 */
#include "tools/out/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/out/quantity.h"
#include "tools/out/text.h"

#define CHUNK_SIZE 65536u
#define HUGE_SIZE (2u << 20)

struct rows_chunk {
	struct rows_chunk *next;
	size_t used, room;
	char bytes[] __attribute__((aligned(8)));
};

int rows_init(struct rows *rows, size_t columns)
{
	rows_free(rows);
	rows->columns = columns;
	rows->width = calloc(columns + 1, sizeof(*rows->width));
	return rows->width ? 0 : -ENOMEM;
}

void rows_free(struct rows *rows)
{
	struct rows_chunk *chunk;

	while ((chunk = rows->chunks)) {
		rows->chunks = chunk->next;
		free(chunk);
	}
	free(rows->row);
	free(rows->width);
	*rows = (struct rows){ 0 };
}

/*
 * Where there are many rows, huge pages: printing in order goes through all of the memory at
 * random, and each page would have to be made, and found again.
 */
static struct rows_chunk *new_chunk(struct rows *rows, size_t least)
{
	bool is_huge = rows->chunks && least <= HUGE_SIZE - sizeof(struct rows_chunk);
	size_t room = least > CHUNK_SIZE ? least : CHUNK_SIZE;
	struct rows_chunk *chunk;

	if (is_huge)
		room = HUGE_SIZE - sizeof(*chunk);
	chunk = is_huge ? aligned_alloc(HUGE_SIZE, HUGE_SIZE) : malloc(sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	if (is_huge)
		madvise(chunk, HUGE_SIZE, MADV_HUGEPAGE);
	*chunk = (struct rows_chunk){ .next = rows->chunks, .room = room };
	rows->chunks = chunk;
	return chunk;
}

static void *take(struct rows *rows, size_t size)
{
	struct rows_chunk *chunk = rows->chunks;
	void *taken;

	size = (size + 7) & ~(size_t)7;
	if (!chunk || chunk->room - chunk->used < size) {
		chunk = new_chunk(rows, size);
		if (!chunk)
			return NULL;
	}
	taken = chunk->bytes + chunk->used;
	chunk->used += size;
	return taken;
}

struct kept_cell *rows_new(struct rows *rows)
{
	size_t room = rows->room ? 2 * rows->room : 64;
	struct kept_cell **row, *cells;

	if (rows->count == rows->room) {
		row = reallocarray(rows->row, room, sizeof(*row));
		if (!row)
			return NULL;
		rows->row = row;
		rows->room = room;
	}
	cells = take(rows, (rows->columns + rows->has_order) * sizeof(*cells));
	if (cells)
		rows->row[rows->count++] = cells;
	return cells;
}

size_t rows_number(char *to, const struct output_column *column, uint64_t number, bool exact)
{
	switch (column->type) {
	case OUTPUT_SECONDS:
		return exact ? quantity_seconds(to, number) : quantity_age(to, number);
	case OUTPUT_SIZE:
		return exact ? quantity_number(to, number) : quantity_size(to, number);
	case OUTPUT_CHANGE:
		return quantity_change(to, (int64_t)number);
	default:
		return quantity_number(to, number);
	}
}

int rows_keep(struct rows *rows, struct kept_cell *row, size_t at,
	      const struct output_column *column, const struct output_cell *cell, bool exact)
{
	struct kept_cell *to = &row[at];
	char digits[QUANTITY_MAX], *copy;

	*to = (struct kept_cell){ .mood = cell->mood, .is_there = cell->is_there };
	if (!cell->is_there)
		return 0;
	if (column->type != OUTPUT_TEXT) {
		to->number = cell->number;
		to->width = rows_number(digits, column, cell->number, exact) & 0xff;
	} else {
		to->size = (uint32_t)cell->size;
		to->width = text_width(cell->bytes, cell->size) & 0xfffffff;
		to->bytes = cell->bytes;
	}
	if (to->width > rows->width[at])
		rows->width[at] = to->width;
	if (column->type != OUTPUT_TEXT || cell->stays || !cell->size)
		return 0;
	copy = take(rows, cell->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, cell->bytes, cell->size);
	to->bytes = copy;
	return 0;
}
