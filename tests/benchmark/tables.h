/* SPDX-License-Identifier: MIT */
/* The tables of the benchmark, each in a file of its own. */
#ifndef KREG_BENCHMARK_TABLES_H
#define KREG_BENCHMARK_TABLES_H

#include "tests/benchmark/bench.h"

extern const struct table table_lookup;

#endif
