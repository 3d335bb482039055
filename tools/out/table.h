/* SPDX-License-Identifier: MIT */
/*
 * Rows as a table, or as a line for each cell of a record.
 *
 * Used by   output.c.
 */
#ifndef TOOLS_OUT_TABLE_H
#define TOOLS_OUT_TABLE_H

#include "tools/out/rows.h"
#include "tools/out/terminal.h"

/* Keeps text that it has made in the memory of @rows. Return: 0, -ENOMEM, -EIO. */
int table_print(struct rows *rows, const struct output_form *form);

#endif
