/* SPDX-License-Identifier: MIT */
/*
 * The output of a command: rows under one description of columns, as a table or as JSON.
 *
 * On a terminal a table fits its width, long ones go to a pager, and sizes and times are rounded.
 * In a pipe or file, and with --bytes, everything is exact and nothing is cut. JSON is one
 * document, {"version": 1, "NAME": [{"COLUMN": ...}, ...]}; a stream is a document on each line.
 * What is not there is null in JSON, and "-" in a table.
 */
#ifndef TOOLS_OUT_OUTPUT_H
#define TOOLS_OUT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum output_type {
	OUTPUT_TEXT, /* any bytes: text.h, json.h */
	OUTPUT_NUMBER,
	OUTPUT_SIZE,    /* in bytes */
	OUTPUT_SECONDS, /* in milliseconds; printed as seconds with three decimals */
	OUTPUT_CHANGE,  /* of a number: an int64_t with its sign */
	OUTPUT_DECIMAL, /* in thousandths; on a terminal three digits are printed */
};

struct output_column {
	const char *name; /* in JSON; in capitals it is the heading */
	enum output_type type;
	const char *help; /* for --output; NULL where the command has none */
	bool on_demand;   /* only if it was asked for */
};

/* How a cell looks where there are colours. */
enum output_mood {
	OUTPUT_PLAIN,
	OUTPUT_GOOD,
	OUTPUT_WARNING,
	OUTPUT_BAD,
	OUTPUT_DIM,
};

/* Text or a number, as its column is. One that is all 0 is not there. */
struct output_cell {
	const void *bytes;
	size_t size;
	uint64_t number;
	enum output_mood mood;
	bool is_there;
	bool stays; /* @bytes are there until the output has ended: they need no copy */
};

/*
 * Cells that are the same in many rows, as those of an owner: an output keeps them once, and makes
 * text of them once.
 */
struct output_shared {
	const struct output_cell *cells; /* of the shared columns; they stay, and their text */
	const struct rows_shared *kept;  /* the output's; NULL at first */
};

/* What the user has asked for. */
struct output_form {
	bool json;
	bool exact;
	bool no_header;
	bool no_pager;
	const char *columns; /* "KEY,PID", or "+UNIT" besides the usual ones; NULL: the usual */
	const char *sort;    /* a column, with a hyphen in front: the largest first; NULL */
};

struct output;

static inline struct output_cell output_number(uint64_t number)
{
	return (struct output_cell){ .number = number, .is_there = true };
}

static inline struct output_cell output_change(int64_t change)
{
	return output_number((uint64_t)change);
}

static inline struct output_cell output_bytes(const void *bytes, size_t size)
{
	return (struct output_cell){ .bytes = bytes, .size = size, .is_there = true };
}

/* NULL: it is not there. */
static inline struct output_cell output_string(const char *string)
{
	return string ? output_bytes(string, strlen(string)) : (struct output_cell){ 0 };
}

/* The same, of a string that is there until the output has ended. */
static inline struct output_cell output_constant(const char *string)
{
	struct output_cell cell = output_string(string);

	cell.stays = true;
	return cell;
}

static inline struct output_cell output_none(void)
{
	return (struct output_cell){ 0 };
}

/*
 * @name: the list's in JSON. @columns: stay until it has ended.
 * @wrong: set to a column of @form that does not exist.
 * Return: 0, -EINVAL with @wrong, -ENOMEM.
 */
int output_new(struct output **out, const struct output_form *form, const char *name,
	       const struct output_column *columns, size_t count, const char **wrong);

/* Sorts by @column where @form does not say by what. Without it rows come as they were added. */
void output_order(struct output *output, size_t column);

/* Whether the cell of @column is looked at at all: what is costly to find out may be left out. */
bool output_needs(const struct output *output, size_t column);

/* Adds a row with a cell for each column, shown or not. Return: 0, -ENOMEM, -EIO. */
int output_add(struct output *output, const struct output_cell *cells);

/*
 * Rows of @output share the cells of @count columns from @first on: each row is added by
 * output_add_shared(), with a struct output_shared that is used for this output alone.
 */
void output_share(struct output *output, size_t first, size_t count);

/* The same as output_add(), but that the shared cells of @cells are not looked at. */
int output_add_shared(struct output *output, const struct output_cell *cells,
		      struct output_shared *shared);

/*
 * Prints, unless @err is the error of collecting the rows, and frees @output, which may be NULL.
 * Progress ends before that.
 * JSON in no order is printed as rows are added, so its list may be incomplete after an error.
 * Return: @err; 0, also if stdout could not be written, see ferror(3); -ENOMEM.
 */
int output_end(struct output *output, int err);

/*
 * One row by itself, without the columns on demand: a line for each column, or one line of JSON.
 * So is each event of a stream in JSON. Return: 0, -ENOMEM, -EIO.
 */
int output_record(const struct output_form *form, const struct output_column *columns, size_t count,
		  const struct output_cell *cells);

/* A cell under its name, in a map of @json that a command writes itself. */
struct json;
void output_json_cell(struct json *json, const struct output_column *column,
		      const struct output_cell *cell);

#endif
