/* SPDX-License-Identifier: MIT */
/*
 * Events as lines.
 */
#include "tools/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/signal_name.h"
#include "tools/out/text.h"

enum {
	EVENT_TYPE,
	EVENT_TIME,
	EVENT_KEY,
	EVENT_VALUE,
	EVENT_PID,
	EVENT_COMM,
	EVENT_UID,
	EVENT_STATE,
	EVENT_KNOWN,
	EVENT_LOST,
	EVENT_END,
	EVENT_STATUS,
	EVENT_FROM,
	EVENT_CELLS,
};

/* The cells of an owner that an event has; its pid it knows itself. */
enum { COMM = 1, UID = 2, STATE = 4 };

static const struct output_column columns[EVENT_CELLS] = {
	[EVENT_TYPE] = { "event", OUTPUT_TEXT },    [EVENT_TIME] = { "time", OUTPUT_SECONDS },
	[EVENT_KEY] = { "key", OUTPUT_TEXT },       [EVENT_VALUE] = { "value", OUTPUT_TEXT },
	[EVENT_PID] = { "pid", OUTPUT_NUMBER },     [EVENT_COMM] = { "comm", OUTPUT_TEXT },
	[EVENT_UID] = { "uid", OUTPUT_NUMBER },     [EVENT_STATE] = { "state", OUTPUT_TEXT },
	[EVENT_KNOWN] = { "known", OUTPUT_NUMBER }, [EVENT_LOST] = { "lost", OUTPUT_NUMBER },
	[EVENT_END] = { "end", OUTPUT_TEXT },       [EVENT_STATUS] = { "status", OUTPUT_NUMBER },
	[EVENT_FROM] = { "from", OUTPUT_NUMBER },
};

static const char *const names[EVENT_TYPES] = {
	[KREG_EVENT_REGISTER] = "register", [KREG_EVENT_UNREGISTER] = "unregister",
	[KREG_EVENT_UPDATE] = "update",     [KREG_EVENT_PURGE] = "purge",
	[KREG_EVENT_OVERRUN] = "overrun",   [KREG_EVENT_DUMP] = "dump",
	[KREG_EVENT_GIVEN] = "given",       [KREG_EVENT_TAKEN] = "taken",
};

static const char *const ends[] = {
	[KREG_END_UNKNOWN] = "",
	[KREG_END_EXITED] = "exited",
	[KREG_END_KILLED] = "killed",
	[KREG_END_DUMPED] = "dumped",
};

const char *event_name(uint32_t type)
{
	return names[type];
}

static const char *end_of(const struct kreg_event *event)
{
	uint32_t code = (uint32_t)event->end.code;

	return code < sizeof(ends) / sizeof(ends[0]) ? ends[code] : "";
}

/* In milliseconds since 1970. */
static uint64_t now(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int event_print_json(const struct output_form *form, const struct kreg_event *event,
		     const struct who *who)
{
	const struct kreg_entry *entry = &event->entry;
	struct output_cell cells[EVENT_CELLS] = { 0 };

	cells[EVENT_TYPE] = output_constant(names[event->type]);
	cells[EVENT_TIME] = output_number(now());
	if (entry->key_size) {
		cells[EVENT_KEY] = output_bytes(entry->key, entry->key_size);
		cells[EVENT_VALUE] = output_bytes(entry->value, entry->value_size);
	}
	if (entry->owner.pid)
		cells[EVENT_PID] = output_number((uint64_t)entry->owner.pid);
	if (who) {
		cells[EVENT_COMM] = who->cells[COMM];
		cells[EVENT_UID] = who->cells[UID];
		cells[EVENT_STATE] = who->cells[STATE];
	}
	cells[EVENT_KNOWN] = output_number(event->known);
	cells[EVENT_LOST] = output_number(event->lost);
	if (*end_of(event)) {
		cells[EVENT_END] = output_constant(end_of(event));
		cells[EVENT_STATUS] = output_number((uint64_t)event->end.status);
	}
	if (event->from.token)
		cells[EVENT_FROM] = output_number((uint64_t)event->from.pid);
	return output_record(form, columns, EVENT_CELLS, cells);
}

/* How the owner ended, if that is known. */
static void print_end(const struct kreg_event *event)
{
	const char *name;

	if (!*end_of(event))
		return;
	if (event->end.code == KREG_END_EXITED) {
		printf(" (exited with %d)", event->end.status);
		return;
	}
	name = signal_name(event->end.status);
	printf(" (killed by %s%s%s)", name ? "SIG" : "a signal", name ? name : "",
	       event->end.code == KREG_END_DUMPED ? ", core dumped" : "");
}

void event_print_line(const struct kreg_event *event)
{
	const struct kreg_entry *entry = &event->entry;

	printf("%-10s %7d ", names[event->type], entry->owner.pid);
	if (event->type == KREG_EVENT_OVERRUN) {
		if (event->lost)
			printf("%" PRIu64 " missed\n", event->lost);
		else
			puts("some missed");
		return;
	}
	text_print(stdout, entry->key, entry->key_size);
	if (entry->value_size)
		putchar(' ');
	text_print(stdout, entry->value, entry->value_size);
	print_end(event);
	if (event->from.token)
		printf(" (from %d)", event->from.pid);
	putchar('\n');
}
