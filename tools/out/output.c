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
#include "tools/out/progress.h"
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
	size_t shared, shared_count; /* the columns whose cells rows share */
	size_t order;                /* the column to sort by, or NO_COLUMN */
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

/* Where the column to sort by is among those of the rows: behind the others, if it is not shown. */
static size_t order_place(const struct output *output)
{
	size_t i;

	for (i = 0; i < output->shown_count && output->shown[i] != output->order; i++)
		;
	return i;
}

static struct rows_column column_of(const struct output *output, size_t column)
{
	bool is_shared = column - output->shared < output->shared_count;

	return (struct rows_column){
		.column = &output->columns[column],
		.from = is_shared ? column - output->shared : column,
		.is_shared = is_shared,
	};
}

static int rows_begin(struct output *output)
{
	bool adds_order = output->order != NO_COLUMN && order_place(output) == output->shown_count;
	size_t count = output->shown_count + adds_order, i;
	struct rows_column *columns = calloc(count, sizeof(*columns));

	if (!columns)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		columns[i] = column_of(output,
				       i < output->shown_count ? output->shown[i] : output->order);
	return rows_init(&output->rows, columns, count, output->shown_count,
			 output->order == NO_COLUMN ? SIZE_MAX : order_place(output),
			 output->form.exact);
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
	if (err) {
		discard(output);
		return err;
	}
	*out = output;
	return 0;
}

void output_order(struct output *output, size_t column)
{
	/* JSON that no one wants sorted needs no memory. */
	if (output->form.sort || output->form.json)
		return;
	output->order = column;
}

void output_share(struct output *output, size_t first, size_t count)
{
	output->shared = first;
	output->shared_count = count;
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

void output_json_cell(struct json *json, const struct output_column *column,
		      const struct output_cell *cell)
{
	if (!cell->is_there)
		json_null(json, column->name);
	else if (column->type == OUTPUT_TEXT)
		json_text(json, column->name, cell->bytes, cell->size);
	else if (column->type == OUTPUT_SECONDS || column->type == OUTPUT_DECIMAL)
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

static void json_add(struct output *output, const struct output_cell *cells,
		     const struct output_shared *shared)
{
	struct rows_column column;
	size_t i;

	json_begin(output);
	json_break(output->json);
	json_map(output->json, NULL);
	for (i = 0; i < output->shown_count; i++) {
		column = column_of(output, output->shown[i]);
		output_json_cell(output->json, column.column,
				 &(column.is_shared ? shared->cells : cells)[column.from]);
	}
	json_end_map(output->json);
}

int output_add_shared(struct output *output, const struct output_cell *cells,
		      struct output_shared *shared)
{
	int err = 0;

	if (output->json && output->order == NO_COLUMN) {
		json_add(output, cells, shared);
		return 0;
	}
	if (!output->rows.columns)
		err = rows_begin(output);
	return err ? err : rows_add(&output->rows, cells, shared);
}

int output_add(struct output *output, const struct output_cell *cells)
{
	return output_add_shared(output, cells, NULL);
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
			const struct kept_cell *kept =
				rows_cell(&output->rows, output->rows.row[row], i);
			struct output_cell cell = { .is_there = kept->is_there };

			if (output->shown_columns[i]->type == OUTPUT_TEXT) {
				cell.bytes = kept->bytes;
				cell.size = kept->size;
			} else {
				cell.number = kept->number;
			}
			output_json_cell(json, output->shown_columns[i], &cell);
		}
		json_end_map(json);
	}
}

static int print(struct output *output)
{
	int err = 0;

	err = rows_sort(&output->rows, output->descending);
	if (err)
		return err;
	/* A pager that prints the table is another process. */
	progress_end();
	if (!output->json)
		return table_print(&output->rows, &output->form);
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
			output_json_cell(json, &columns[i], &cells[i]);
	}
	json_end_map(json);
	err = json_line(json);
	json_free(json);
	return err;
}

static int record_row(struct rows *rows, const struct output_column *column,
		      const struct output_cell *cell)
{
	struct output_cell cells[] = { output_constant(column->name), *cell };
	char digits[QUANTITY_MAX];

	if (cell->is_there && column->type != OUTPUT_TEXT) {
		cells[1].bytes = digits;
		cells[1].size = rows_number(digits, column, cell->number, rows->exact);
	}
	return rows_add(rows, cells, NULL);
}

static int record_table(const struct output_form *form, const struct output_column *columns,
			size_t count, const struct output_cell *cells)
{
	static const struct output_column text = { .type = OUTPUT_TEXT };
	struct rows_column *both = calloc(2, sizeof(*both));
	struct output_form plain = *form;
	struct rows rows;
	size_t i;
	int err;

	if (!both)
		return -ENOMEM;
	both[0] = (struct rows_column){ .column = &text, .from = 0 };
	both[1] = (struct rows_column){ .column = &text, .from = 1 };
	err = rows_init(&rows, both, 2, 2, SIZE_MAX, is_exact(form));
	plain.no_header = true;
	for (i = 0; i < count && !err; i++) {
		if (!columns[i].on_demand)
			err = record_row(&rows, &columns[i], &cells[i]);
	}
	if (!err)
		err = rows_sort(&rows, false);
	if (!err)
		err = table_print(&rows, &plain);
	rows_free(&rows);
	return err;
}

int output_record(const struct output_form *form, const struct output_column *columns, size_t count,
		  const struct output_cell *cells)
{
	return form->json ? record_json(columns, count, cells)
			  : record_table(form, columns, count, cells);
}
