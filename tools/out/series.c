/* SPDX-License-Identifier: MIT */
/*
 * Series of rows.
 */
#include "tools/out/series.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/out/quantity.h"
#include "tools/out/rows.h"
#include "tools/out/terminal.h"
#include "tools/out/text.h"

#define TEXT_MAX 256

size_t series_text(char *to, size_t room, const struct output_column *column,
		   const struct output_cell *cell, bool exact)
{
	char text[QUANTITY_MAX];
	size_t size = 1, width;

	if (room < TEXT_GROWTH)
		return 0;
	if (!cell->is_there) {
		*to = '-';
	} else if (column->type != OUTPUT_TEXT) {
		size = rows_number(text, column, cell->number, exact);
		size = size < room ? size : room;
		memcpy(to, text, size);
	} else {
		size = cell->size < room / TEXT_GROWTH ? cell->size : room / TEXT_GROWTH;
		size = text_escape(to, cell->bytes, size, room, &width);
	}
	return size;
}

static int width_of(const struct output_column *column)
{
	int width = (int)strlen(column->name);

	return width > SERIES_WIDTH ? width : SERIES_WIDTH;
}

static void put_headings(const struct output_column *columns, size_t count)
{
	size_t i, at, size;

	for (i = 0; i < count; i++) {
		size = strlen(columns[i].name);
		printf("%s%*s", i ? " " : "", width_of(&columns[i]) - (int)size, "");
		for (at = 0; at < size; at++)
			putchar(toupper((unsigned char)columns[i].name[at]));
	}
	putchar('\n');
}

static bool begins_screen(uint64_t number)
{
	struct terminal terminal;

	terminal_look(&terminal);
	return !number ||
	       (terminal.is_one && terminal.height > 2 && number % (terminal.height - 2) == 0);
}

int series_add(const struct output_form *form, const struct output_column *columns, size_t count,
	       const struct output_cell *cells, uint64_t number)
{
	bool exact = form->exact || !isatty(STDOUT_FILENO);
	char text[TEXT_MAX];
	size_t i, size;

	if (form->json)
		return output_record(form, columns, count, cells);
	if (!form->no_header && begins_screen(number))
		put_headings(columns, count);
	for (i = 0; i < count; i++) {
		size = series_text(text, sizeof(text), &columns[i], &cells[i], exact);
		printf("%s%*s%.*s", i ? " " : "",
		       size < (size_t)width_of(&columns[i]) ? width_of(&columns[i]) - (int)size : 0,
		       "", (int)size, text);
	}
	putchar('\n');
	return 0;
}
