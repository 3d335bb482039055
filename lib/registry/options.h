/* SPDX-License-Identifier: MIT */
/*
 * The checked options and name of one call that opens or destroys a registry, and the log messages about its failure.
 *
 * Context   any thread.
 * Used by   open.c, destroy.c, folder.c; origin_free() by close.c.
 */
#ifndef KREG_LIB_OPTIONS_H
#define KREG_LIB_OPTIONS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* The options and the name of one call to kreg_open() or kreg_destroy(), checked. */
struct opening {
	struct kreg_options options;
	struct segment_path path;
	struct segment_plan plan;
	const char *guard; /* NULL: none */
	const char *base;  /* of path.directory, see folder.c */
	char folder[32];
	char file[KREG_NAME_MAX + 32];
	bool said; /* a sentence, about why it fails */
};

int opening_read(struct opening *out, const char *name, const struct kreg_options *options);

/* At the end: no failure is without a sentence, but that there is no such registry. */
void opening_say_why(const struct opening *o, int err);

/* Why the process has no life of the guard's; @share: of seats, that a user has. */
void opening_say_no_life(const struct opening *o, int err, uint32_t share);

/* -ENOMEM. NULL is allowed. */
int origin_new(struct origin **out, const struct opening *opening, const char *name, bool guarded);
void origin_free(struct origin *origin);

#pragma GCC visibility pop

#endif
