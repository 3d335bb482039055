/* SPDX-License-Identifier: MIT */
/*
 * A table whose rows come one by one, so that its columns have the widths of their headings.
 */
#ifndef TOOLS_OUT_SERIES_H
#define TOOLS_OUT_SERIES_H

#include "tools/out/output.h"

/* A heading narrower than this has a column of this width. */
#define SERIES_WIDTH 7

/*
 * Row number @number, from 0 on: a line of JSON, or of the table, in which headings come again with
 * each screen of a terminal. Return: 0, -ENOMEM, -EIO.
 */
int series_add(const struct output_form *form, const struct output_column *columns, size_t count,
	       const struct output_cell *cells, uint64_t number);

/* The text of a cell as such a table has it. Return: its size, at most @room. */
size_t series_text(char *to, size_t room, const struct output_column *column,
		   const struct output_cell *cell, bool exact);

#endif
