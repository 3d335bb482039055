/* SPDX-License-Identifier: MIT */
#include "bridge/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define OFTEN_NS 10000000000ull

#define LINE 2048

void say(const char *format, ...)
{
	char line[LINE];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	fprintf(stderr, "kreg-etcd: %s\n", line);
}

void say_often(struct say_often *often, const char *format, ...)
{
	unsigned long long now = clock_now();
	char line[LINE];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	snprintf(often->last, sizeof(often->last), "%.*s", SAY_LAST - 1, line);
	often->at = now;
	often->count++;
	if (now < often->next) {
		often->kept++;
		return;
	}
	say("%s", line);
	if (often->kept)
		say("and %llu more like this", often->kept);
	often->kept = 0;
	often->next = now + OFTEN_NS;
}

const char *say_bytes(char out[SAY_BYTES], const void *bytes, size_t size)
{
	const unsigned char *from = bytes;
	size_t at = 0, i;

	for (i = 0; i < size && at + 5 < SAY_BYTES; i++) {
		if (from[i] > 0x20 && from[i] < 0x7f && from[i] != '\\')
			out[at++] = (char)from[i];
		else
			at += (size_t)snprintf(out + at, 5, "\\x%02x", from[i]);
	}
	out[at] = 0;
	return out;
}
