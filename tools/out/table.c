/* SPDX-License-Identifier: MIT */
/*
 * Tables. The widest cell of each column is its width. Where that does not fit a terminal, columns
 * of text are cut, the widest first; three dots say so. The last column has no spaces behind it.
 *
 * Of cells that rows share, those of columns side by side are a run, which is the same text in each
 * of these rows: it is made for the first one, and copied for the others.
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
#define AHEAD 16u
#define LINE_SIZE 64u
/* Between two cells mostly fewer than that: all are written, in one move. */
#define SPACES 16u

/* Columns side by side: shared ones, or one. */
struct run {
	size_t first, count;
	bool is_shared;
	size_t at;   /* the cell of the first, as in struct rows_column */
	size_t wide; /* its width */
	char end;    /* what is behind it: a space, or the end of the line */
};

struct table {
	struct rows *rows;
	size_t *width;
	struct run *runs;
	size_t run_count;
	struct terminal terminal;
	size_t used;
	size_t flushed; /* how often the page was */
	int err;
	char page[PAGE_SIZE];
};

static void flush(struct table *table)
{
	if (table->used && fwrite(table->page, 1, table->used, stdout) != table->used)
		table->err = -EIO;
	table->used = 0;
	table->flushed++;
}

/* Room for @size bytes at the end of the page, @size being at most PAGE_SIZE. */
static char *room(struct table *table, size_t size)
{
	if (PAGE_SIZE - table->used < size)
		flush(table);
	return table->page + table->used;
}

/* Most cells have 8 to 32 bytes: two moves, which may overlap, where memcpy() would be a call. */
static inline void copy(char *to, const char *from, size_t size)
{
	if (size >= 16 && size <= 32) {
		memcpy(to, from, 16);
		memcpy(to + size - 16, from + size - 16, 16);
	} else if (size >= 8 && size < 16) {
		memcpy(to, from, 8);
		memcpy(to + size - 8, from + size - 8, 8);
	} else {
		memcpy(to, from, size);
	}
}

static void put(struct table *table, const char *bytes, size_t size)
{
	copy(room(table, size), bytes, size);
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
		put(table, digits, rows_number(digits, column, cell->number, table->rows->exact));
		return cell->width;
	}
	if (cell->width > columns)
		return put_cut(table, cell->bytes, cell->size, columns);
	put_text(table, cell->bytes, cell->size);
	return cell->width;
}

static const struct output_column *column_at(const struct table *table, size_t at)
{
	return table->rows->columns[at].column;
}

/* Between two columns, and at the end of the line. */
static char end_of(const struct table *table, size_t at)
{
	return at + 1 == table->rows->shown ? '\n' : ' ';
}

static void put_cell(struct table *table, size_t at, const struct kept_cell *cell)
{
	const struct output_column *column = column_at(table, at);
	size_t wide = table->width[at], width = cell->is_there ? cell->width : 1;
	char end = end_of(table, at);
	bool has_mood = cell->mood && table->terminal.has_colour;

	if (column->type != OUTPUT_TEXT && width < wide)
		put_spaces(table, wide - width);
	if (has_mood)
		put_mood(table, (enum output_mood)cell->mood);
	width = put_value(table, column, cell, wide);
	if (has_mood)
		put_mood(table, OUTPUT_PLAIN);
	if (column->type == OUTPUT_TEXT && end != '\n' && width < wide)
		put_spaces(table, wide - width);
	put(table, &end, 1);
}

/* At least @count of them, into room for SPACES more. */
static inline void spaces_put(char *to, size_t count)
{
	memset(to, ' ', SPACES);
	if (count > SPACES)
		memset(to + SPACES, ' ', count - SPACES);
}

/* The same of text that is written as it is, with what is behind it, if that can be at once. */
static inline bool put_plain(struct table *table, const struct run *run,
			     const struct kept_cell *cell)
{
	size_t wide = run->wide, size = cell->size;
	char *to;

	if (!cell->is_plain || cell->mood || size > wide || wide >= PAGE_SIZE - SPACES)
		return false;
	to = room(table, wide + 1 + SPACES);
	copy(to, cell->bytes, size);
	if (run->end == '\n')
		wide = size;
	else
		spaces_put(to + size, wide - size);
	to[wide] = run->end;
	table->used += wide + 1;
	return true;
}

/* Keeps what was written from @start on, unless it is on its way already. */
static void keep_text(struct table *table, struct rows_text *text, size_t start, size_t flushed)
{
	size_t size = table->used - start;
	char *copy;

	if (table->flushed != flushed)
		return;
	copy = rows_take(table->rows, size);
	if (!copy)
		return;
	memcpy(copy, table->page + start, size);
	*text = (struct rows_text){ copy, size };
}

static void put_shared(struct table *table, const struct run *run, const struct rows_shared *shared)
{
	const struct rows_column *columns = table->rows->columns;
	struct rows_text *text = &shared->texts[run->at];
	size_t start = table->used, flushed = table->flushed, i;

	if (text->bytes) {
		put(table, text->bytes, text->size);
		return;
	}
	for (i = run->first; i < run->first + run->count; i++)
		put_cell(table, i, &shared->cells[columns[i].at]);
	keep_text(table, text, start, flushed);
}

static void put_row(struct table *table, const struct row *row)
{
	const struct run *run = table->runs, *end = run + table->run_count;

	for (; run < end; run++) {
		if (run->is_shared)
			put_shared(table, run, row->shared);
		else if (!put_plain(table, run, &row->cells[run->at]))
			put_cell(table, run->first, &row->cells[run->at]);
	}
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
	bool is_text;

	if (table->terminal.has_colour)
		put(table, "\033[1m", 4);
	for (i = 0; i < table->rows->shown; i++) {
		size = heading(column_at(table, i), text);
		pad = table->width[i] > size ? table->width[i] - size : 0;
		is_text = column_at(table, i)->type == OUTPUT_TEXT;
		if (!is_text)
			put_spaces(table, pad);
		put(table, text, size);
		if (i + 1 == table->rows->shown)
			break;
		if (is_text)
			put_spaces(table, pad);
		put(table, " ", 1);
	}
	if (table->terminal.has_colour)
		put_mood(table, OUTPUT_PLAIN);
	put(table, "\n", 1);
}

static void measure(struct table *table, bool with_headings)
{
	const struct rows *rows = table->rows;
	char text[HEADING_MAX];
	size_t i, least;

	for (i = 0; i < rows->shown; i++) {
		least = with_headings ? heading(column_at(table, i), text) : 1;
		table->width[i] = rows->columns[i].width > least ? rows->columns[i].width : least;
	}
}

static void find_runs(struct table *table)
{
	const struct rows_column *columns = table->rows->columns;
	struct run *run = NULL;
	size_t i;

	for (i = 0; i < table->rows->shown; i++) {
		if (run && run->is_shared && columns[i].is_shared) {
			run->count++;
			continue;
		}
		run = &table->runs[table->run_count++];
		*run = (struct run){ .first = i,
				     .count = 1,
				     .is_shared = columns[i].is_shared,
				     .at = columns[i].at,
				     .wide = table->width[i],
				     .end = end_of(table, i) };
	}
}

/* Of those of text; the first of the widest. SIZE_MAX: none can become narrower. */
static size_t widest(const struct table *table)
{
	size_t i, found = SIZE_MAX;

	for (i = 0; i < table->rows->shown; i++) {
		if (column_at(table, i)->type != OUTPUT_TEXT || table->width[i] <= WIDTH_LEAST)
			continue;
		if (found == SIZE_MAX || table->width[i] > table->width[found])
			found = i;
	}
	return found;
}

static void fit(struct table *table)
{
	size_t sum = table->rows->shown - 1, i, excess, least;

	for (i = 0; i < table->rows->shown; i++)
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

/*
 * In their order rows lie anywhere, each with its text behind it. Always inlined: gcc takes a call
 * of a function that does nothing but fetch ahead for one without an effect, and leaves it out.
 */
static inline __attribute__((always_inline)) void fetch(const struct rows *rows, size_t row)
{
	size_t size = rows->own.count * sizeof(struct kept_cell) + sizeof(struct row) + LINE_SIZE;
	const char *at;
	size_t i;

	if (row >= rows->count)
		return;
	at = (const char *)rows->row[row];
	for (i = 0; i < size; i += LINE_SIZE)
		__builtin_prefetch(at + i);
}

static void put_all(struct table *table, bool with_headings)
{
	const struct rows *rows = table->rows;
	size_t row;

	if (with_headings)
		put_headings(table);
	for (row = 0; row < rows->count && !table->err; row++) {
		fetch(rows, row + AHEAD);
		put_row(table, rows->row[row]);
	}
	flush(table);
}

static void table_free(struct table *table)
{
	if (!table)
		return;
	free(table->width);
	free(table->runs);
	free(table);
}

/* NULL: no memory. */
static struct table *table_new(struct rows *rows)
{
	struct table *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	table->rows = rows;
	table->run_count = 0;
	table->used = 0;
	table->flushed = 0;
	table->err = 0;
	table->width = calloc(rows->shown, sizeof(*table->width));
	table->runs = calloc(rows->shown, sizeof(*table->runs));
	if (!table->width || !table->runs) {
		table_free(table);
		return NULL;
	}
	terminal_look(&table->terminal);
	return table;
}

int table_print(struct rows *rows, const struct output_form *form)
{
	struct table *table;
	int err;

	/* A heading over nothing would be something for grep. */
	if (!rows->count)
		return 0;
	table = table_new(rows);
	if (!table)
		return -ENOMEM;
	measure(table, !form->no_header);
	fit(table);
	find_runs(table);
	/* The line of the prompt is the terminal's last. */
	if (table->terminal.is_one && !form->no_pager &&
	    rows->count + !form->no_header >= table->terminal.height)
		pager_begin();
	put_all(table, !form->no_header);
	pager_end();
	err = table->err;
	table_free(table);
	return err;
}
