/* SPDX-License-Identifier: MIT */
/*
 * All metrics as one text.
 *
 * Used by   cmd_metrics.c.
 */
#ifndef TOOLS_METRICS_METRICS_H
#define TOOLS_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/kreg.h"

struct metrics_text {
	char *bytes; /* the caller's to free */
	size_t size;
	size_t registries; /* how many of those that there are in it exist */
};

/*
 * @registry: only this one, "NAME" or "UID:NAME"; NULL: all that the caller may see.
 * @openmetrics: else in the older form.
 * Return: 0; -ENOMEM; an error of kreg_registries_each().
 */
int metrics_print(struct metrics_text *text, const struct kreg_options *options,
		  const char *registry, bool openmetrics);

/*
 * Writes @text to @file, which is replaced at once or not at all: a reader sees the earlier text or
 * this one, also after a crash of the host. Return: 0, a negative errno.
 */
int metrics_to_file(const struct metrics_text *text, const char *file);

#endif
