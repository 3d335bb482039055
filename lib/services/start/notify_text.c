/* SPDX-License-Identifier: MIT */
/* Parses messages: one NAME=VALUE on each line. */
#include "lib/services/start/notify_text.h"

#include <limits.h>
#include <string.h>

/* A line: its bytes without the newline. */
struct line {
	const char *at;
	size_t size;
};

/* Takes the next line from @*rest, which then begins behind it. False: there is none. */
static bool next_line(struct line *rest, struct line *out)
{
	const char *end;

	if (!rest->size)
		return false;
	end = memchr(rest->at, '\n', rest->size);
	out->at = rest->at;
	out->size = end ? (size_t)(end - rest->at) : rest->size;
	rest->at += out->size + (end ? 1 : 0);
	rest->size -= out->size + (end ? 1 : 0);
	return true;
}

static bool begins_with(const struct line *line, const char *name, struct line *value)
{
	size_t size = strlen(name);

	if (line->size < size || memcmp(line->at, name, size))
		return false;
	value->at = line->at + size;
	value->size = line->size - size;
	return true;
}

static bool is_word(const struct line *line, const char *word)
{
	return line->size == strlen(word) && !memcmp(line->at, word, line->size);
}

/* Decimal digits only. */
static bool read_number(const struct line *line, uint64_t max, uint64_t *out)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < line->size; i++) {
		uint64_t digit = (uint64_t)line->at[i] - '0';

		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return line->size > 0;
}

static void read_watchdog(const struct line *value, struct notify_words *out)
{
	if (is_word(value, "1"))
		out->lines |= NOTIFY_ALIVE;
	else if (is_word(value, "trigger"))
		out->lines |= NOTIFY_TRIGGER;
}

static void read_line(const struct line *line, struct notify_words *out)
{
	struct line value;
	uint64_t number;

	if (is_word(line, "READY=1")) {
		out->lines |= NOTIFY_READY;
	} else if (is_word(line, "RELOADING=1")) {
		out->lines |= NOTIFY_RELOADING;
	} else if (is_word(line, "STOPPING=1")) {
		out->lines |= NOTIFY_STOPPING;
	} else if (is_word(line, "BARRIER=1")) {
		out->lines |= NOTIFY_BARRIER;
	} else if (begins_with(line, "STATUS=", &value)) {
		out->lines |= NOTIFY_STATUS;
		out->status = value.at;
		out->status_size = value.size;
	} else if (begins_with(line, "WATCHDOG=", &value)) {
		read_watchdog(&value, out);
	} else if (begins_with(line, "WATCHDOG_USEC=", &value)) {
		if (read_number(&value, UINT64_MAX / 1000, &out->period_us))
			out->lines |= NOTIFY_PERIOD;
	} else if (begins_with(line, "EXTEND_TIMEOUT_USEC=", &value)) {
		if (read_number(&value, UINT64_MAX / 1000, &out->extend_us))
			out->lines |= NOTIFY_EXTEND;
	} else if (begins_with(line, "MAINPID=", &value)) {
		if (!read_number(&value, INT_MAX, &number) || !number)
			return;
		out->lines |= NOTIFY_MAIN_PID;
		out->main_pid = (pid_t)number;
	} else if (begins_with(line, "X_KREG_VALUE=", &value)) {
		out->lines |= NOTIFY_VALUE;
		out->value = value.at;
		out->value_size = value.size;
	}
}

bool notify_text_read(const char *text, size_t size, struct notify_words *out)
{
	struct line rest = { text, size }, line;

	*out = (struct notify_words){ 0 };
	if (size && !text[size - 1])
		rest.size--;
	if (rest.size && memchr(text, 0, rest.size))
		return false;
	while (next_line(&rest, &line))
		read_line(&line, out);
	return true;
}

size_t notify_text_pass_on(const char *text, size_t size, char *out)
{
	static const char *const kept_back[] = { "MAINPID=", "MAINPIDFD",    "FDSTORE",
						 "FDNAME=",  "FDPOLL=",      "X_KREG_",
						 "BARRIER=", "NOTIFYACCESS=" };
	struct line rest = { text, size }, line, value;
	size_t used = 0, i;

	while (next_line(&rest, &line)) {
		for (i = 0; i < sizeof(kept_back) / sizeof(kept_back[0]); i++) {
			if (begins_with(&line, kept_back[i], &value))
				break;
		}
		if (i < sizeof(kept_back) / sizeof(kept_back[0]) || !line.size)
			continue;
		if (used)
			out[used++] = '\n';
		memcpy(out + used, line.at, line.size);
		used += line.size;
	}
	return used;
}
