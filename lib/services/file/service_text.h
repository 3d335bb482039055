/* SPDX-License-Identifier: MIT */
/*
 * Lines of an INI file: sections, names and values, and what is wrong with them by file and line.
 *
 * Promises  no line, no name and no value is changed but for the spaces around it. The first fault is told, and ends it.
 * Context   any; allocates.
 * Used by   service_file.c.
 */
#ifndef KREG_LIB_SERVICE_TEXT_H
#define KREG_LIB_SERVICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct text;

/* A name that a section may have. */
struct text_name {
	const char *name;
	int (*read)(struct text *text, const char *value);
	bool may_go_on; /* in lines that begin with a space */
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
	void (*log)(void *data, const char *sentence);
	void *log_data;
	void *data;
	const struct text_name *(*begin_section)(struct text *text, const char *section);
	int (*refuse)(struct text *text, const char *name); /* one that the section has not */
	/* the rest is 0 before text_read() */
	uint32_t line;
	int err; /* of the first fault */
	const struct text_name *names;
	const struct text_name *last; /* the one whose value may go on */
	uint32_t seen;                /* which of them were in this section; a bit each */
	bool goes_on;                 /* this line does, from the one before */
};

int text_read(struct text *text);

/* Tells what is wrong in this line. Return: @err. */
int text_fail(struct text *text, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The folder that the file is in. */
int text_folder(struct text *text, char *out, size_t size);

/* As snprintf(). -ENAMETOOLONG: it did not fit. */
int text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int text_number(struct text *text, const char *value, uint32_t max, uint32_t *out);
/* In milliseconds. */
int text_time(struct text *text, const char *value, uint32_t *out);

#pragma GCC visibility pop

#endif
