/* SPDX-License-Identifier: MIT */
/*
 * A generator of libyajl, and a buffer before the file: it prints each token by itself.
 */
#include "tools/out/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "tools/out/quantity.h"
#include "tools/out/text.h"

#define BUFFER_SIZE 65536

struct json {
	yajl_gen gen;
	FILE *to;
	int err;
	bool breaks; /* a line is due, behind the comma if there is one */
	size_t used;
	char buffer[BUFFER_SIZE];
};

static int why;

int json_why(void)
{
	return why;
}

/* -EIO, because a caller takes other errors for those of what it prints. */
static void put(struct json *json, const char *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, json->to) == size)
		return;
	why = errno;
	json->err = -EIO;
}

static void flush(struct json *json)
{
	if (json->used)
		put(json, json->buffer, json->used);
	json->used = 0;
}

static void append(struct json *json, const char *bytes, size_t size)
{
	if (size > BUFFER_SIZE - json->used)
		flush(json);
	if (size > BUFFER_SIZE) {
		put(json, bytes, size);
		return;
	}
	memcpy(json->buffer + json->used, bytes, size);
	json->used += size;
}

static void print(void *data, const char *bytes, size_t size)
{
	struct json *json = data;
	bool comma = size == 1 && *bytes == ',';

	if (json->breaks && !comma)
		append(json, "\n", 1);
	append(json, bytes, size);
	if (json->breaks && comma)
		append(json, "\n", 1);
	json->breaks = false;
}

static void check(struct json *json, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok && !json->err)
		json->err = -ENOMEM;
}

static void put_string(struct json *json, const void *bytes, size_t size)
{
	check(json, yajl_gen_string(json->gen, bytes, size));
}

static void put_name(struct json *json, const char *name)
{
	if (name)
		put_string(json, name, strlen(name));
}

struct json *json_new(FILE *to)
{
	struct json *json = malloc(sizeof(*json));

	if (!json)
		return NULL;
	json->gen = yajl_gen_alloc(NULL);
	if (!json->gen) {
		free(json);
		return NULL;
	}
	json->to = to;
	json->err = 0;
	json->breaks = false;
	json->used = 0;
	yajl_gen_config(json->gen, yajl_gen_print_callback, print, json);
	return json;
}

void json_free(struct json *json)
{
	if (!json)
		return;
	yajl_gen_free(json->gen);
	free(json);
}

void json_map(struct json *json, const char *name)
{
	put_name(json, name);
	check(json, yajl_gen_map_open(json->gen));
}

void json_end_map(struct json *json)
{
	check(json, yajl_gen_map_close(json->gen));
}

void json_list(struct json *json, const char *name)
{
	put_name(json, name);
	check(json, yajl_gen_array_open(json->gen));
}

void json_end_list(struct json *json)
{
	check(json, yajl_gen_array_close(json->gen));
}

void json_null(struct json *json, const char *name)
{
	put_name(json, name);
	check(json, yajl_gen_null(json->gen));
}

void json_bool(struct json *json, const char *name, bool is)
{
	put_name(json, name);
	check(json, yajl_gen_bool(json->gen, is));
}

void json_number(struct json *json, const char *name, uint64_t number)
{
	char digits[QUANTITY_MAX];

	put_name(json, name);
	check(json, yajl_gen_number(json->gen, digits, quantity_number(digits, number)));
}

void json_change(struct json *json, const char *name, int64_t change)
{
	char digits[QUANTITY_MAX];
	size_t size = quantity_change(digits, change), sign = *digits == '+';

	put_name(json, name);
	check(json, yajl_gen_number(json->gen, digits + sign, size - sign));
}

void json_seconds(struct json *json, const char *name, uint64_t ms)
{
	char digits[QUANTITY_MAX];

	put_name(json, name);
	check(json, yajl_gen_number(json->gen, digits, quantity_seconds(digits, ms)));
}

void json_string(struct json *json, const char *name, const char *string)
{
	json_text(json, name, string, strlen(string));
}

/* RFC 4648, with padding. */
static size_t base64(char *to, const unsigned char *p, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = to;

	for (; size; p += 3) {
		size_t count = size < 3 ? size : 3;
		unsigned int bits = (unsigned int)p[0] << 16;

		if (count > 1)
			bits |= (unsigned int)p[1] << 8;
		if (count > 2)
			bits |= p[2];
		*at++ = digits[bits >> 18];
		*at++ = digits[bits >> 12 & 63];
		*at++ = count > 1 ? digits[bits >> 6 & 63] : '=';
		*at++ = count > 2 ? digits[bits & 63] : '=';
		size -= count;
	}
	return (size_t)(at - to);
}

void json_base64(struct json *json, const char *name, const void *bytes, size_t size)
{
	char *text = malloc((size + 2) / 3 * 4 + 1), as[64];

	if (!text) {
		json->err = -ENOMEM;
		return;
	}
	snprintf(as, sizeof(as), "%s_base64", name);
	put_name(json, as);
	put_string(json, text, base64(text, bytes, size));
	free(text);
}

void json_text(struct json *json, const char *name, const void *bytes, size_t size)
{
	if (text_is_utf8(bytes, size)) {
		put_name(json, name);
		put_string(json, size ? bytes : "", size);
	} else {
		json_null(json, name);
		json_base64(json, name ? name : "bytes", bytes, size);
	}
}

void json_break(struct json *json)
{
	json->breaks = true;
}

int json_line(struct json *json)
{
	int err;

	json->breaks = false;
	yajl_gen_reset(json->gen, "\n");
	flush(json);
	err = json->err;
	json->err = 0;
	return err;
}
