/* SPDX-License-Identifier: MIT */
/*
 * Output as tables, by libsmartcols, or as JSON. JSON is written here because libsmartcols takes
 * C strings in the locale's encoding, and a value is arbitrary bytes.
 */
#include <ctype.h>
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <wctype.h>

#include "tools/output.h"

#define ROWS_FIRST 64

struct output_row {
	size_t index;
	struct output_cell cells[];
};

struct output {
	const char *name;
	const struct output_column *columns;
	size_t column_count;
	struct output_row **rows;
	size_t row_count;
	size_t row_room;
};

/* Return: the size of the UTF-8 character at @p; 0 if the bytes are not valid UTF-8. */
static size_t utf8_read(const unsigned char *p, size_t left, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t point = *p;
	size_t size, i;

	if (point < 0x80)
		size = 1;
	else if (point >= 0xc2 && point < 0xe0)
		size = 2;
	else if (point >= 0xe0 && point < 0xf0)
		size = 3;
	else if (point >= 0xf0 && point < 0xf5)
		size = 4;
	else
		return 0;
	if (size > left)
		return 0;
	if (size > 1)
		point &= 0x7fu >> size;
	for (i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*out = point;
	return size;
}

static bool is_printable(uint32_t point)
{
	if (point < 0x80)
		return point >= 0x20 && point < 0x7f;
	return MB_CUR_MAX > 1 && iswprint((wint_t)point);
}

void output_text(FILE *to, const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;
	uint32_t point;
	size_t step;

	for (; p < end; p += step) {
		step = utf8_read(p, (size_t)(end - p), &point);
		if (step && is_printable(point) && !(*p == '\\' && p + 1 < end && p[1] == 'x')) {
			fwrite(p, 1, step, to);
			continue;
		}
		fprintf(to, "\\x%02x", *p);
		step = 1;
	}
}

static void json_string(FILE *to, const void *bytes, size_t size)
{
	const unsigned char *p = bytes, *end = p + size;
	uint32_t point;
	size_t step;

	fputc('"', to);
	for (; p < end; p += step) {
		step = utf8_read(p, (size_t)(end - p), &point);
		if (!step || (*p == '\\' && p + 1 < end && p[1] == 'x')) {
			fprintf(to, "\\\\x%02x", *p);
			step = 1;
		} else if (point < 0x20 || point == 0x7f) {
			fprintf(to, "\\u%04x", point);
		} else {
			if (point == '"' || point == '\\')
				fputc('\\', to);
			fwrite(p, 1, step, to);
		}
	}
	fputc('"', to);
}

static void json_row(FILE *to, const struct output *output, const struct output_row *row)
{
	size_t i;

	fputc('{', to);
	for (i = 0; i < output->column_count; i++) {
		const struct output_column *column = &output->columns[i];
		const struct output_cell *cell = &row->cells[i];

		fprintf(to, "%s\"%s\": ", i ? ", " : "", column->name);
		if (column->is_number)
			fprintf(to, "%llu", (unsigned long long)cell->number);
		else
			json_string(to, cell->bytes, cell->size);
	}
	fputc('}', to);
}

struct output *output_new(const char *name, const struct output_column *columns, size_t count)
{
	struct output *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->name = name;
	output->columns = columns;
	output->column_count = count;
	return output;
}

void output_free(struct output *output)
{
	size_t i;

	if (!output)
		return;
	for (i = 0; i < output->row_count; i++)
		free(output->rows[i]);
	free(output->rows);
	free(output);
}

static int make_room(struct output *output)
{
	size_t room = output->row_room ? 2 * output->row_room : ROWS_FIRST;
	struct output_row **rows;

	if (output->row_count < output->row_room)
		return 0;
	rows = reallocarray(output->rows, room, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	output->rows = rows;
	output->row_room = room;
	return 0;
}

int output_add(struct output *output, const struct output_cell *cells)
{
	size_t head = sizeof(struct output_row) + output->column_count * sizeof(*cells);
	size_t size = head, i;
	struct output_row *row;
	char *bytes;

	for (i = 0; i < output->column_count; i++)
		size += cells[i].size;
	if (make_room(output) != 0)
		return -ENOMEM;
	row = malloc(size);
	if (!row)
		return -ENOMEM;
	bytes = (char *)row + head;
	row->index = output->row_count;
	for (i = 0; i < output->column_count; i++) {
		row->cells[i] = cells[i];
		if (cells[i].size)
			memcpy(bytes, cells[i].bytes, cells[i].size);
		row->cells[i].bytes = bytes;
		bytes += cells[i].size;
	}
	output->rows[output->row_count++] = row;
	return 0;
}

static int compare_cells(const struct output_cell *a, const struct output_cell *b)
{
	int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);

	if (order)
		return order;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->size < b->size ? -1 : a->size > b->size;
}

static int compare_rows(const void *left, const void *right, void *data)
{
	const struct output_row *a = *(const struct output_row *const *)left;
	const struct output_row *b = *(const struct output_row *const *)right;
	size_t column, columns = *(size_t *)data;
	int order = 0;

	for (column = 0; column < columns && !order; column++)
		order = compare_cells(&a->cells[column], &b->cells[column]);
	if (order)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

void output_sort(struct output *output, size_t columns)
{
	if (output->row_count)
		qsort_r(output->rows, output->row_count, sizeof(*output->rows), compare_rows,
			&columns);
}

/* The text of a cell; the caller frees it. NULL: no memory. */
static char *cell_text(const struct output_column *column, const struct output_cell *cell)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	if (column->is_number)
		fprintf(to, "%llu", (unsigned long long)cell->number);
	else
		output_text(to, cell->bytes, cell->size);
	if (fclose(to) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int table_columns(struct libscols_table *table, const struct output *output)
{
	char heading[32];
	size_t i, j;

	for (i = 0; i < output->column_count; i++) {
		const struct output_column *column = &output->columns[i];
		int flags = column->is_number ? SCOLS_FL_RIGHT : 0;

		for (j = 0; column->name[j] && j < sizeof(heading) - 1; j++)
			heading[j] = (char)toupper((unsigned char)column->name[j]);
		heading[j] = '\0';
		if (i == output->column_count - 1 && !column->is_number)
			flags |= SCOLS_FL_TRUNC;
		if (!scols_table_new_column(table, heading, 0, flags))
			return -ENOMEM;
	}
	return 0;
}

static int table_row(struct libscols_table *table, const struct output *output,
		     const struct output_row *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t i;

	if (!line)
		return -ENOMEM;
	for (i = 0; i < output->column_count; i++) {
		char *text = cell_text(&output->columns[i], &row->cells[i]);

		if (!text)
			return -ENOMEM;
		if (scols_line_refer_data(line, i, text) != 0) {
			free(text);
			return -ENOMEM;
		}
	}
	return 0;
}

/* noencoding: the text is escaped already. NULL: no memory. */
static struct libscols_table *new_table(bool headings)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_enable_noencoding(table, 1);
	scols_table_enable_noheadings(table, !headings);
	return table;
}

/* Prints @table unless @err, and frees it. */
static int end_table(struct libscols_table *table, int err)
{
	if (!err && scols_print_table(table))
		err = -ENOMEM;
	scols_unref_table(table);
	return err;
}

static int print_table(const struct output *output)
{
	struct libscols_table *table = new_table(true);
	int err = table ? table_columns(table, output) : -ENOMEM;
	size_t i;

	for (i = 0; i < output->row_count && !err; i++)
		err = table_row(table, output, output->rows[i]);
	return end_table(table, err);
}

int output_list(const struct output *output, bool json)
{
	size_t i;

	if (!json)
		return print_table(output);
	printf("{\"%s\": [", output->name);
	for (i = 0; i < output->row_count; i++) {
		fputs(i ? ",\n  " : "\n  ", stdout);
		json_row(stdout, output, output->rows[i]);
	}
	puts(output->row_count ? "\n]}" : "]}");
	return 0;
}

static int record_line(struct libscols_table *table, const struct output_column *column,
		       const struct output_cell *cell)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char *text = cell_text(column, cell);

	if (text && line && !scols_line_set_data(line, 0, column->name) &&
	    !scols_line_refer_data(line, 1, text))
		return 0;
	free(text);
	return -ENOMEM;
}

/* A row as a table of its own, with a line for each column. */
static int print_record(const struct output *output, const struct output_row *row)
{
	struct libscols_table *table = new_table(false);
	int err = -ENOMEM;
	size_t i;

	if (table && scols_table_new_column(table, "name", 0, 0) &&
	    scols_table_new_column(table, "value", 0, 0))
		err = 0;
	for (i = 0; i < output->column_count && !err; i++)
		err = record_line(table, &output->columns[i], &row->cells[i]);
	return end_table(table, err);
}

int output_records(const struct output *output, bool json)
{
	int err = 0;
	size_t i;

	for (i = 0; i < output->row_count && !err; i++) {
		if (json) {
			json_row(stdout, output, output->rows[i]);
			putchar('\n');
		} else {
			err = print_record(output, output->rows[i]);
		}
	}
	return err;
}

int output_finish(struct output *output, int err, size_t columns, bool json)
{
	if (!err) {
		output_sort(output, columns);
		err = output_list(output, json);
	}
	output_free(output);
	return err;
}

int output_record(const char *name, const struct output_column *columns, size_t count,
		  const struct output_cell *cells, bool json)
{
	struct output *output = output_new(name, columns, count);
	int err = output ? output_add(output, cells) : -ENOMEM;

	if (!err)
		err = output_records(output, json);
	output_free(output);
	return err;
}
