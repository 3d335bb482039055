/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary bytes as text of a terminal.
 *
 * A byte that is not part of a printable character is written as \xNN, and so is the backslash of
 * a "\x" in the text. So the output is unambiguous, has the width that was measured, and contains
 * nothing that a terminal obeys: controls and changes of direction are not printable here.
 */
#ifndef TOOLS_OUT_TEXT_H
#define TOOLS_OUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* No byte becomes more than that many. */
#define TEXT_GROWTH 4

/* The columns of a terminal that it takes. */
size_t text_width(const void *bytes, size_t size);

/*
 * Writes what fits into @columns to @to, which has room for TEXT_GROWTH times @size bytes.
 * Return: how many bytes were written. @width: how many columns they take.
 */
size_t text_escape(char *to, const void *bytes, size_t size, size_t columns, size_t *width);

/* Whether it is printable ASCII without a backslash, which is written as it is. */
bool text_is_plain(const void *bytes, size_t size);

void text_print(FILE *to, const void *bytes, size_t size);

bool text_is_utf8(const void *bytes, size_t size);

#endif
