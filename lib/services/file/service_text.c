/* SPDX-License-Identifier: MIT */
/*
 * Reads the lines of an INI file. A file has [sections] with NAME=VALUE. A line that
 * begins with a space continues the value before it. # and ; begin comments, only in
 * lines of their own.
 *
 * There are libraries for such files, but each of those that were examined changes
 * commands silently: inih truncates lines and names and ends a value at " ;"; libeconf
 * ends it at any #, even within quotes, removes quotes, and drops repeated names and
 * empty sections.
 */
#include "lib/services/file/service_text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"

#define HOUR_MS 3600000u
#define SPACES " \t\r\n"

void text_list(char *out, size_t size, const char *word)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
}

int text_fail(struct text *text, int err, const char *format, ...)
{
	char what[384], sentence[512];
	va_list list;

	if (text->err)
		return text->err;
	text->err = err;
	if (!text->log)
		return err;
	va_start(list, format);
	vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	if (text->line)
		snprintf(sentence, sizeof(sentence), "%s:%u: %s", text->file, text->line, what);
	else
		snprintf(sentence, sizeof(sentence), "%s: %s", text->file, what);
	text->log(sentence, text->log_data);
	return err;
}

int text_format(char *out, size_t size, const char *format, ...)
{
	va_list list;
	int needed;

	va_start(list, format);
	needed = vsnprintf(out, size, format, list);
	va_end(list);
	return needed < 0 || (size_t)needed >= size ? -ENAMETOOLONG : 0;
}

/*
 * The folder that the path names, not that of a link's target: a file that is a link
 * there is used with what is beside the link.
 */
int text_folder(struct text *text, char *out, size_t size)
{
	const char *slash = strrchr(text->file, '/');
	char named[PATH_MAX], *whole;
	int err;

	if (slash)
		err = text_format(named, sizeof(named), "%.*s/", (int)(slash - text->file),
				  text->file);
	else
		err = text_format(named, sizeof(named), ".");
	if (err)
		return text_fail(text, err, "the path is too long");
	whole = realpath(named, NULL);
	if (!whole)
		return text_fail(text, -errno, "%s", strerror(errno));
	err = text_format(out, size, "%s", whole);
	free(whole);
	return err ? text_fail(text, err, "the path is too long") : 0;
}

int text_number(struct text *text, const char *value, uint32_t max, uint32_t *out)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number > max)
		return text_fail(text, -EINVAL, "\"%s\" is not a number from 0 to %u", value, max);
	*out = (uint32_t)number;
	return 0;
}

int text_time(struct text *text, const char *value, uint32_t *out)
{
	static const struct text_choice units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 }, { NULL, 0 },
	};
	const struct text_choice *unit;
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	while (*end == ' ')
		end++;
	for (unit = units; unit->word && strcmp(unit->word, end); unit++)
		;
	if (!isdigit((unsigned char)*value) || errno || !unit->word || !number ||
	    number > 24 * HOUR_MS / unit->value)
		return text_fail(
			text, -EINVAL,
			"\"%s\" is not a time from 1ms to a day: write a number of seconds, or "
			"one with ms, s or min",
			value);
	*out = (uint32_t)number * unit->value;
	return 0;
}

/*
 * An indented NAME=VALUE would continue the value before it, which is hardly what its
 * author wants.
 */
static int check_goes_on(struct text *text, const struct text_name *to, const char *value)
{
	const struct text_name *at;

	if (!to->may_go_on)
		return text_fail(text, -EINVAL,
				 "%s= must be on one line, and a name must not be indented",
				 to->name);
	for (at = text->names; at->name; at++) {
		size_t size = strlen(at->name);

		if (!strncasecmp(at->name, value, size) && value[size] == '=')
			return text_fail(text, -EINVAL, "%s= must not be indented", at->name);
	}
	return 0;
}

static int take_value(struct text *text, const struct text_name *at, const char *value)
{
	uint32_t bit = 1u << (at - text->names);
	int err = 0;

	if (text->goes_on)
		err = check_goes_on(text, at, value);
	else if ((text->seen & bit) && !at->may_repeat)
		err = text_fail(text, -EINVAL, "duplicate %s=", at->name);
	text->seen |= bit;
	return err ? err : at->read(text, value);
}

static int take_name(struct text *text, const char *name, const char *value)
{
	const struct text_name *at;

	for (at = text->names; at->name; at++) {
		if (!strcasecmp(at->name, name)) {
			text->last = at;
			return take_value(text, at, value);
		}
	}
	return text->refuse(text, name);
}

/* In place; removes spaces from both ends. */
static char *trim(char *line)
{
	size_t size;

	line += strspn(line, SPACES);
	for (size = strlen(line); size && strchr(SPACES, line[size - 1]);)
		line[--size] = 0;
	return line;
}

static int take_section(struct text *text, char *line)
{
	char *end = strchr(line, ']');

	if (!end)
		return text_fail(text, -EINVAL, "missing ] after [section");
	if (end[1])
		return text_fail(text, -EINVAL, "unexpected text after [section]: \"%s\"", end + 1);
	*end = 0;
	text->seen = 0;
	text->last = NULL;
	text->names = text->begin_section(text, line + 1);
	return text->names ? 0 : text->err;
}

static int take_line(struct text *text, char *whole)
{
	bool is_indented = *whole && strchr(" \t", *whole);
	char *line = trim(whole), *equals = strchr(line, '=');

	if (!*line || *line == '#' || *line == ';')
		return 0;
	/* After a name it would continue that name's value. */
	if (*line == '[' && is_indented)
		return text_fail(text, -EINVAL, "a [section] must not be indented");
	if (*line == '[')
		return take_section(text, line);
	if (!text->names)
		return text_fail(text, -EINVAL, "a setting before the first [section]");
	text->goes_on = is_indented && text->last;
	if (text->goes_on)
		return take_value(text, text->last, line);
	if (!equals || equals == line)
		return text_fail(text, -EINVAL, "expected [section], NAME=VALUE or a comment");
	*equals = 0;
	return take_name(text, trim(line), trim(equals + 1));
}

static int read_lines(struct text *text, FILE *stream)
{
	static const char mark[] = "\xef\xbb\xbf";
	char *line = NULL, *start;
	size_t capacity = 0;
	ssize_t size;
	int err = 0;

	while (!err) {
		errno = 0;
		size = getline(&line, &capacity, stream);
		if (size < 0)
			break;
		text->line++;
		start = text->line == 1 && !strncmp(line, mark, 3) ? line + 3 : line;
		if (strlen(line) != (size_t)size)
			err = text_fail(text, -EINVAL, "not a text file: the line has a NUL byte");
		else
			err = take_line(text, start);
	}
	if (!err && errno)
		err = text_fail(text, -errno, "%s", strerror(errno));
	free(line);
	return err;
}

int text_read(struct text *text)
{
	FILE *stream = fd_stream(text->file);
	int err;

	if (!stream)
		return text_fail(text, -errno, "%s", strerror(errno));
	err = read_lines(text, stream);
	fclose(stream);
	return err;
}
