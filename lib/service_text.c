/* SPDX-License-Identifier: MIT */
/*
 * inih has room for so many bytes in a line, a section's name and a name, and drops what is more; so lines are
 * checked before it sees them. It takes what follows a space and a ; for a comment, which would cut a command off
 * without a word; so that is refused too. It calls for a line that begins with a space as if the last name stood
 * there again, so that long values go on in the next line; whether it does so is for us to see.
 */
#include "lib/service_text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ini.h>

/* inih's own limits. */
#define SECTION_BYTES 50
#define NAME_BYTES 50
#define HOUR_MS 3600000u

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
	text->log(text->log_data, sentence);
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

/* The one that it was named in: a file that is a link there is meant to be used with what is beside the link. */
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
		return text_fail(text, -EINVAL, "\"%s\" is no number from 0 to %u", value, max);
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
			"\"%s\" is no time from 1ms to a day: a number of seconds, or with "
			"ms, s or min",
			value);
	*out = (uint32_t)number * unit->value;
	return 0;
}

int text_split(struct text *text, const char *value, struct text_words *out)
{
	*out = (struct text_words){ .count = 0 };
	switch (wordexp(value, &out->words, WRDE_NOCMD | WRDE_UNDEF)) {
	case 0:
		out->at = out->words.we_wordv;
		out->count = out->words.we_wordc;
		return 0;
	case WRDE_NOSPACE:
		return text_fail(text, -ENOMEM, "out of memory");
	case WRDE_BADVAL:
		return text_fail(text, -EINVAL, "a $VARIABLE is not set: %s", value);
	case WRDE_CMDSUB:
		return text_fail(text, -EINVAL, "$(...) and `...` are not allowed: %s", value);
	case WRDE_BADCHAR:
		return text_fail(text, -EINVAL,
				 "one of | & ; < > ( ) { } needs quotes, or a shell: sh -c '...': "
				 "%s",
				 value);
	default:
		return text_fail(text, -EINVAL, "a quote is not closed: %s", value);
	}
}

void text_split_free(struct text_words *words)
{
	if (words->at)
		wordfree(&words->words);
}

static int check_line(struct text *text, const char *line, size_t size, size_t room)
{
	const char *equals = strchr(line, '='), *start = line + strspn(line, " \t");
	size_t name = equals ? (size_t)(equals - start) : 0;

	if (strlen(line) != size)
		return text_fail(text, -EINVAL, "there is a 0 byte in it: is it a text?");
	if (size + 2 > room)
		return text_fail(text, -EINVAL,
				 "the line has more than %zu bytes: it may go on in the next one, "
				 "behind a space",
				 room - 2);
	if (*start == '#' || *start == ';')
		return 0;
	/* Behind a name inih would take it for more of that name's value. */
	if (*start == '[' && start != line)
		return text_fail(text, -EINVAL, "a [section] begins its line, without a space");
	if (*start == '[' ? strcspn(start, "]") > SECTION_BYTES : name >= NAME_BYTES)
		return text_fail(text, -EINVAL, "the name is too long");
	if (strstr(line, " ;") || strstr(line, "\t;"))
		return text_fail(
			text, -EINVAL,
			"a ; behind a space would begin a comment: write those in lines of "
			"their own, and no space before a ;");
	return 0;
}

/* inih says nothing of a section that has no names, nor where one begins anew. */
static int begin_section(struct text *text, const char *line)
{
	const char *start = line + 1, *end = strchr(start, ']');

	if (!end)
		return 0; /* inih refuses it */
	snprintf(text->section, sizeof(text->section), "%.*s", (int)(end - start), start);
	text->seen = 0;
	text->names = text->begin_section(text, text->section);
	return text->names ? 0 : text->err;
}

/* For inih, in place of fgets(). */
static char *next_line(char *out, int room, void *data)
{
	struct text *text = data;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int err;

	if (text->err)
		return NULL;
	errno = 0;
	size = getline(&line, &capacity, text->stream);
	if (size < 0) {
		if (errno)
			text_fail(text, -errno, "%s", strerror(errno));
		free(line);
		return NULL;
	}
	text->line++;
	text->goes_on = text->seen && strchr(" \t", *line);
	err = check_line(text, line, (size_t)size, (size_t)room);
	if (!err && *line == '[')
		err = begin_section(text, line);
	if (!err)
		memcpy(out, line, (size_t)size + 1);
	free(line);
	return err ? NULL : out;
}

/* What is indented under a section is taken for more of the first value, which nobody means who writes NAME=. */
static int check_goes_on(struct text *text, const struct text_name *to, const char *value)
{
	const struct text_name *at;

	if (!to->may_go_on)
		return text_fail(text, -EINVAL, "%s= has one line: a name begins without a space",
				 to->name);
	for (at = text->names; at->name; at++) {
		size_t size = strlen(at->name);

		if (!strncasecmp(at->name, value, size) && value[size] == '=')
			return text_fail(text, -EINVAL, "%s= begins its line, without a space",
					 at->name);
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
		err = text_fail(text, -EINVAL, "%s= is there twice", at->name);
	text->seen |= bit;
	return err ? err : at->read(text, value);
}

/* For inih. Return: 0 if it is wrong. */
static int take(void *data, const char *section, const char *name, const char *value)
{
	struct text *text = data;
	const struct text_name *at;

	if (text->err)
		return 0;
	if (!text->names) {
		text_fail(text, -EINVAL, "it stands before the first [section]");
		return 0;
	}
	for (at = text->names; at->name; at++) {
		if (!strcasecmp(at->name, name))
			return !take_value(text, at, value);
	}
	text_fail(text, -EINVAL, "[%s] has no %s=; see kreg_services(5)", section, name);
	return 0;
}

int text_read(struct text *text)
{
	int wrong;

	text->stream = fopen(text->file, "re");
	if (!text->stream)
		return text_fail(text, -errno, "%s", strerror(errno));
	wrong = ini_parse_stream(next_line, text, take, text);
	fclose(text->stream);
	if (wrong == -2)
		text_fail(text, -ENOMEM, "out of memory");
	else if (wrong > 0) {
		text->line = (uint32_t)wrong;
		text_fail(text, -EINVAL, "it is neither [section], nor NAME=VALUE, nor a comment");
	}
	return text->err;
}
