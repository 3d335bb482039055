/* SPDX-License-Identifier: MIT */
/*
 * Names that are hidden in a dump: each part between slashes becomes 16 digits, the same ones wherever
 * it stands in one dump, and others in the next dump. The salt is random and never printed, so that
 * nobody can try names against them.
 *
 * Used by   cmd_dump.c.
 */
#ifndef TOOLS_DUMP_HIDDEN_H
#define TOOLS_DUMP_HIDDEN_H

#include <stddef.h>
#include <stdint.h>

struct hidden {
	uint64_t salt[2];
};

/* No part is shorter than a byte: 255 bytes have at most 128 parts, of 17 characters each. */
#define HIDDEN_MAX 4352

/* Return: 0; the error of getrandom(2). */
int hidden_begin(struct hidden *hidden);

/* @size: at most 255. @to: HIDDEN_MAX bytes. Return: the size. */
size_t hidden_name(const struct hidden *hidden, const void *name, size_t size, char *to);

#endif
