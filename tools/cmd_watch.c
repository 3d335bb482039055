/* SPDX-License-Identifier: MIT */
/*
 * regtool watch: prints events as they happen.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/signal_name.h"
#include "tools/client.h"
#include "tools/out/text.h"
#include "tools/regtool.h"
#include "tools/selection.h"

static const char *const names[] = {
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

static const char *end_of(const struct kreg_event *event)
{
	uint32_t code = (uint32_t)event->end.code;

	return code < sizeof(ends) / sizeof(ends[0]) ? ends[code] : "";
}

static int print_json(const struct output_form *form, const struct kreg_event *event)
{
	static const struct output_column columns[] = {
		{ "event", OUTPUT_TEXT }, { "key", OUTPUT_TEXT },      { "pid", OUTPUT_NUMBER },
		{ "value", OUTPUT_TEXT }, { "known", OUTPUT_NUMBER },  { "lost", OUTPUT_NUMBER },
		{ "end", OUTPUT_TEXT },   { "status", OUTPUT_NUMBER }, { "from", OUTPUT_NUMBER },
	};
	const struct kreg_entry *entry = &event->entry;
	bool ended = *end_of(event);
	const struct output_cell cells[] = {
		output_string(names[event->type]),
		output_bytes(entry->key, entry->key_size),
		output_number((uint64_t)entry->owner.pid),
		output_bytes(entry->value, entry->value_size),
		output_number(event->known),
		output_number(event->lost),
		ended ? output_string(end_of(event)) : output_none(),
		ended ? output_number((uint64_t)event->end.status) : output_none(),
		event->from.token ? output_number((uint64_t)event->from.pid) : output_none(),
	};

	return output_record(form, columns, 9, cells);
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

static void print_line(const struct kreg_event *event)
{
	const struct kreg_entry *entry = &event->entry;

	printf("%-10s %7d ", names[event->type], entry->owner.pid);
	if (event->type == KREG_EVENT_OVERRUN) {
		printf("%" PRIu64 " missed\n", event->lost);
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

/* Prints @count events; 0: never ends. */
static int watch(struct client *client, struct kreg_listener *listener, uint64_t count)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;
	uint64_t printed = 0;
	int got = 0;

	while (!count || printed < count) {
		got = kreg_listener_next(listener, &event);
		if (got == -EAGAIN)
			continue;
		if (got < 0)
			return got;
		if (!got) {
			if (fflush(stdout))
				return -errno;
			poll(&at, 1, -1);
			continue;
		}
		printed++;
		if (!client->form.json)
			print_line(&event);
		else if (print_json(&client->form, &event))
			return -ENOMEM;
	}
	return 0;
}

static int open_and_watch(struct client *client, const struct kreg_pattern *pattern, uint32_t flags,
			  uint64_t count)
{
	struct kreg_listener *listener;
	struct kreg *k;
	int status = client_open(client, KREG_OPEN_EXISTING, &k);
	int err;

	if (status)
		return status;
	err = kreg_listen(&listener, k, pattern, flags);
	if (!err) {
		err = watch(client, listener, count);
		kreg_listener_close(listener);
	}
	if (err)
		status = client_fail(client, err, "watch registry \"%s\"", client->name);
	kreg_close(k);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	struct selection selection;
	uint64_t count = 0;
	uint32_t flags = KREG_LISTEN_DUMPS;
	int option, status = REGTOOL_DONE;

	selection_init(&selection);
	while (!status && (option = client_option(client, argc, argv)) != -1) {
		if (option == 'k')
			flags |= KREG_LISTEN_KNOWN;
		else if (option != 'c')
			status = selection_option(client, &selection, option, optarg);
		else if (client_range(client, "--count", optarg, 0, UINT32_MAX, &count))
			return REGTOOL_USAGE;
	}
	if (!status)
		status = client_arguments(client, argc, argv);
	if (status)
		return status;
	return open_and_watch(client, &selection.pattern, flags, count);
}

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	{ "known", 'k', NULL, "begin with the entries that exist" },
	{ "count", 'c', "N", "exit after N events" },
	{ 0 },
};

COMMAND(watch) = {
	.name = "watch",
	.group = COMMAND_WAITS,
	.synopsis = "watch " SELECTION_SYNOPSIS " [--known] [--count N] [--json]",
	.summary = "print events as they happen",
	.options = options,
	.run = run,
};
