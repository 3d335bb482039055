/* SPDX-License-Identifier: MIT */
/*
 * Rows of cells, kept until all are there: their columns' widths and their order need them all.
 *
 * A row has a cell of its own for some columns. For the others it refers to cells that many rows
 * share, as those of an owner, which are kept once, and once put into the text of a table.
 *
 * Used by   output.c, table.c.
 */
#ifndef TOOLS_OUT_ROWS_H
#define TOOLS_OUT_ROWS_H

#include "tools/out/output.h"

/* A cell in 16 bytes. Text lies in the rows' own memory, or is a constant. */
struct kept_cell {
	union {
		const char *bytes;
		uint64_t number;
	};
	uint32_t size;
	uint32_t width : 27;
	uint32_t is_plain : 1; /* text that is printed as it is, a column for each byte */
	uint32_t mood : 3;
	uint32_t is_there : 1;
};

struct rows_text {
	const char *bytes; /* NULL: not made yet */
	size_t size;
};

/* What many rows share. */
struct rows_shared {
	struct kept_cell *cells;
	struct rows_text *texts; /* one for each run of columns side by side: table.c */
};

struct row {
	struct row *next;                 /* added after it */
	const struct rows_shared *shared; /* NULL: nothing */
	struct kept_cell cells[];
};

struct rows_column {
	const struct output_column *column;
	size_t from; /* which of the cells that are added */
	bool is_shared;
	size_t at;      /* which of the row's cells, or of the shared ones */
	uint32_t width; /* of its widest cell */
};

/* In the order of their cells. */
struct rows_columns {
	struct rows_column **at;
	size_t count;
};

struct rows {
	struct rows_column *columns; /* those shown, then the one to sort by, unless it is shown */
	struct rows_columns own, shared;
	size_t shown;
	bool exact; /* numbers are digits; otherwise as people read them */
	size_t count;
	size_t order;              /* the column to sort by; SIZE_MAX: none */
	struct alphabet *alphabet; /* of its texts; NULL: it has none */
	struct row *first, **last; /* as they were added */
	struct row **row;          /* in their order; NULL before rows_sort() */
	struct rows_chunk *chunks;
};

/*
 * @columns: with @column and @from, @is_shared set, of which the @shown first are shown; is freed
 * with free() by rows_free(), also after an error. @order: the one to sort by; SIZE_MAX: none.
 * Before it and after rows_free(), @rows is all 0. Return: 0, -ENOMEM.
 */
int rows_init(struct rows *rows, struct rows_column *columns, size_t count, size_t shown,
	      size_t order, bool exact);
void rows_free(struct rows *rows);

/*
 * Adds a row. @shared: what its shared cells are; NULL if it has none.
 * Return: 0, -ENOMEM.
 */
int rows_add(struct rows *rows, const struct output_cell *cells, struct output_shared *shared);

static inline const struct kept_cell *rows_cell(const struct rows *rows, const struct row *row,
						size_t column)
{
	const struct rows_column *of = &rows->columns[column];

	return &(of->is_shared ? row->shared->cells : row->cells)[of->at];
}

/* Memory until rows_free(). NULL: there is none. */
void *rows_take(struct rows *rows, size_t size);

/* The text of a number as the table has it. Return: its size, at most QUANTITY_MAX. */
size_t rows_number(char *to, const struct output_column *column, uint64_t number, bool exact);

/*
 * Sorts by the column to sort by, stable, with what is not there at the end; without one they are
 * as they were added. Return: 0, -ENOMEM.
 */
int rows_sort(struct rows *rows, bool descending);

#endif
