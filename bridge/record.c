/* SPDX-License-Identifier: MIT */
#include "bridge/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base64.h"

void facts_free(struct facts *facts)
{
	free(facts->value);
	*facts = (struct facts){ 0 };
}

static bool is_plain(unsigned char byte, bool is_first)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
	       (byte == '.' && !is_first);
}

bool record_is_plain(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++) {
		if (i >= KREG_HOST_MAX || !is_plain((unsigned char)text[i], !i))
			return false;
	}
	return i > 0;
}

int record_prefix(char out[RECORD_KEY_MAX], const char *cluster)
{
	return snprintf(out, RECORD_KEY_MAX, "/kreg/%s/", cluster);
}

/* Appends @size bytes at @at; the end. There is room: three bytes for each of a name. */
static size_t escape(char *out, size_t at, const unsigned char *bytes, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < size; i++) {
		if (is_plain(bytes[i], !i)) {
			out[at++] = (char)bytes[i];
			continue;
		}
		out[at++] = '%';
		out[at++] = hex[bytes[i] >> 4];
		out[at++] = hex[bytes[i] & 15];
	}
	return at;
}

/* Where the role begins; 0: there is no namespace that other hosts know, or no role. */
static size_t role_of(const struct name *name)
{
	const unsigned char *slash = memchr(name->key, '/', name->key_size);
	size_t at = slash ? (size_t)(slash - name->key) + 1 : 0;

	return at > 1 && at < name->key_size && name->key[0] != '.' ? at : 0;
}

/* Where the name ends in @out, behind @prefix. 0: it has no namespace, or no role. */
static size_t put_name(char out[RECORD_KEY_MAX], const char *prefix, const struct name *name,
		       size_t tail)
{
	size_t role = role_of(name), at = strlen(prefix);

	if (!role || at + 3 * (size_t)name->key_size + tail + 2 > RECORD_KEY_MAX)
		return 0;
	memcpy(out, prefix, at);
	at = escape(out, at, name->key, role - 1);
	out[at++] = '/';
	return escape(out, at, name->key + role, name->key_size - role);
}

int record_key(char out[RECORD_KEY_MAX], const char *prefix, const struct name *name,
	       const char *host)
{
	size_t host_size = strlen(host), at = put_name(out, prefix, name, host_size);

	if (!at)
		return -EINVAL;
	out[at++] = '/';
	memcpy(out + at, host, host_size + 1);
	return (int)(at + host_size);
}

int record_unique_key(char out[RECORD_KEY_MAX], const char *prefix, const struct name *name)
{
	char whole[RECORD_KEY_MAX + sizeof(RECORD_UNIQUE)];
	size_t at;

	snprintf(whole, sizeof(whole), "%s" RECORD_UNIQUE, prefix);
	at = put_name(out, whole, name, 0);
	return at ? (int)at : -EINVAL;
}

static int digit_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/*
 * Appends the bytes of the escaped part up to a slash or the end. Returns how much of @text that
 * was, 0: it is not as escape() writes it.
 */
static size_t unescape(const char *text, size_t size, struct name *name)
{
	bool is_first = true;
	size_t at = 0;

	while (at < size && text[at] != '/') {
		unsigned char byte = (unsigned char)text[at];

		if (byte == '%') {
			int high = at + 2 < size ? digit_of(text[at + 1]) : -1;
			int low = at + 2 < size ? digit_of(text[at + 2]) : -1;

			if (high < 0 || low < 0)
				return 0;
			byte = (unsigned char)(high << 4 | low);
			if (is_plain(byte, is_first))
				return 0;
			at += 2;
		} else if (!is_plain(byte, is_first)) {
			return 0;
		}
		if (name->key_size == KREG_KEY_MAX)
			return 0;
		name->key[name->key_size++] = byte;
		is_first = false;
		at++;
	}
	return at;
}

/* How much of @rest the name is; 0: it is none. */
static size_t take_name(const char *rest, size_t size, struct name *name)
{
	size_t space, role;

	name->key_size = 0;
	space = unescape(rest, size, name);
	if (!space || space >= size || name->key[0] == '.' ||
	    memchr(name->key, '/', name->key_size) || name->key_size == KREG_KEY_MAX)
		return 0;
	name->key[name->key_size++] = '/';
	role = unescape(rest + space + 1, size - space - 1, name);
	return role ? space + 1 + role : 0;
}

int record_parse_unique(const char *rest, size_t size, struct name *name)
{
	return size && take_name(rest, size, name) == size ? 0 : -EINVAL;
}

int record_parse(const char *rest, size_t size, struct name *name, char host[KREG_HOST_MAX + 1])
{
	size_t taken = take_name(rest, size, name);

	rest += taken;
	size -= taken;
	if (!taken || size < 2 || size - 1 > KREG_HOST_MAX || *rest != '/')
		return -EINVAL;
	memcpy(host, rest + 1, size - 1);
	host[size - 1] = 0;
	return strlen(host) == size - 1 && record_is_plain(host) ? 0 : -EINVAL;
}

bool record_namespace(const struct name *name, char out[KREG_KEY_MAX + 1])
{
	size_t role = role_of(name);

	if (!role || memchr(name->key, 0, role))
		return false;
	memcpy(out, name->key, role - 1);
	out[role - 1] = 0;
	return true;
}

static json_t *object_of(const struct facts *facts)
{
	char *value = base64_encode(facts->value, facts->value_size);
	json_t *record = value ? json_pack("{s:s, s:I, s:I, s:I}", "value", value, "uid",
					   (json_int_t)facts->uid, "pid", (json_int_t)facts->pid,
					   "start", (json_int_t)facts->start)
			       : NULL;

	free(value);
	return record;
}

static char *text_of(json_t *record)
{
	char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;

	json_decref(record);
	return text;
}

char *record_value(const struct facts *facts)
{
	return text_of(object_of(facts));
}

char *record_unique_value(const struct facts *facts, const char *host, uint64_t claim)
{
	json_t *record = object_of(facts);

	if (record && (json_object_set_new(record, "host", json_string(host)) ||
		       json_object_set_new(record, "claim", json_integer((json_int_t)claim)))) {
		json_decref(record);
		return NULL;
	}
	return text_of(record);
}

/* A number from 0 to @most under @key. */
static bool read_number(const json_t *record, const char *key, uint64_t most, uint64_t *out)
{
	const json_t *number = json_object_get(record, key);

	if (!json_is_integer(number) || json_integer_value(number) < 0 ||
	    (uint64_t)json_integer_value(number) > most)
		return false;
	*out = (uint64_t)json_integer_value(number);
	return true;
}

int record_holder(const void *text, size_t size, char host[KREG_HOST_MAX + 1], uint64_t *claim)
{
	json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(record, "host"));
	bool is_sound =
		name && record_is_plain(name) && read_number(record, "claim", INT64_MAX, claim);

	if (is_sound)
		memcpy(host, name, strlen(name) + 1);
	json_decref(record);
	return is_sound ? 0 : -EINVAL;
}

int record_facts(const void *text, size_t size, struct facts *out)
{
	json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *value = json_object_get(record, "value");
	uint64_t uid, pid;
	ssize_t got = -EINVAL;

	*out = (struct facts){ 0 };
	if (json_is_string(value) && read_number(record, "uid", UINT32_MAX, &uid) &&
	    read_number(record, "pid", INT32_MAX, &pid) &&
	    read_number(record, "start", INT64_MAX, &out->start)) {
		out->uid = (uint32_t)uid;
		out->pid = (uint32_t)pid;
		out->value = malloc(json_string_length(value) / 4 * 3 + 1);
		got = out->value
			      ? base64_decode(json_string_value(value), json_string_length(value),
					      out->value, KREG_VALUE_MAX)
			      : -ENOMEM;
	}
	json_decref(record);
	if (got < 0) {
		facts_free(out);
		return got == -ENOMEM ? -ENOMEM : -EINVAL;
	}
	out->value_size = (uint32_t)got;
	return 0;
}
