/* SPDX-License-Identifier: MIT */
/*
 * Splits a value into words. wordexp(3) is not used, because it expands * and ? in the
 * current folder.
 *
 *   outside of quotes   '...'              "..."                    what it is
 *   \x                  -                  \ before $ ` " \         the character itself
 *   $NAME ${NAME}       -                  the same                 the variable; unquoted: split
 *   ${NAME:-WORD}       -                  the same                 WORD if that is unset or empty
 *   ~/ first in a word  -                  -                        $HOME
 */
#include "lib/services/file/service_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPACES " \t"

struct splitter {
	struct text *text;
	const char *whole, *at;
	char *word;
	size_t size, capacity;
	bool has_word; /* '' is a word too */
	char quote;    /* the open quote; or 0 */
	int (*add)(struct text *text, void *data, const char *word);
	void *data;
};

static int put(struct splitter *s, const char *bytes, size_t size)
{
	size_t capacity = 2 * (s->size + size) + 64;
	char *grown;

	s->has_word = true;
	if (s->size + size >= s->capacity) {
		grown = realloc(s->word, capacity);
		if (!grown)
			return text_fail(s->text, -ENOMEM, "out of memory");
		s->word = grown;
		s->capacity = capacity;
	}
	memcpy(s->word + s->size, bytes, size);
	s->size += size;
	return 0;
}

static int end_word(struct splitter *s)
{
	int err = 0;

	if (s->has_word)
		err = put(s, "", 1);
	if (s->has_word && !err)
		err = s->add(s->text, s->data, s->word);
	s->has_word = false;
	s->size = 0;
	return err;
}

static int put_value(struct splitter *s, const char *value)
{
	size_t size;
	int err = 0;

	if (s->quote)
		return put(s, value, strlen(value));
	while (*value && !err) {
		size = strcspn(value, SPACES);
		if (size)
			err = put(s, value, size);
		value += size;
		if (*value && !err)
			err = end_word(s);
		value += strspn(value, SPACES);
	}
	return err;
}

static size_t name_size(const char *at)
{
	size_t size = 0;

	if (!isdigit((unsigned char)*at)) {
		while (isalnum((unsigned char)at[size]) || at[size] == '_')
			size++;
	}
	return size;
}

/* After a $. */
static int take_variable(struct splitter *s)
{
	bool has_braces = *s->at == '{';
	const char *name = s->at + has_braces, *end = name + name_size(name), *value;
	char *copy, *instead = NULL;
	int err;

	if (*s->at == '(')
		return text_fail(s->text, -EINVAL, "$(...) and `...` are not allowed: %s",
				 s->whole);
	if (end == name && !has_braces)
		return put(s, "$", 1);
	s->at = end;
	if (has_braces) {
		s->at = strchr(end, '}');
		if (end == name || !s->at || (*end != '}' && strncmp(end, ":-", 2)))
			return text_fail(s->text, -EINVAL, "expected ${NAME} or ${NAME:-WORD}: %s",
					 s->whole);
		s->at++;
	}
	copy = strndup(name, (size_t)(end - name));
	if (copy && *end == ':' && has_braces)
		instead = strndup(end + 2, (size_t)(s->at - 1 - (end + 2)));
	value = copy ? getenv(copy) : NULL;
	if (!value || (instead && !*value))
		value = instead;
	if (!copy)
		err = text_fail(s->text, -ENOMEM, "out of memory");
	else if (!value)
		err = text_fail(s->text, -EINVAL, "$%s is not set", copy);
	else
		err = put_value(s, value);
	free(copy);
	free(instead);
	return err;
}

static int take_home(struct splitter *s)
{
	const char *home = getenv("HOME");

	s->at++;
	return home ? put(s, home, strlen(home)) : text_fail(s->text, -EINVAL, "$HOME is not set");
}

static int take_quoted(struct splitter *s)
{
	char c = *s->at++;

	if (c == s->quote) {
		s->quote = 0;
		return put(s, "", 0);
	}
	if (s->quote == '"' && c == '$')
		return take_variable(s);
	if (s->quote == '"' && c == '`')
		return text_fail(s->text, -EINVAL, "$(...) and `...` are not allowed: %s",
				 s->whole);
	if (s->quote == '"' && c == '\\' && *s->at && strchr("$`\"\\", *s->at))
		c = *s->at++;
	return put(s, &c, 1);
}

static int take_bare(struct splitter *s)
{
	char c = *s->at;

	if (c == '~' && !s->has_word && (!s->at[1] || strchr("/" SPACES, s->at[1])))
		return take_home(s);
	s->at++;
	if (strchr(SPACES, c))
		return end_word(s);
	if (c == '\'' || c == '"') {
		s->quote = c;
		return put(s, "", 0);
	}
	if (c == '$')
		return take_variable(s);
	if (c == '`')
		return text_fail(s->text, -EINVAL, "$(...) and `...` are not allowed: %s",
				 s->whole);
	if (strchr("|&;<>(){}", c))
		return text_fail(s->text, -EINVAL,
				 "quote | & ; < > ( ) { }, or use a shell: sh -c '...': %s",
				 s->whole);
	if (c == '\\' && *s->at)
		c = *s->at++;
	return put(s, &c, 1);
}

int words_split(struct text *text, const char *value,
		int (*add)(struct text *text, void *data, const char *word), void *data)
{
	struct splitter s = { .text = text, .whole = value, .at = value, .add = add, .data = data };
	int err = 0;

	while (!err && *s.at)
		err = s.quote ? take_quoted(&s) : take_bare(&s);
	if (!err && s.quote)
		err = text_fail(text, -EINVAL, "missing closing quote: %s", value);
	if (!err)
		err = end_word(&s);
	free(s.word);
	return err;
}
