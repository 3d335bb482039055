/* SPDX-License-Identifier: MIT */
/*
 * JSON, written by libyajl as it comes, so that a list takes no memory.
 *
 * A document is begun by json_map(json, NULL) and ended by json_end_map() and json_line(). Names
 * are given in a map and are NULL in a list. An error is kept, and returned by json_line().
 *
 * Text is any bytes. Where they are UTF-8, "NAME" is a string, of which all characters are kept.
 * Where they are not, "NAME" is null and "NAME_base64" has them.
 */
#ifndef TOOLS_OUT_JSON_H
#define TOOLS_OUT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The version of all schemas, "version" in each document. */
#define JSON_VERSION 1

struct json;

/* NULL: no memory. json_free() flushes nothing: json_line() does. */
struct json *json_new(FILE *to);
void json_free(struct json *json);

void json_map(struct json *json, const char *name);
void json_end_map(struct json *json);
void json_list(struct json *json, const char *name);
void json_end_list(struct json *json);

void json_null(struct json *json, const char *name);
void json_bool(struct json *json, const char *name, bool is);
void json_number(struct json *json, const char *name, uint64_t number);
void json_change(struct json *json, const char *name, int64_t change);
/* As seconds with three decimals; so are other thousandths. */
void json_seconds(struct json *json, const char *name, uint64_t ms);
void json_string(struct json *json, const char *name, const char *string);
void json_text(struct json *json, const char *name, const void *bytes, size_t size);
/* "NAME_base64", whatever the bytes are. */
void json_base64(struct json *json, const char *name, const void *bytes, size_t size);

/* Begins a line before the next value, for those who read with grep. */
void json_break(struct json *json);

/* Ends the document with a newline; another one may follow. Return: 0, -EIO, -ENOMEM. */
int json_line(struct json *json);

/* The errno of the last write that has failed, for which -EIO was returned; 0: none has. */
int json_why(void);

#endif
