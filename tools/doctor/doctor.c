/* SPDX-License-Identifier: MIT */
/*
 * What the checks have found, as a line each or as JSON, and words for it.
 */
#include "tools/doctor/doctor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/out/quantity.h"
#include "tools/out/text.h"

/* Of the lines behind the first one of a sentence. */
#define INDENT 8

static const struct {
	const char *word;
	const char *colour;
	enum output_mood mood;
} verdicts[DOCTOR_VERDICTS] = {
	[DOCTOR_OK] = { "ok", "\033[32m", OUTPUT_GOOD },
	[DOCTOR_UNKNOWN] = { "unknown", "\033[2m", OUTPUT_DIM },
	[DOCTOR_WARNING] = { "warning", "\033[33m", OUTPUT_WARNING },
	[DOCTOR_FAILURE] = { "failure", "\033[1;31m", OUTPUT_BAD },
};

const char *doctor_text(char to[DOCTOR_TEXT], const void *bytes, size_t size)
{
	size_t most = (DOCTOR_TEXT - 1) / TEXT_GROWTH, width;

	to[text_escape(to, bytes, size < most ? size : most, SIZE_MAX, &width)] = '\0';
	return to;
}

const char *doctor_process(char to[DOCTOR_TEXT], pid_t pid, const char *comm)
{
	char name[DOCTOR_TEXT];

	if (comm)
		snprintf(to, DOCTOR_TEXT, "pid %d (%.80s)", pid,
			 doctor_text(name, comm, strlen(comm)));
	else
		snprintf(to, DOCTOR_TEXT, "pid %d", pid);
	return to;
}

const char *doctor_size(char to[32], uint64_t bytes)
{
	to[quantity_size(to, bytes)] = '\0';
	return to;
}

const char *doctor_age(char to[32], uint64_t ms)
{
	to[quantity_age(to, ms)] = '\0';
	return to;
}

const char *doctor_end(char to[DOCTOR_TEXT], const struct kreg_end *end)
{
	const char *name = sigabbrev_np(end->status);

	if (end->code == KREG_END_EXITED)
		snprintf(to, DOCTOR_TEXT, "exited with status %d", end->status);
	else if (end->code == KREG_END_KILLED || end->code == KREG_END_DUMPED)
		snprintf(to, DOCTOR_TEXT, "was killed by SIG%s%s", name ? name : "?",
			 end->code == KREG_END_DUMPED ? " and has dumped core" : "");
	else
		snprintf(to, DOCTOR_TEXT, "ended");
	return to;
}

bool doctor_read_line(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, to, size - 1);
	close(fd);
	if (got < 0)
		return false;
	to[got] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return true;
}

int64_t doctor_now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Prints @text behind @column, and breaks it between words where the terminal ends. */
static void print_words(const struct terminal *terminal, const char *text, size_t column)
{
	size_t size, space;

	for (; *text; text += size + space) {
		size = strcspn(text, " ");
		space = strspn(text + size, " ");
		if (column > INDENT && terminal->is_one && column + size > terminal->width) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		printf("%.*s", (int)size, text);
		column += size + 1;
		if (text[size] && (!terminal->is_one || column < terminal->width))
			putchar(' ');
	}
	putchar('\n');
}

static void print_line(const struct doctor *doctor, const struct doctor_finding *finding,
		       const char *says)
{
	const char *word = verdicts[finding->verdict].word;
	char line[4096];

	if (doctor->terminal.has_colour)
		printf("%s%s\033[0m%*s", verdicts[finding->verdict].colour, word,
		       (int)(INDENT - strlen(word)), "");
	else
		printf("%-*s", INDENT, word);
	snprintf(line, sizeof(line), "%s%s%s: %s", finding->check, finding->object ? " " : "",
		 finding->object ? finding->object : "", says);
	print_words(&doctor->terminal, line, INDENT);
	fflush(stdout);
}

void doctor_say(struct doctor *doctor, const struct doctor_finding *finding, const char *format,
		...)
{
	char says[3072];
	va_list args;

	va_start(args, format);
	vsnprintf(says, sizeof(says), format, args);
	va_end(args);
	doctor->count[finding->verdict]++;
	if (doctor->only_bad && finding->verdict < DOCTOR_WARNING)
		return;
	if (!doctor->json) {
		print_line(doctor, finding, says);
	} else if (!doctor->err) {
		const struct output_cell cells[] = {
			output_constant(verdicts[finding->verdict].word),
			output_string(finding->check),
			output_string(finding->object),
			finding->pid ? output_number((uint64_t)finding->pid) : output_none(),
			output_string(says),
		};

		doctor->err = output_add(doctor->json, cells);
	}
}
