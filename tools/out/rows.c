/* SPDX-License-Identifier: MIT */
/*
 * Rows. 160,000 of them should take little longer than reading them, so a row, its cells and their
 * text lie one behind the other in large pieces of memory.
 */
#include "tools/out/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/out/alphabet.h"
#include "tools/out/quantity.h"
#include "tools/out/text.h"

#define CHUNK_SIZE 65536u
#define HUGE_SIZE (2u << 20)
#define WIDTH_MASK 0x7ffffffu

struct rows_chunk {
	struct rows_chunk *next;
	size_t used, room;
	char bytes[] __attribute__((aligned(8)));
};

static void columns_add(struct rows_columns *columns, struct rows_column *column)
{
	column->at = columns->count;
	columns->at[columns->count++] = column;
}

static bool is_by_text(const struct rows *rows)
{
	return rows->order != SIZE_MAX && rows->columns[rows->order].column->type == OUTPUT_TEXT;
}

static int alphabet_new(struct rows *rows)
{
	rows->alphabet = rows_take(rows, sizeof(*rows->alphabet));
	if (!rows->alphabet)
		return -ENOMEM;
	alphabet_init(rows->alphabet, 0);
	return 0;
}

int rows_init(struct rows *rows, struct rows_column *columns, size_t count, size_t shown,
	      size_t order, bool exact)
{
	struct rows_column **lists = calloc(2 * count, sizeof(*lists));
	size_t i;

	*rows = (struct rows){ .columns = columns, .shown = shown, .order = order, .exact = exact };
	if (!lists)
		return -ENOMEM;
	rows->last = &rows->first;
	rows->own.at = lists;
	rows->shared.at = lists + count;
	for (i = 0; i < count; i++)
		columns_add(columns[i].is_shared ? &rows->shared : &rows->own, &columns[i]);
	return is_by_text(rows) ? alphabet_new(rows) : 0;
}

void rows_free(struct rows *rows)
{
	struct rows_chunk *chunk;

	while ((chunk = rows->chunks)) {
		rows->chunks = chunk->next;
		free(chunk);
	}
	free(rows->own.at);
	free(rows->columns);
	*rows = (struct rows){ 0 };
}

/*
 * Where there are many rows, huge pages: printing in order goes through all of the memory at
 * random, and each page would have to be made, and found again.
 */
static struct rows_chunk *new_chunk(struct rows *rows, size_t least)
{
	size_t size = sizeof(struct rows_chunk) + (least > CHUNK_SIZE ? least : CHUNK_SIZE);
	bool is_huge = rows->chunks;
	struct rows_chunk *chunk;

	if (is_huge)
		size = (size + HUGE_SIZE - 1) & ~(size_t)(HUGE_SIZE - 1);
	chunk = is_huge ? aligned_alloc(HUGE_SIZE, size) : malloc(size);
	if (!chunk)
		return NULL;
	if (is_huge)
		madvise(chunk, size, MADV_HUGEPAGE);
	*chunk = (struct rows_chunk){ .next = rows->chunks, .room = size - sizeof(*chunk) };
	rows->chunks = chunk;
	return chunk;
}

void *rows_take(struct rows *rows, size_t size)
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

size_t rows_number(char *to, const struct output_column *column, uint64_t number, bool exact)
{
	switch (column->type) {
	case OUTPUT_SECONDS:
		return exact ? quantity_seconds(to, number) : quantity_age(to, number);
	case OUTPUT_SIZE:
		return exact ? quantity_number(to, number) : quantity_size(to, number);
	case OUTPUT_CHANGE:
		return quantity_change(to, (int64_t)number);
	case OUTPUT_DECIMAL:
		return exact ? quantity_seconds(to, number) : quantity_decimal(to, number);
	default:
		return quantity_number(to, number);
	}
}

/* What a copy of its text takes. */
static inline size_t copied_size(const struct rows_column *column, const struct output_cell *cell)
{
	bool is_text = column->column->type == OUTPUT_TEXT;

	return is_text && cell->is_there && !cell->stays ? cell->size : 0;
}

/* The cell is written at once: the parts of a word by themselves take longer. */
static void keep_number(struct kept_cell *to, const struct rows_column *column,
			const struct output_cell *cell, bool exact)
{
	char digits[QUANTITY_MAX];
	size_t width = rows_number(digits, column->column, cell->number, exact);

	*to = (struct kept_cell){ .number = cell->number,
				  .width = width & WIDTH_MASK,
				  .mood = cell->mood,
				  .is_there = true };
}

/* Its text is copied to @text, unless it stays. Return: the end of the copy. */
static inline char *keep_text(struct kept_cell *to, const struct output_cell *cell, char *text)
{
	size_t size = cell->size;
	const char *bytes = cell->stays ? cell->bytes : text;
	bool is_plain =
		cell->stays ? text_is_plain(bytes, size) : text_copy(text, cell->bytes, size);
	size_t width = is_plain ? size : text_width(bytes, size);

	*to = (struct kept_cell){ .bytes = bytes,
				  .size = (uint32_t)size,
				  .width = width & WIDTH_MASK,
				  .is_plain = is_plain,
				  .mood = cell->mood,
				  .is_there = true };
	return cell->stays ? text : text + size;
}

static inline char *keep(struct kept_cell *to, struct rows_column *column,
			 const struct output_cell *cell, bool exact, char *text)
{
	if (!cell->is_there)
		*to = (struct kept_cell){ .mood = cell->mood };
	else if (column->column->type == OUTPUT_TEXT)
		text = keep_text(to, cell, text);
	else
		keep_number(to, column, cell, exact);
	if (to->width > column->width)
		column->width = to->width;
	return text;
}

static inline size_t text_size(const struct rows_columns *columns, const struct output_cell *cells)
{
	size_t size = 0, i;

	for (i = 0; i < columns->count; i++)
		size += copied_size(columns->at[i], &cells[columns->at[i]->from]);
	return size;
}

static inline void keep_all(const struct rows_columns *columns, const struct output_cell *cells,
			    bool exact, struct kept_cell *to, char *text)
{
	struct rows_column *column;
	size_t i;

	for (i = 0; i < columns->count; i++) {
		column = columns->at[i];
		text = keep(&to[i], column, &cells[column->from], exact, text);
	}
}

/* NULL: no memory. */
static const struct rows_shared *keep_shared(struct rows *rows, const struct output_cell *cells)
{
	size_t count = rows->shared.count;
	size_t head = count * (sizeof(struct kept_cell) + sizeof(struct rows_text));
	struct rows_shared *shared =
		rows_take(rows, sizeof(*shared) + head + text_size(&rows->shared, cells));

	if (!shared)
		return NULL;
	shared->cells = (struct kept_cell *)(shared + 1);
	shared->texts = (struct rows_text *)(shared->cells + count);
	memset(shared->texts, 0, count * sizeof(*shared->texts));
	keep_all(&rows->shared, cells, rows->exact, shared->cells, (char *)(shared->texts + count));
	return shared;
}

/* NULL: no memory. */
static struct row *keep_row(struct rows *rows, const struct output_cell *cells)
{
	size_t head = sizeof(struct row) + rows->own.count * sizeof(struct kept_cell);
	struct row *row = rows_take(rows, head + text_size(&rows->own, cells));

	if (row)
		keep_all(&rows->own, cells, rows->exact, row->cells, (char *)row + head);
	return row;
}

int rows_add(struct rows *rows, const struct output_cell *cells, struct output_shared *shared)
{
	struct row *row = keep_row(rows, cells);
	const struct kept_cell *order;

	if (shared && !shared->kept)
		shared->kept = keep_shared(rows, shared->cells);
	if (!row || (shared && !shared->kept))
		return -ENOMEM;
	row->next = NULL;
	row->shared = shared ? shared->kept : NULL;
	*rows->last = row;
	rows->last = &row->next;
	rows->count++;
	order = rows->alphabet ? rows_cell(rows, row, rows->order) : NULL;
	if (order && order->is_there)
		alphabet_add(rows->alphabet, order->bytes, order->size);
	return 0;
}
