/* SPDX-License-Identifier: MIT */
/*
 * The checked options and name of one call that opens or destroys a registry, and the log
 * messages about its failure.
 *
 * Context   any thread.
 * Used by   open.c, destroy.c, folder.c, registries.c; origin_free() by close.c.
 */
#ifndef KREG_LIB_OPTIONS_H
#define KREG_LIB_OPTIONS_H

#include "lib/handle/handle.h"

#pragma GCC visibility push(hidden)

/* The checked arguments of one call to kreg_open() or kreg_destroy(). */
struct opening {
	struct kreg_options options;
	struct segment_path path;
	struct segment_plan plan;
	const char *guard; /* NULL: none */
	const char *base;  /* of path.directory, see folder.c */
	char folder[32];
	char file[KREG_NAME_MAX + 32];
	bool said; /* a message about the failure was logged */
};

int opening_read(struct opening *out, const char *name, const struct kreg_options *options);

/* Says to the log in @options, which are not read yet, what a call refuses. -EINVAL. */
#define opening_refuse(options, sentence) opening_refuse_in(options, sentence, __func__)
int opening_refuse_in(const struct kreg_options *options, const char *sentence,
		      const char *function);

/* The same once they are. */
#define refuse_option(opening, ...)                                                                \
	(*(opening)->path.said = true,                                                             \
	 refuse_to((opening)->path.log, (opening)->path.log_data, __VA_ARGS__))

/* Of a registry, without its user. */
bool opening_name_is_allowed(const char *name);

/* Last, on failure: logs a general message if none was logged; -ENOENT needs none. */
void opening_say_why(const struct opening *o, int err);

/* Logs why the guard gave no life; @share: the seats that one user may have. */
void opening_say_no_life(const struct opening *o, int err, uint32_t share);

/* In one block with its strings. -ENOMEM. NULL is allowed. */
int origin_new(struct origin **out, const struct opening *opening, const char *name, bool guarded);
void origin_free(struct origin *origin);

#pragma GCC visibility pop

#endif
