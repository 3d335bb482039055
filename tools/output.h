/* SPDX-License-Identifier: MIT */
/*
 * What a command prints: one description of columns, as a table for people or as JSON.
 *
 * Text is any bytes. What is no printable character appears as \xNN, and so does the backslash
 * of a text that holds "\x". JSON has every character of valid UTF-8 as it is, and \xNN, in this
 * form, only for bytes that are none.
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

/* The number, or the text, as the column says. */
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

/* @name: what the rows are together, in JSON. NULL: no memory. */
struct output *output_new(const char *name, const struct output_column *columns, size_t count);
void output_free(struct output *output);

/* Adds a row of as many cells as there are columns; copies them. Return: 0, -ENOMEM. */
int output_add(struct output *output, const struct output_cell *cells);

/* Sorts by the first @columns; rows that are equal there stay in order. */
void output_sort(struct output *output, size_t columns);

/* All rows: a table, or {"name": [{...}, ...]}. Return: 0, -ENOMEM. */
int output_list(const struct output *output, bool json);

/* Each row alone: a line for each column, or {...} on one line. Return: 0, -ENOMEM. */
int output_records(const struct output *output, bool json);

/*
 * Ends a listing: prints all rows, sorted by the first @columns, unless @err says that they could not be collected.
 * Frees @output, which may be NULL then. Return: @err; 0; -ENOMEM.
 */
int output_finish(struct output *output, int err, size_t columns, bool json);

/* A single row, as output_records() prints it. Return: 0, -ENOMEM. */
int output_record(const char *name, const struct output_column *columns, size_t count,
		  const struct output_cell *cells, bool json);

void output_text(FILE *to, const void *bytes, size_t size);

#endif
