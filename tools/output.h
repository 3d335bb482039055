/* SPDX-License-Identifier: MIT */
/*
 * The output of a command: rows under one description of columns, printed as a table or as JSON.
 *
 * Text is arbitrary bytes. In a table, a byte that is not part of a printable character is printed
 * as \xNN, and so is the backslash of a "\x" in the text, so that the output is unambiguous. In
 * JSON every character of valid UTF-8 is kept, and \xNN stands for other bytes and that backslash.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct output_column {
	const char *name;
	bool is_number;
};

/* Holds a number or text, depending on its column. */
struct output_cell {
	const void *bytes;
	size_t size;
	uint64_t number;
};

struct output;

static inline struct output_cell output_number(uint64_t number)
{
	return (struct output_cell){ .number = number };
}

static inline struct output_cell output_bytes(const void *bytes, size_t size)
{
	return (struct output_cell){ .bytes = bytes, .size = size };
}

static inline struct output_cell output_string(const char *string)
{
	return output_bytes(string, strlen(string));
}

/* @name: the key of the array of rows in JSON. NULL: no memory. */
struct output *output_new(const char *name, const struct output_column *columns, size_t count);
void output_free(struct output *output);

/* Adds a row with one cell for each column; copies them. Return: 0, -ENOMEM. */
int output_add(struct output *output, const struct output_cell *cells);

/* Sorts by the first @columns columns; the sort is stable. */
void output_sort(struct output *output, size_t columns);

/* Prints all rows as a table or as {"name": [{...}, ...]}. Return: 0, -ENOMEM. */
int output_list(const struct output *output, bool json);

/* Prints each row by itself: a line for each column, or {...} on one line. Return: 0, -ENOMEM. */
int output_records(const struct output *output, bool json);

/*
 * Ends a listing: sorts by the first @columns columns and prints, unless @err is the error of
 * collecting the rows. Frees @output, which may be NULL if @err is set.
 * Return: @err; 0; -ENOMEM.
 */
int output_finish(struct output *output, int err, size_t columns, bool json);

/* Prints a single row as output_records() does. Return: 0, -ENOMEM. */
int output_record(const char *name, const struct output_column *columns, size_t count,
		  const struct output_cell *cells, bool json);

/* Text, escaped as in a table. */
void output_text(FILE *to, const void *bytes, size_t size);

#endif
