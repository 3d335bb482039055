/* SPDX-License-Identifier: MIT */
/*
 * JSON of somebody else: parsed by libyajl as a tree, from which known fields are copied, and which
 * is freed then. Fields that are not known are ignored, so that later versions may add some.
 *
 * libyajl frees a tree by recursion, so what is nested deeper than any state is not parsed at all.
 */
#include "tools/cluster/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#define DEPTH_MAX 8

/* A field of @size bytes is text, one of 0 a number. */
struct field {
	const char *name;
	size_t offset, size;
};

#define TEXT(name, of, field)                                                                      \
	{                                                                                          \
		name, offsetof(of, field), sizeof(((of *)0)->field)                                \
	}
#define NUMBER(name, of, field)                                                                    \
	{                                                                                          \
		name, offsetof(of, field), 0                                                       \
	}

static const struct field fields[] = {
	TEXT("version", struct bridge, version),
	TEXT("host", struct bridge, host),
	TEXT("registry", struct bridge, registry),
	TEXT("endpoint", struct bridge, endpoint),
	TEXT("session", struct bridge, session),
	TEXT("others", struct bridge, others),
	NUMBER("pid", struct bridge, pid),
	NUMBER("names_pid", struct bridge, names_pid),
	NUMBER("endpoints", struct bridge, endpoints),
	NUMBER("lease", struct bridge, lease),
	NUMBER("ttl", struct bridge, ttl),
	NUMBER("grace", struct bridge, grace),
	NUMBER("revision", struct bridge, revision),
	NUMBER("exported", struct bridge, exported),
	NUMBER("imported", struct bridge, imported),
	NUMBER("known", struct bridge, known),
	NUMBER("most", struct bridge, most),
	NUMBER("conflicts", struct bridge, conflicts),
	NUMBER("members", struct bridge, members),
	NUMBER("waiting", struct bridge, waiting),
	NUMBER("writes", struct bridge, writes),
	NUMBER("events", struct bridge, events),
	NUMBER("restores", struct bridge, restores),
	NUMBER("failures", struct bridge, failures),
	NUMBER("refused", struct bridge, refused),
	NUMBER("wrong", struct bridge, wrong_keys),
	NUMBER("left_out", struct bridge, left_out),
	NUMBER("began", struct bridge, began),
	NUMBER("written", struct bridge, written),
	NUMBER("session_since", struct bridge, session_since),
	NUMBER("lease_until", struct bridge, lease_until),
	NUMBER("touch", struct bridge, touch),
	NUMBER("waiting_since", struct bridge, waiting_since),
};

static const struct field error_fields[] = {
	TEXT("says", struct bridge, error),
	NUMBER("at", struct bridge, error_at),
};

static const struct field member_fields[] = {
	TEXT("host", struct bridge_member, host), TEXT("version", struct bridge_member, version),
	TEXT("boot", struct bridge_member, boot), TEXT("registry", struct bridge_member, registry),
	NUMBER("pid", struct bridge_member, pid), NUMBER("lease", struct bridge_member, lease),
};

static const struct field conflict_fields[] = {
	TEXT("name", struct bridge_conflict, name),
	TEXT("host", struct bridge_conflict, host),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool wrong(struct bridge *bridge, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(struct bridge *bridge, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(bridge->wrong, sizeof(bridge->wrong), format, args);
	va_end(args);
	return false;
}

static bool take_number(struct bridge *bridge, yajl_val value, const char *name, void *to)
{
	uint64_t number;

	if (!YAJL_IS_INTEGER(value) || YAJL_GET_INTEGER(value) < 0)
		return wrong(bridge, "\"%s\" is no number from 0 to %" PRId64, name, INT64_MAX);
	number = (uint64_t)YAJL_GET_INTEGER(value);
	memcpy(to, &number, sizeof(number));
	return true;
}

static bool take_text(struct bridge *bridge, yajl_val value, const char *name, char *to,
		      size_t room)
{
	const char *text = YAJL_GET_STRING(value);
	size_t size = text ? strlen(text) : 0;

	if (!text || size >= room)
		return wrong(bridge, "\"%s\" is no text of at most %zu bytes", name, room - 1);
	memcpy(to, text, size + 1);
	return true;
}

/* NULL: it is not there. */
static yajl_val value_of(yajl_val map, const char *name)
{
	const char *path[] = { name, NULL };

	return yajl_tree_get(map, path, yajl_t_any);
}

static bool take_fields(struct bridge *bridge, yajl_val map, const struct field *each, size_t count,
			void *to)
{
	size_t i;

	for (i = 0; i < count; i++) {
		yajl_val value = value_of(map, each[i].name);
		char *at = (char *)to + each[i].offset;

		if (each[i].size ? !take_text(bridge, value, each[i].name, at, each[i].size)
				 : !take_number(bridge, value, each[i].name, at))
			return false;
	}
	return true;
}

/* What a list is made of. @count: of fields; 0: it is texts. */
struct kind {
	const char *name;
	size_t size, most;
	const struct field *fields;
	size_t count;
};

static const struct kind members = { "member_list", sizeof(struct bridge_member),
				     BRIDGE_MEMBERS_MAX, member_fields, COUNT(member_fields) };
static const struct kind conflicts = { "conflict_list", sizeof(struct bridge_conflict),
				       BRIDGE_CONFLICTS_MAX, conflict_fields,
				       COUNT(conflict_fields) };
static const struct kind exports = { "export", sizeof(struct bridge_pattern), BRIDGE_PATTERNS_MAX,
				     NULL, 0 };
static const struct kind imports = { "import", sizeof(struct bridge_pattern), BRIDGE_PATTERNS_MAX,
				     NULL, 0 };

/* Return: 0, also if it is wrong; -ENOMEM. */
static int take_list(struct bridge *bridge, yajl_val map, const struct kind *kind,
		     struct bridge_list *list)
{
	yajl_val value = value_of(map, kind->name), item;
	bool is_right;

	if (YAJL_IS_NULL(value) && !kind->count) {
		list->is_cut = true;
		return 0;
	}
	if (!YAJL_IS_ARRAY(value) || value->u.array.len > kind->most) {
		wrong(bridge, "\"%s\" is no list of at most %zu", kind->name, kind->most);
		return 0;
	}
	list->items = calloc(value->u.array.len + 1, kind->size);
	if (!list->items)
		return -ENOMEM;
	for (; list->count < value->u.array.len; list->count++) {
		char *to = (char *)list->items + list->count * kind->size;

		item = value->u.array.values[list->count];
		if (!kind->count)
			is_right = take_text(bridge, item, kind->name, to, kind->size);
		else
			is_right =
				YAJL_IS_OBJECT(item)
					? take_fields(bridge, item, kind->fields, kind->count, to)
					: wrong(bridge, "\"%s\" is no list of objects", kind->name);
		if (!is_right)
			return 0;
	}
	return 0;
}

static bool take_error(struct bridge *bridge, yajl_val map)
{
	yajl_val value = value_of(map, "error");

	if (YAJL_IS_NULL(value))
		return true;
	if (!YAJL_IS_OBJECT(value))
		return wrong(bridge, "\"error\" is neither null nor an object");
	return take_fields(bridge, value, error_fields, COUNT(error_fields), bridge);
}

static bool take_format(struct bridge *bridge, yajl_val map)
{
	uint64_t format = 0;

	if (!take_number(bridge, value_of(map, "format"), "format", &format))
		return false;
	if (format == BRIDGES_FORMAT)
		return true;
	bridge->is_other_format = true;
	return wrong(bridge, "its form is %" PRIu64 ", and this regtool, %s, reads %d", format,
		     kreg_version(), BRIDGES_FORMAT);
}

static int take_all(struct bridge *bridge, yajl_val map)
{
	int err = 0;

	if (!take_format(bridge, map) || !take_fields(bridge, map, fields, COUNT(fields), bridge) ||
	    !take_error(bridge, map))
		return 0;
	err = take_list(bridge, map, &members, &bridge->member_list);
	if (!err && !*bridge->wrong)
		err = take_list(bridge, map, &conflicts, &bridge->conflict_list);
	if (!err && !*bridge->wrong)
		err = take_list(bridge, map, &exports, &bridge->exports);
	if (!err && !*bridge->wrong)
		err = take_list(bridge, map, &imports, &bridge->imports);
	return err;
}

/* How deep @text may be nested; brackets in strings count too, which only makes it more. */
static bool is_flat(const char *text)
{
	int depth = 0;

	for (; *text; text++) {
		if (*text == '[' || *text == '{')
			depth++;
		else if ((*text == ']' || *text == '}') && depth)
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

int bridge_read(struct bridge *bridge, const void *value, size_t size)
{
	char *text = malloc(size + 1), why[64];
	yajl_val map = NULL;
	int err = 0;

	if (!text)
		return -ENOMEM;
	memcpy(text, value, size);
	text[size] = '\0';
	if (strlen(text) == size && is_flat(text))
		map = yajl_tree_parse(text, why, sizeof(why));
	if (YAJL_IS_OBJECT(map))
		err = take_all(bridge, map);
	else
		wrong(bridge, "it is no object of JSON");
	yajl_tree_free(map);
	free(text);
	return err;
}

void bridge_free(struct bridge *bridge)
{
	free(bridge->member_list.items);
	free(bridge->conflict_list.items);
	free(bridge->exports.items);
	free(bridge->imports.items);
}
