/* SPDX-License-Identifier: MIT */
/*
 * Lines of JSON, each parsed by libyajl. A line is limited, and so is what is kept of it. Keys are
 * in a tree as well, so that a dump of many is read in a time proportional to its size.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* tdestroy() */
#endif

#include "tools/dump/reader.h"

#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "lib/kreg.h"
#include "tools/out/json.h"
#include "tools/out/progress.h"

/* A value of 64 KiB, each byte as \u0001, and a key. */
#define LINE_MAX_BYTES (1u << 20)

static int wrong(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct reader *reader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->cause, sizeof(reader->cause), format, args);
	va_end(args);
	return -EINVAL;
}

static const char *string_of(yajl_val map, const char *name)
{
	const char *path[] = { name, NULL };

	return YAJL_GET_STRING(yajl_tree_get(map, path, yajl_t_string));
}

/* -1: it is none, or is not there. */
static long long number_of(yajl_val map, const char *name)
{
	const char *path[] = { name, NULL };
	yajl_val value = yajl_tree_get(map, path, yajl_t_number);

	return YAJL_IS_INTEGER(value) ? YAJL_GET_INTEGER(value) : -1;
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Return: the size of what @text is, in @to; -EINVAL. */
static ssize_t from_base64(const char *text, unsigned char *to)
{
	size_t length = strlen(text), filled = length, i;
	unsigned char *at = to;
	uint32_t bits = 0;
	int digit;

	if (length % 4)
		return -EINVAL;
	while (filled && length - filled < 2 && text[filled - 1] == '=')
		filled--;
	for (i = 0; i < length; i++) {
		digit = i < filled ? digit_of(text[i]) : 0;
		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 3) {
			*at++ = (unsigned char)(bits >> 16);
			*at++ = (unsigned char)(bits >> 8);
			*at++ = (unsigned char)bits;
			bits = 0;
		}
	}
	return at - to - (ssize_t)(length - filled);
}

/* The bytes of "NAME", or of "NAME_base64". */
static int bytes_of(struct reader *reader, yajl_val map, const char *name, unsigned char **out,
		    size_t *size)
{
	const char *text = string_of(map, name), *coded;
	char other[32];
	ssize_t length;

	snprintf(other, sizeof(other), "%s_base64", name);
	coded = string_of(map, other);
	if (!text == !coded)
		return wrong(reader, "meta needs either \"%s\" or \"%s\"", name, other);
	*out = malloc(strlen(text ? text : coded) + 1);
	if (!*out)
		return -ENOMEM;
	if (text) {
		*size = strlen(text);
		memcpy(*out, text, *size);
		return 0;
	}
	length = from_base64(coded, *out);
	if (length < 0)
		return wrong(reader, "\"%s\" is not base64", other);
	*size = (size_t)length;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct pair *first = a, *second = b;

	if (first->key_size != second->key_size)
		return first->key_size < second->key_size ? -1 : 1;
	return memcmp(first->key, second->key, first->key_size);
}

static int check_pair(struct reader *reader, const struct pair *pair)
{
	struct pair **found;

	if (!pair->key_size || pair->key_size > KREG_KEY_MAX)
		return wrong(reader, "a key of %zu bytes; 1 to %d are allowed", pair->key_size,
			     KREG_KEY_MAX);
	if (pair->value_size > KREG_VALUE_MAX)
		return wrong(reader, "a value of %zu bytes; %d are allowed", pair->value_size,
			     KREG_VALUE_MAX);
	found = tsearch(pair, &reader->by_key, by_key);
	if (!found)
		return -ENOMEM;
	if (*found != pair)
		return wrong(reader, "a key that an earlier line has");
	reader->bytes += pair->key_size + pair->value_size + 8;
	if (reader->bytes > KREG_META_MAX)
		return wrong(reader, "more than %d bytes of meta", KREG_META_MAX);
	return 0;
}

/* NULL: no memory. */
static struct pair *pair_new(struct reader *reader)
{
	size_t room = reader->room ? 2 * reader->room : 16;
	struct pair **grown, *pair;

	if (reader->count == reader->room) {
		grown = realloc(reader->pairs, room * sizeof(struct pair *));
		if (!grown)
			return NULL;
		reader->pairs = grown;
		reader->room = room;
	}
	pair = calloc(1, sizeof(*pair));
	if (pair)
		reader->pairs[reader->count++] = pair;
	return pair;
}

static int add_meta(struct reader *reader, yajl_val map)
{
	struct pair *pair = pair_new(reader);
	long long size = number_of(map, "size");
	int err;

	if (!pair)
		return -ENOMEM;
	err = bytes_of(reader, map, "key", &pair->key, &pair->key_size);
	if (!err)
		err = bytes_of(reader, map, "value", &pair->value, &pair->value_size);
	if (!err && size != (long long)pair->value_size)
		err = wrong(reader, "\"size\" is %lld, the value has %zu bytes", size,
			    pair->value_size);
	return err ? err : check_pair(reader, pair);
}

static int check_head(struct reader *reader, yajl_val map, const char *kind)
{
	const char *path[] = { "hashed", NULL };
	yajl_val hashed = yajl_tree_get(map, path, yajl_t_any);

	if (strcmp(kind, "dump") != 0)
		return wrong(reader, "a dump begins with the kind \"dump\"");
	if (YAJL_IS_TRUE(hashed))
		return wrong(reader, "its names are hashed, so there is nothing to restore");
	return YAJL_IS_FALSE(hashed) ? 0 : wrong(reader, "\"hashed\" is missing");
}

/* Return: 0; 1: it was the last one; an error. */
static int take_map(struct reader *reader, yajl_val map)
{
	const char *kind = string_of(map, "kind");

	if (number_of(map, "version") != JSON_VERSION)
		return wrong(reader, "not of version %d", JSON_VERSION);
	if (!kind)
		return wrong(reader, "\"kind\" is missing");
	if (reader->line == 1)
		return check_head(reader, map, kind);
	if (!strcmp(kind, "meta"))
		return add_meta(reader, map);
	if (strcmp(kind, "end") != 0)
		return 0;
	if (number_of(map, "lines") != (long long)reader->line - 1)
		return wrong(reader, "lines are missing: there are %llu before it",
			     (unsigned long long)reader->line - 1);
	return 1;
}

static int take_line(struct reader *reader, const char *line)
{
	char why[64] = "";
	yajl_val map = yajl_tree_parse(line, why, sizeof(why));
	int err;

	if (!map || !YAJL_IS_OBJECT(map))
		err = wrong(reader, "not an object of JSON");
	else
		err = take_map(reader, map);
	yajl_tree_free(map);
	return err;
}

/* Return: 1 with a line; 0: there is none; an error. */
static int next_line(struct reader *reader, FILE *from, char *line)
{
	size_t size = 0;
	int c;

	reader->line++;
	while ((c = getc(from)) != EOF && c != '\n') {
		if (!c)
			return wrong(reader, "a byte that is 0");
		if (size == LINE_MAX_BYTES)
			return wrong(reader, "longer than %u bytes", LINE_MAX_BYTES);
		line[size++] = (char)c;
	}
	line[size] = '\0';
	progress_step(size + 1);
	if (ferror(from))
		return -EIO;
	return c == '\n' || size;
}

int reader_read(struct reader *reader, FILE *from)
{
	char *line = malloc(LINE_MAX_BYTES + 1);
	bool ended = false;
	int err;

	if (!line)
		return -ENOMEM;
	while ((err = next_line(reader, from, line)) > 0) {
		err = ended ? wrong(reader, "it comes after the end") : take_line(reader, line);
		if (err < 0)
			break;
		ended = err == 1;
	}
	if (!err && !ended)
		err = wrong(reader, "the end is missing: the dump was cut");
	free(line);
	return err;
}

static void keep(void *pair)
{
	(void)pair;
}

void reader_free(struct reader *reader)
{
	size_t i;

	tdestroy(reader->by_key, keep);
	for (i = 0; i < reader->count; i++) {
		free(reader->pairs[i]->key);
		free(reader->pairs[i]->value);
		free(reader->pairs[i]);
	}
	free(reader->pairs);
}
