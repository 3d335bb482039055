/* SPDX-License-Identifier: MIT */
/*
 * Both forms of the text. They differ in the name of a family of counters or of facts, which is
 * that of its samples in the older form, and in the types and comments that the older one lacks.
 */
#include "tools/metrics/exposition.h"

#include <inttypes.h>
#include <string.h>

#include "tools/out/text.h"

/* The longest character of UTF-8. */
#define CHARACTER_MAX 4

static const char *suffix_of(const struct metric_family *family)
{
	switch (family->type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	default:
		return "";
	}
}

static const char *type_of(const struct exposition *exposition, const struct metric_family *family)
{
	switch (family->type) {
	case METRIC_COUNTER:
		return "counter";
	case METRIC_INFO:
		return exposition->openmetrics ? "info" : "gauge";
	default:
		return "gauge";
	}
}

void exposition_family(struct exposition *exposition, const struct metric_family *family)
{
	const char *suffix = exposition->openmetrics ? "" : suffix_of(family);

	exposition->family = family;
	fprintf(exposition->to, "# HELP %s%s %s\n", family->name, suffix, family->help);
	fprintf(exposition->to, "# TYPE %s%s %s\n", family->name, suffix,
		type_of(exposition, family));
	if (family->unit && exposition->openmetrics)
		fprintf(exposition->to, "# UNIT %s %s\n", family->name, family->unit);
}

void exposition_begin(struct exposition *exposition)
{
	fprintf(exposition->to, "%s%s", exposition->family->name, suffix_of(exposition->family));
	exposition->has_labels = false;
}

/* The size of the character at @p; 0: it is to be escaped. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t size;

	if (*p < 0x20 || *p == 0x7f)
		return 0;
	for (size = 1; size <= CHARACTER_MAX && size <= left; size++) {
		if (text_is_utf8(p, size))
			return size;
	}
	return 0;
}

static void print_escaped(FILE *to, const unsigned char *p, size_t left)
{
	size_t size;

	while (left) {
		size = character(p, left);
		if (*p == '\\' || *p == '"') {
			fprintf(to, "\\%c", *p);
		} else if (*p == '\n') {
			fputs("\\n", to);
			size = 1;
		} else if (!size) {
			/* The backslash is escaped, too: the value is \xNN. */
			fprintf(to, "\\\\x%02x", *p);
			size = 1;
		} else {
			fwrite(p, 1, size, to);
		}
		p += size;
		left -= size;
	}
}

void exposition_label(struct exposition *exposition, const char *name, const void *value,
		      size_t size)
{
	fprintf(exposition->to, "%c%s=\"", exposition->has_labels ? ',' : '{', name);
	print_escaped(exposition->to, value, size);
	fputc('"', exposition->to);
	exposition->has_labels = true;
}

void exposition_string(struct exposition *exposition, const char *name, const char *value)
{
	exposition_label(exposition, name, value, strlen(value));
}

void exposition_value(struct exposition *exposition, uint64_t value)
{
	fprintf(exposition->to, "%s %" PRIu64 "\n", exposition->has_labels ? "}" : "", value);
}

void exposition_seconds(struct exposition *exposition, uint64_t ms)
{
	fprintf(exposition->to, "%s %" PRIu64 ".%03u\n", exposition->has_labels ? "}" : "",
		ms / 1000, (unsigned int)(ms % 1000));
}

void exposition_single(struct exposition *exposition, const struct metric_family *family,
		       uint64_t value)
{
	exposition_family(exposition, family);
	exposition_begin(exposition);
	exposition_value(exposition, value);
}

void exposition_end(struct exposition *exposition)
{
	if (exposition->openmetrics)
		fputs("# EOF\n", exposition->to);
}
