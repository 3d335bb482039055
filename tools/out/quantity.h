/* SPDX-License-Identifier: MIT */
/*
 * Numbers as digits, and sizes and times as people read them.
 *
 * Each call writes at most QUANTITY_MAX bytes, without a 0 byte, and returns how many.
 */
#ifndef TOOLS_OUT_QUANTITY_H
#define TOOLS_OUT_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_MAX 32

/* 1234567 */
size_t quantity_number(char *to, uint64_t number);

/* +12, -3, 0 */
size_t quantity_change(char *to, int64_t change);

/* @ms as seconds: 12.345 */
size_t quantity_seconds(char *to, uint64_t ms);

/* Thousandths: 1.23, 45.6, 789 */
size_t quantity_decimal(char *to, uint64_t thousandths);

/* 512, 1.5K, 23M: of 1024 each. */
size_t quantity_size(char *to, uint64_t bytes);

/* 340ms, 12s, 3m12s, 2h05m, 3d04h */
size_t quantity_age(char *to, uint64_t ms);

#endif
