/* SPDX-License-Identifier: MIT */
/* The tables of the benchmark. */
#ifndef KREG_BENCHMARK_TABLES_H
#define KREG_BENCHMARK_TABLES_H

#include "tests/benchmark/bench.h"

extern const struct table table_lookup, table_sizes, table_section, table_write, table_two,
	table_owners, table_list, table_attach, table_start, table_grow, table_memory, table_sweep,
	table_death, table_tail, table_listen, table_shared, table_hole, table_guard, table_peers,
	table_ls;

/* The program that measures an attachment: the registry's file is @path; KREG_OPEN_* in digits. */
int attach_once(const char *path, const char *flags);
/* The program that reads all names: of $KREG_DIR. */
int read_once(void);

#endif
