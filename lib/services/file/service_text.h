/* SPDX-License-Identifier: MIT */
/*
 * The lines of an INI file: sections, names and values, with errors by file and line.
 *
 * Promises  lines, names and values are unchanged, except for the spaces around them. The
 *           first error is reported and ends the reading.
 * Context   any; allocates.
 * Used by   service_file.c.
 */
#ifndef KREG_LIB_SERVICE_TEXT_H
#define KREG_LIB_SERVICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg.h"

#pragma GCC visibility push(hidden)

struct text;

/* A name that a section may have. */
struct text_name {
	const char *name;
	int (*read)(struct text *text, const char *value);
	bool may_go_on; /* over lines that begin with a space */
	bool may_repeat;
};

/* A word that a value may be. */
struct text_choice {
	const char *word;
	uint32_t value;
};

struct text {
	/* set by the caller */
	const char *file;
	kreg_log_fn log;
	void *log_data;
	void *data;
	const struct text_name *(*begin_section)(struct text *text, const char *section);
	int (*refuse)(struct text *text, const char *name); /* for an unknown name */
	/* 0 before text_read() */
	uint32_t line;
	int err; /* the first error */
	const struct text_name *names;
	const struct text_name *last; /* the name whose value may continue */
	uint32_t seen;                /* the names that this section has had, one bit each */
	bool goes_on;                 /* this line continues the one before */
};

int text_read(struct text *text);

/* Appends @word to the list in @out, after a comma if it is not the first. What does not fit is cut. */
void text_list(char *out, size_t size, const char *word);

/* Reports an error in this line. Returns @err. */
int text_fail(struct text *text, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The folder of the file. */
int text_folder(struct text *text, char *out, size_t size);

/* As snprintf(). -ENAMETOOLONG: it does not fit. */
int text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int text_number(struct text *text, const char *value, uint32_t max, uint32_t *out);
/* In milliseconds. */
int text_time(struct text *text, const char *value, uint32_t *out);

#pragma GCC visibility pop

#endif
