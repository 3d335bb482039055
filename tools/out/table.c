/* SPDX-License-Identifier: MIT */
/*
 * Tables. The widest cell of each column is its width. Where that does not fit a terminal, columns
 * of text are cut, the widest first; three dots say so. The last column has no spaces behind it.
 */
#include "tools/out/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/out/quantity.h"
#include "tools/out/text.h"

#define PAGE_SIZE 65536u
#define HEADING_MAX 32u
/* A column of text is not cut to less. */
#define WIDTH_LEAST 8u
/* Rows are asked of memory so many before they are needed. */
#define AHEAD 8u
#define LINE_SIZE 64u

struct table {
	const struct rows *rows;
	const struct output_column *const *columns;
	size_t *width;
	struct terminal terminal;
	bool exact;
	size_t used;
	int err;
	char page[PAGE_SIZE];
};

static void flush(struct table *table)
{
	if (table->used && fwrite(table->page, 1, table->used, stdout) != table->used)
		table->err = -EIO;
	table->used = 0;
}

/* Room for @size bytes at the end of the page, @size being at most PAGE_SIZE. */
static char *room(struct table *table, size_t size)
{
	if (PAGE_SIZE - table->used < size)
		flush(table);
	return table->page + table->used;
}

static void put(struct table *table, const char *bytes, size_t size)
{
	memcpy(room(table, size), bytes, size);
	table->used += size;
}

static void put_spaces(struct table *table, size_t count)
{
	size_t step;

	for (; count; count -= step) {
		step = count < PAGE_SIZE ? count : PAGE_SIZE;
		memset(room(table, step), ' ', step);
		table->used += step;
	}
}

/* A value of 64 KiB is longer than the page when it is escaped, so it is written in pieces. */
static void put_text(struct table *table, const char *bytes, size_t size)
{
	static const size_t piece = PAGE_SIZE / TEXT_GROWTH;
	size_t width;

	if (size <= piece) {
		table->used +=
			text_escape(room(table, TEXT_GROWTH * size), bytes, size, SIZE_MAX, &width);
		return;
	}
	flush(table);
	text_print(stdout, bytes, size);
}

/* As much of the text as fits into @columns, with three dots behind it. Return: its width. */
static size_t put_cut(struct table *table, const char *bytes, size_t size, size_t columns)
{
	size_t width;

	/* No character takes more than two columns, none less than a byte, but for accents. */
	if (size > 4 * columns)
		size = 4 * columns;
	table->used +=
		text_escape(room(table, TEXT_GROWTH * size), bytes, size, columns - 3, &width);
	put(table, "...", 3);
	return width + 3;
}

static void put_mood(struct table *table, enum output_mood mood)
{
	static const char *const sequences[] = {
		[OUTPUT_PLAIN] = "\033[0m",    [OUTPUT_GOOD] = "\033[32m",
		[OUTPUT_WARNING] = "\033[33m", [OUTPUT_BAD] = "\033[1;31m",
		[OUTPUT_DIM] = "\033[2m",
	};

	put(table, sequences[mood], strlen(sequences[mood]));
}

/* Return: its width. */
static size_t put_value(struct table *table, const struct output_column *column,
			const struct kept_cell *cell, size_t columns)
{
	char digits[QUANTITY_MAX];

	if (!cell->is_there) {
		put(table, "-", 1);
		return 1;
	}
	if (column->type != OUTPUT_TEXT) {
		put(table, digits, rows_number(digits, column, cell->number, table->exact));
		return cell->width;
	}
	if (cell->width > columns)
		return put_cut(table, cell->bytes, cell->size, columns);
	put_text(table, cell->bytes, cell->size);
	return cell->width;
}

static void put_cell(struct table *table, size_t at, const struct kept_cell *cell)
{
	const struct output_column *column = table->columns[at];
	size_t wide = table->width[at], width = cell->is_there ? cell->width : 1;
	bool is_last = at + 1 == table->rows->columns;
	bool has_mood = cell->mood && table->terminal.has_colour;

	if (column->type != OUTPUT_TEXT && width < wide)
		put_spaces(table, wide - width);
	if (has_mood)
		put_mood(table, (enum output_mood)cell->mood);
	width = put_value(table, column, cell, wide);
	if (has_mood)
		put_mood(table, OUTPUT_PLAIN);
	if (column->type == OUTPUT_TEXT && !is_last && width < wide)
		put_spaces(table, wide - width);
	put(table, is_last ? "\n" : " ", 1);
}

static size_t heading(const struct output_column *column, char *to)
{
	size_t i;

	for (i = 0; column->name[i] && i < HEADING_MAX; i++)
		to[i] = (char)toupper((unsigned char)column->name[i]);
	return i;
}

static void put_headings(struct table *table)
{
	char text[HEADING_MAX];
	size_t i, size, pad;

	if (table->terminal.has_colour)
		put(table, "\033[1m", 4);
	for (i = 0; i < table->rows->columns; i++) {
		size = heading(table->columns[i], text);
		pad = table->width[i] > size ? table->width[i] - size : 0;
		if (table->columns[i]->type != OUTPUT_TEXT)
			put_spaces(table, pad);
		put(table, text, size);
		if (i + 1 == table->rows->columns)
			break;
		if (table->columns[i]->type == OUTPUT_TEXT)
			put_spaces(table, pad);
		put(table, " ", 1);
	}
	if (table->terminal.has_colour)
		put_mood(table, OUTPUT_PLAIN);
	put(table, "\n", 1);
}

static void measure(struct table *table, bool with_headings)
{
	char text[HEADING_MAX];
	size_t i, least;

	for (i = 0; i < table->rows->columns; i++) {
		least = with_headings ? heading(table->columns[i], text) : 1;
		table->width[i] = table->rows->width[i] > least ? table->rows->width[i] : least;
	}
}

/* Of those of text; the first of the widest. SIZE_MAX: none can become narrower. */
static size_t widest(const struct table *table)
{
	size_t i, found = SIZE_MAX;

	for (i = 0; i < table->rows->columns; i++) {
		if (table->columns[i]->type != OUTPUT_TEXT || table->width[i] <= WIDTH_LEAST)
			continue;
		if (found == SIZE_MAX || table->width[i] > table->width[found])
			found = i;
	}
	return found;
}

static void fit(struct table *table)
{
	size_t sum = table->rows->columns - 1, i, excess, least;

	for (i = 0; i < table->rows->columns; i++)
		sum += table->width[i];
	while (sum > table->terminal.width) {
		i = widest(table);
		if (i == SIZE_MAX)
			return;
		/* A value of 64 KiB at once, the rest one by one: that is fair among columns. */
		excess = sum - table->terminal.width;
		least = table->width[i] - 1;
		if (least > table->terminal.width && table->terminal.width > WIDTH_LEAST)
			least = table->terminal.width;
		if (table->width[i] - least > excess)
			least = table->width[i] - excess;
		sum -= table->width[i] - least;
		table->width[i] = least;
	}
}

/* In their order rows lie anywhere, each with its text behind it. */
static void prefetch(const struct rows *rows, size_t row)
{
	const char *at;
	size_t i;

	if (row >= rows->count)
		return;
	at = (const char *)rows->row[row];
	for (i = 0; i < rows->columns * sizeof(struct kept_cell) + LINE_SIZE; i += LINE_SIZE)
		__builtin_prefetch(at + i);
}

static void put_all(struct table *table, bool with_headings)
{
	const struct rows *rows = table->rows;
	size_t row, i;

	if (with_headings)
		put_headings(table);
	for (row = 0; row < rows->count && !table->err; row++) {
		prefetch(rows, row + AHEAD);
		for (i = 0; i < rows->columns; i++)
			put_cell(table, i, &rows->row[row][i]);
	}
	flush(table);
}

int table_print(const struct rows *rows, const struct output_column *const *columns,
		const struct output_form *form)
{
	struct table *table;
	int err;

	/* A heading over nothing would be something for grep. */
	if (!rows->count)
		return 0;
	table = malloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->width = calloc(rows->columns, sizeof(*table->width));
	if (!table->width) {
		free(table);
		return -ENOMEM;
	}
	table->rows = rows;
	table->columns = columns;
	table->exact = form->exact;
	table->used = 0;
	table->err = 0;
	terminal_look(&table->terminal);
	measure(table, !form->no_header);
	fit(table);
	/* The line of the prompt is the terminal's last. */
	if (table->terminal.is_one && !form->no_pager &&
	    rows->count + !form->no_header >= table->terminal.height)
		pager_begin();
	put_all(table, !form->no_header);
	pager_end();
	err = table->err;
	free(table->width);
	free(table);
	return err;
}
