/* SPDX-License-Identifier: MIT */
/*
 * A file of services while it is read: the meaning of its names, and what has been read
 * so far.
 *
 * Promises  all that was read is kept until it is freed as a whole.
 * Context   any; allocates.
 * Used by   service_file.c, service_values.c.
 */
#ifndef KREG_LIB_SERVICE_VALUES_H
#define KREG_LIB_SERVICE_VALUES_H

#include "lib/kreg-services.h"
#include "lib/services/file/service_text.h"

#pragma GCC visibility push(hidden)

struct kept;

/* Strings, ended by a NULL. */
struct words {
	const char **at;
	size_t count;
};

struct service {
	struct service *next;
	struct kreg_supervised supervised;
	struct kreg_start start;
	struct words argv, environment, after;
	uint32_t line;
};

struct service_file {
	struct kreg_supervision what; /* first: its address is also that of the whole */
	struct kept *kept;
	struct service *first, **last, *now;
	const char *folder;
	bool has_supervisor;
};

/* The names that the sections may have. A text's data is the struct service_file. */
extern const struct text_name values_of_supervisor[];
extern const struct text_name values_of_service[];

int values_out_of_memory(struct text *text);

/* Stores a copy, which is kept. */
int values_set_string(struct text *text, const char **out, const char *value);

#pragma GCC visibility pop

#endif
