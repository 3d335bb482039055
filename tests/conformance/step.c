/* SPDX-License-Identifier: MIT */
#include "tests/conformance/step.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, call_##name                                                                 \
	}

static const struct {
	const char *name;
	call_fn *call;
} names[] = {
	CALL(count),
	CALL(count_match),
	CALL(count_prefix),
	CALL(delete_meta),
	CALL(dispatch),
	CALL(dispatch_that_fails),
	CALL(entries),
	CALL(find_started),
	CALL(hear),
	CALL(keys),
	CALL(listen),
	CALL(lock),
	CALL(lookup),
	CALL(match),
	CALL(meta),
	CALL(put_meta),
	CALL(register),
	CALL(select_all),
	CALL(select_glob),
	CALL(select_prefix),
	CALL(select_value),
	CALL(send),
	CALL(start),
	CALL(start_again),
	CALL(start_with_no_partition_left),
	CALL(start_without_kind),
	CALL(unlock),
	CALL(unregister),
	CALL(unregister_match),
	CALL(update),
	CALL(update_if),
	CALL(values),
	CALL(whereis),
};

/* The next word of @at, without its quotes, and moves @at behind it; NULL at the end. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " "), end = ' ';

	if (!*word)
		return NULL;
	if (*word == '\'')
		end = *word++;
	*at = strchr(word, end);
	if (*at)
		*(*at)++ = 0;
	else
		*at = word + strlen(word);
	return word;
}

static call_fn *call_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i].name, name))
			return names[i].call;
	}
	return NULL;
}

static bool parse_arguments(char *at, struct step *step)
{
	const char **const arguments[] = { &step->key, &step->value, &step->other };
	const char *word;
	size_t i = 0;

	while ((word = next_word(&at))) {
		if (!strcmp(word, "of"))
			step->other = next_word(&at);
		else if (i == sizeof(arguments) / sizeof(arguments[0]))
			return false;
		else
			*arguments[i++] = strcmp(word, "-") != 0 ? word : NULL;
	}
	return true;
}

bool step_parse(const char *line, char text[STEP_TEXT], struct step *step)
{
	char *at = text, *said;
	const char *word;

	if (snprintf(text, STEP_TEXT, "%s", line) >= STEP_TEXT)
		return false;
	*step = (struct step){ .actor = *text };
	if (*text < 'A' || *text >= 'A' + ACTORS)
		return false;
	if (!strcmp(text + 1, " is killed"))
		return true;
	said = strstr(text, " -> ");
	if (!said)
		return false;
	*said = 0;
	step->said = said + 4;
	next_word(&at);
	word = next_word(&at);
	step->call = word ? call_of(word) : NULL;
	return step->call && parse_arguments(at, step);
}
