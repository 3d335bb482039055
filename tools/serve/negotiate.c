/* SPDX-License-Identifier: MIT */
/*
 * Each element of the field is a media range with parameters. Of a form the most specific range
 * that includes it says how much it is wanted, from 0 to 1000: `type/subtype;version=` before
 * `type/subtype` before `type` and any subtype, before any type.
 */
#include "tools/serve/negotiate.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WANTED_MOST 1000

struct form {
	const char *type, *subtype, *version;
	int specific; /* of the range that says it; 0: none does */
	int wanted;
};

/* A part of the field. */
struct piece {
	const char *at;
	size_t size;
};

static bool is(struct piece piece, const char *word)
{
	return piece.size == strlen(word) && !strncasecmp(piece.at, word, piece.size);
}

static struct piece trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return (struct piece){ from, (size_t)(to - from) };
}

/* Takes what is before the next @separator, which a quoted string may contain. */
static struct piece next(struct piece *rest, char separator)
{
	const char *from = rest->at, *end = from + rest->size, *at;
	bool is_quoted = false;

	for (at = from; at < end && (is_quoted || *at != separator); at++)
		is_quoted ^= *at == '"';
	rest->at = at < end ? at + 1 : end;
	rest->size = (size_t)(end - rest->at);
	return trimmed(from, at);
}

/* "0.75": 750. What is no such number is 0. */
static int parse_wanted(struct piece text)
{
	int wanted = 0, unit = WANTED_MOST;
	size_t i;

	for (i = 0; i < text.size; i++) {
		if (i == 1 ? text.at[i] != '.' : !isdigit((unsigned char)text.at[i]))
			return 0;
		if (i == 1)
			continue;
		wanted += (text.at[i] - '0') * unit;
		unit /= 10;
	}
	return wanted > WANTED_MOST ? WANTED_MOST : wanted;
}

static struct piece unquoted(struct piece text)
{
	if (text.size >= 2 && *text.at == '"' && text.at[text.size - 1] == '"')
		return (struct piece){ text.at + 1, text.size - 2 };
	return text;
}

/* How specific the range is for the form; 0: it does not include it. */
static int match(const struct form *form, struct piece type, struct piece subtype,
		 struct piece version)
{
	if (version.size && !is(version, form->version))
		return 0;
	if (is(type, form->type) && is(subtype, form->subtype))
		return version.size ? 4 : 3;
	if (is(type, form->type) && is(subtype, "*"))
		return 2;
	return is(type, "*") && is(subtype, "*");
}

static void judge(struct form *form, struct piece range)
{
	struct piece subtype = next(&range, ';'), type = next(&subtype, '/'), version = { 0 };
	struct piece parameter, name;
	int wanted = WANTED_MOST, specific;

	subtype = trimmed(subtype.at, subtype.at + subtype.size);
	while (range.size) {
		parameter = next(&range, ';');
		name = next(&parameter, '=');
		parameter = unquoted(trimmed(parameter.at, parameter.at + parameter.size));
		if (is(name, "q"))
			wanted = parse_wanted(parameter);
		else if (is(name, "version"))
			version = parameter;
	}
	specific = match(form, type, subtype, version);
	if (specific < form->specific || !specific)
		return;
	/* One that is there twice is wanted as much as either says. */
	if (specific > form->specific || wanted > form->wanted)
		form->wanted = wanted;
	form->specific = specific;
}

bool serve_wants_openmetrics(const char *accept)
{
	struct form openmetrics = { "application", "openmetrics-text", "1.0.0", 0, 0 };
	struct form older = { "text", "plain", "0.0.4", 0, 0 };
	struct piece field = { accept, accept ? strlen(accept) : 0 }, range;

	while (field.size) {
		range = next(&field, ',');
		judge(&openmetrics, range);
		judge(&older, range);
	}
	return openmetrics.wanted > older.wanted;
}
