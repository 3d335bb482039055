/* SPDX-License-Identifier: MIT */
/*
 * Rows of cells, kept until all are there: their columns' widths and their order need them all.
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
	uint32_t width : 28;
	uint32_t mood : 3;
	uint32_t is_there : 1;
};

struct rows {
	size_t columns; /* cells in a row; the last one is only to sort by, if @has_order */
	bool has_order;
	struct kept_cell **row;
	uint32_t *width; /* of the widest cell of each column */
	size_t count, room;
	struct rows_chunk *chunks;
};

/* Return: 0, -ENOMEM. Before it and after rows_free(), @rows is all 0. */
int rows_init(struct rows *rows, size_t columns);
void rows_free(struct rows *rows);

/* A row to be filled by rows_keep(). NULL: no memory. */
struct kept_cell *rows_new(struct rows *rows);

/*
 * Fills the cell number @at of a new row.
 * @exact: numbers are digits; otherwise as people read them. Return: 0, -ENOMEM.
 */
int rows_keep(struct rows *rows, struct kept_cell *row, size_t at,
	      const struct output_column *column, const struct output_cell *cell, bool exact);

/* The text of a number as the table has it. Return: its size, at most QUANTITY_MAX. */
size_t rows_number(char *to, const struct output_column *column, uint64_t number, bool exact);

/* Sorts by a cell of each row; the sort is stable, and what is not there is last. Return: 0, -ENOMEM. */
int rows_sort(struct rows *rows, size_t cell, enum output_type type, bool descending);

#endif
