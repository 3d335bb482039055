/* SPDX-License-Identifier: MIT */
/*
 * Entries as rows: key, pid, value.
 */
#ifndef TOOLS_ENTRIES_H
#define TOOLS_ENTRIES_H

#include "lib/kreg.h"
#include "tools/output.h"

/* The output that entries_add() adds to. NULL: no memory. */
struct output *entries_new(void);

/* A visitor: adds @entry to the output @data. Entries that wait in line are left out. */
int entries_add(const struct kreg_entry *entry, void *data);

#endif
