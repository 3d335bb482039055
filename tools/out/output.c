/* SPDX-License-Identifier: MIT */
/*
 * Output: which columns are shown, in which order rows come, and whether they are a table or JSON.
 */
#include "tools/out/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "tools/out/json.h"
#include "tools/out/quantity.h"
#include "tools/out/rows.h"
#include "tools/out/table.h"

#define NO_COLUMN SIZE_MAX

struct output {
	struct output_form form;
	const char *name;
	const struct output_column *columns;
	size_t count;
	size_t *shown; /* which of @columns, @shown_count of them */
	const struct output_column **shown_columns;
	size_t shown_count;
	size_t order;      /* the column to sort by, or NO_COLUMN */
	size_t order_cell; /* its cell in the rows: behind the others, if it is not shown */
	bool descending;
	bool has_begun;
	struct rows rows;
	struct json *json;
};

static bool is_exact(const struct output_form *form)
{
	return form->exact || form->json || !isatty(STDOUT_FILENO);
}

static size_t find(const struct output *output, const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < output->count; i++) {
		if (strlen(output->columns[i].name) == size &&
		    !strncasecmp(output->columns[i].name, name, size))
			return i;
	}
	return NO_COLUMN;
}

static void show(struct output *output, size_t column)
{
	size_t i;

	for (i = 0; i < output->shown_count; i++) {
		if (output->shown[i] == column)
			return;
	}
	output->shown[output->shown_count] = column;
	output->shown_columns[output->shown_count++] = &output->columns[column];
}

static int choose(struct output *output, const char **wrong)
{
	const char *list = output->form.columns;
	size_t i, size;

	if (!list || *list == '+') {
		for (i = 0; i < output->count; i++) {
			if (!output->columns[i].on_demand)
				show(output, i);
		}
	}
	if (!list)
		return 0;
	for (list += *list == '+';; list += size + 1) {
		size = strcspn(list, ",");
		i = find(output, list, size);
		*wrong = list;
		if (i == NO_COLUMN)
			return -EINVAL;
		show(output, i);
		if (!list[size])
			return 0;
	}
}

static int choose_order(struct output *output, const char **wrong)
{
	const char *name = output->form.sort;

	if (!name)
		return 0;
	output->descending = *name == '-';
	name += output->descending;
	*wrong = name;
	output->order = find(output, name, strlen(name));
	return output->order == NO_COLUMN ? -EINVAL : 0;
}

/* The column to sort by gets a cell of its own in each row, unless it is shown anyway. */
static void place_order(struct output *output)
{
	size_t i;

	for (i = 0; i < output->shown_count && output->shown[i] != output->order; i++)
		;
	output->order_cell = i;
	output->rows.has_order = output->order != NO_COLUMN && i == output->shown_count;
}

static void discard(struct output *output)
{
	rows_free(&output->rows);
	json_free(output->json);
	free(output->shown);
	free(output->shown_columns);
	free(output);
}

int output_new(struct output **out, const struct output_form *form, const char *name,
	       const struct output_column *columns, size_t count, const char **wrong)
{
	struct output *output = calloc(1, sizeof(*output));
	int err = -ENOMEM;

	if (!output)
		return -ENOMEM;
	output->form = *form;
	output->form.exact = is_exact(form);
	output->name = name;
	output->columns = columns;
	output->count = count;
	output->order = NO_COLUMN;
	output->shown = calloc(count, sizeof(*output->shown));
	output->shown_columns = calloc(count, sizeof(*output->shown_columns));
	if (form->json)
		output->json = json_new(stdout);
	if (output->shown && output->shown_columns && (output->json || !form->json))
		err = choose(output, wrong);
	if (!err)
		err = choose_order(output, wrong);
	if (!err)
		err = rows_init(&output->rows, output->shown_count);
	if (err) {
		discard(output);
		return err;
	}
	place_order(output);
	*out = output;
	return 0;
}

void output_order(struct output *output, size_t column)
{
	/* JSON that no one wants sorted needs no memory. */
	if (output->form.sort || output->form.json)
		return;
	output->order = column;
	place_order(output);
}

bool output_needs(const struct output *output, size_t column)
{
	size_t i;

	for (i = 0; i < output->shown_count; i++) {
		if (output->shown[i] == column)
			return true;
	}
	return output->order == column;
}

static void json_cell(struct json *json, const struct output_column *column,
		      const struct output_cell *cell)
{
	if (!cell->is_there)
		json_null(json, column->name);
	else if (column->type == OUTPUT_TEXT)
		json_text(json, column->name, cell->bytes, cell->size);
	else if (column->type == OUTPUT_SECONDS)
		json_seconds(json, column->name, cell->number);
	else if (column->type == OUTPUT_CHANGE)
		json_change(json, column->name, (int64_t)cell->number);
	else
		json_number(json, column->name, cell->number);
}

static void json_begin(struct output *output)
{
	if (output->has_begun)
		return;
	output->has_begun = true;
	json_map(output->json, NULL);
	json_number(output->json, "version", JSON_VERSION);
	json_list(output->json, output->name);
}

static void json_add(struct output *output, const struct output_cell *cells)
{
	size_t i;

	json_begin(output);
	json_break(output->json);
	json_map(output->json, NULL);
	for (i = 0; i < output->shown_count; i++)
		json_cell(output->json, output->shown_columns[i], &cells[output->shown[i]]);
	json_end_map(output->json);
}

int output_add(struct output *output, const struct output_cell *cells)
{
	struct kept_cell *row;
	size_t i;
	int err = 0;

	if (output->json && output->order == NO_COLUMN) {
		json_add(output, cells);
		return 0;
	}
	row = rows_new(&output->rows);
	if (!row)
		return -ENOMEM;
	for (i = 0; i < output->shown_count && !err; i++)
		err = rows_keep(&output->rows, row, i, output->shown_columns[i],
				&cells[output->shown[i]], output->form.exact);
	if (!err && output->rows.has_order)
		err = rows_keep(&output->rows, row, i, &output->columns[output->order],
				&cells[output->order], output->form.exact);
	return err;
}

/* Sorted rows as JSON. */
static void json_rows(struct output *output)
{
	struct json *json = output->json;
	size_t row, i;

	for (row = 0; row < output->rows.count; row++) {
		json_break(json);
		json_map(json, NULL);
		for (i = 0; i < output->shown_count; i++) {
			const struct kept_cell *kept = &output->rows.row[row][i];
			struct output_cell cell = { .is_there = kept->is_there };

			if (output->shown_columns[i]->type == OUTPUT_TEXT) {
				cell.bytes = kept->bytes;
				cell.size = kept->size;
			} else {
				cell.number = kept->number;
			}
			json_cell(json, output->shown_columns[i], &cell);
		}
		json_end_map(json);
	}
}

static int print(struct output *output)
{
	int err = 0;

	if (output->order != NO_COLUMN)
		err = rows_sort(&output->rows, output->order_cell,
				output->columns[output->order].type, output->descending);
	if (err)
		return err;
	if (!output->json)
		return table_print(&output->rows, output->shown_columns, &output->form);
	json_begin(output);
	json_rows(output);
	json_break(output->json);
	json_end_list(output->json);
	json_end_map(output->json);
	return json_line(output->json);
}

int output_end(struct output *output, int err)
{
	if (!output)
		return err;
	if (!err)
		err = print(output);
	discard(output);
	/* stdout has the error, and client_end() prints it; or the user has left the pager. */
	return err == -EIO ? 0 : err;
}

static int record_json(const struct output_column *columns, size_t count,
		       const struct output_cell *cells)
{
	struct json *json = json_new(stdout);
	size_t i;
	int err;

	if (!json)
		return -ENOMEM;
	json_map(json, NULL);
	json_number(json, "version", JSON_VERSION);
	for (i = 0; i < count; i++) {
		if (!columns[i].on_demand)
			json_cell(json, &columns[i], &cells[i]);
	}
	json_end_map(json);
	err = json_line(json);
	json_free(json);
	return err;
}

static int record_row(struct rows *rows, const struct output_column *column,
		      const struct output_cell *cell, bool exact)
{
	static const struct output_column text = { .type = OUTPUT_TEXT };
	struct output_cell name = output_constant(column->name), value = *cell;
	struct kept_cell *row = rows_new(rows);
	char digits[QUANTITY_MAX];

	if (!row)
		return -ENOMEM;
	if (cell->is_there && column->type != OUTPUT_TEXT) {
		value.bytes = digits;
		value.size = rows_number(digits, column, cell->number, exact);
	}
	if (rows_keep(rows, row, 0, &text, &name, true))
		return -ENOMEM;
	return rows_keep(rows, row, 1, &text, &value, true);
}

static int record_table(const struct output_form *form, const struct output_column *columns,
			size_t count, const struct output_cell *cells)
{
	static const struct output_column name = { .type = OUTPUT_TEXT };
	static const struct output_column *const both[] = { &name, &name };
	struct output_form plain = *form;
	struct rows rows = { 0 };
	size_t i;
	int err = rows_init(&rows, 2);

	plain.no_header = true;
	for (i = 0; i < count && !err; i++) {
		if (!columns[i].on_demand)
			err = record_row(&rows, &columns[i], &cells[i], is_exact(form));
	}
	if (!err)
		err = table_print(&rows, both, &plain);
	rows_free(&rows);
	return err;
}

int output_record(const struct output_form *form, const struct output_column *columns, size_t count,
		  const struct output_cell *cells)
{
	return form->json ? record_json(columns, count, cells)
			  : record_table(form, columns, count, cells);
}
