/* SPDX-License-Identifier: MIT */
/*
 * regtool watch: prints events as they happen.
 *
 * The listener selects by key. The process, its state and the value are compared here. An overrun
 * is always printed: without it the others would look complete.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/boot_time.h"
#include "tools/client.h"
#include "tools/event.h"
#include "tools/out/text.h"
#include "tools/regtool.h"
#include "tools/selection.h"
#include "tools/suggest.h"

#define TIMEOUT_MAX 1000000000

struct watch {
	struct client *client;
	struct selection selection;
	uint32_t flags; /* KREG_LISTEN_* */
	uint32_t types; /* of events: a bit for each; 0: all */
	uint64_t count; /* 0: no end */
	uint64_t printed;
	int64_t timeout_ms; /* < 0: none */
	int64_t end_ms;     /* by boot_time_ms() */
};

static int64_t left_ms(const struct watch *watch)
{
	int64_t left = watch->timeout_ms < 0 ? INT_MAX : watch->end_ms - boot_time_ms();

	return left < 0 ? 0 : left;
}

static bool is_of(const struct watch *watch, const struct kreg_event *event,
		  const struct kreg_owner *owner)
{
	const struct kreg_pattern *pattern = &watch->selection.pattern;
	struct kreg_entry entry = event->entry;

	entry.owner = *owner;
	return !pattern->match || pattern->match(&entry, pattern->data);
}

static bool is_wanted(const struct watch *watch, const struct kreg_event *event)
{
	const struct kreg_pattern *pattern = &watch->selection.pattern;
	const struct kreg_entry *entry = &event->entry;

	if (event->type == KREG_EVENT_OVERRUN)
		return true;
	if (watch->types && !(watch->types & 1u << event->type))
		return false;
	if (pattern->value && (entry->value_size != pattern->value_size ||
			       memcmp(entry->value, pattern->value, pattern->value_size)))
		return false;
	/* What passes from one process to another is an event of both. */
	return is_of(watch, event, &entry->owner) ||
	       (event->from.token && is_of(watch, event, &event->from));
}

static int print(struct watch *watch, const struct kreg_event *event)
{
	const struct who *who = NULL;

	if (event->type != KREG_EVENT_OVERRUN)
		watch->printed++;
	if (!watch->client->form.json) {
		event_print_line(event);
		return 0;
	}
	if (event->entry.owner.token) {
		who = who_is(watch->selection.who, &event->entry.owner);
		if (!who)
			return -ENOMEM;
	}
	return event_print_json(&watch->client->form, event, who);
}

/* A state is that of now, so an owner is looked at again after each sleep. */
static int forget_owners(struct watch *watch, struct kreg *k)
{
	who_free(watch->selection.who);
	watch->selection.who = who_new(k, 0);
	return watch->selection.who ? 0 : -ENOMEM;
}

/* Return: 0; -ETIMEDOUT; -EPIPE, if nobody reads any longer: SIGPIPE comes with a write only. */
static int sleep_for_more(struct watch *watch, struct kreg_listener *listener)
{
	struct pollfd at[] = { { .fd = kreg_listener_fd(listener), .events = POLLIN },
			       { .fd = STDOUT_FILENO } };
	int64_t left = left_ms(watch);

	if (fflush(stdout))
		return -errno;
	if (!left)
		return -ETIMEDOUT;
	poll(at, 2, watch->timeout_ms < 0 ? -1 : (int)(left < INT_MAX ? left : INT_MAX));
	if (at[1].revents & POLLERR) {
		raise(SIGPIPE);
		return -EPIPE;
	}
	return 0;
}

static bool is_there(const struct kreg_event *event)
{
	return event->known && event->type == KREG_EVENT_REGISTER;
}

static int follow(struct watch *watch, struct kreg *k, struct kreg_listener *listener)
{
	struct kreg_event event;
	int got, err = forget_owners(watch, k);

	while (!err && (!watch->count || watch->printed < watch->count)) {
		got = kreg_listener_next(listener, &event);
		if (got < 0 && got != -EAGAIN)
			return got;
		if (!got) {
			err = sleep_for_more(watch, listener);
			if (!err)
				err = forget_owners(watch, k);
			continue;
		}
		/* What was there is all printed, however little time there is. */
		if ((got < 0 || !is_there(&event)) && !left_ms(watch))
			return -ETIMEDOUT;
		if (got > 0 && is_wanted(watch, &event))
			err = print(watch, &event);
	}
	return err;
}

/* Less has happened than was waited for. */
static int end_in_time(const struct watch *watch)
{
	if (watch->printed && !watch->count)
		return REGTOOL_DONE;
	if (watch->count)
		fprintf(stderr,
			"regtool: timed out: %" PRIu64 " of %" PRIu64
			" events in registry \"%s\"\n",
			watch->printed, watch->count, watch->client->name);
	else
		fprintf(stderr, "regtool: timed out: no event in registry \"%s\"\n",
			watch->client->name);
	return REGTOOL_NOT_FOUND;
}

static int open_and_follow(struct watch *watch)
{
	struct kreg_pattern keys = watch->selection.pattern;
	struct client *client = watch->client;
	struct kreg_listener *listener;
	struct kreg *k;
	int err, status = client_open(client, KREG_OPEN_EXISTING, &k);

	if (status)
		return status;
	/* A listener takes neither. */
	keys.value = NULL;
	keys.value_size = 0;
	keys.match = NULL;
	watch->end_ms = watch->timeout_ms < 0 ? 0 : boot_time_ms() + watch->timeout_ms;
	err = kreg_listen(&listener, k, &keys, watch->flags);
	if (!err) {
		err = follow(watch, k, listener);
		kreg_listener_close(listener);
	}
	if (err == -ETIMEDOUT)
		status = end_in_time(watch);
	else if (err)
		status = client_fail(client, err, "watch registry \"%s\"", client->name);
	who_free(watch->selection.who);
	kreg_close(k);
	return status;
}

/* The registry keeps no history. */
static int take_since(struct watch *watch, const char *since)
{
	if (!strcmp(since, "now"))
		return REGTOOL_DONE;
	if (strcmp(since, "start"))
		return client_misuse(watch->client,
				     "--since: \"%s\" is neither now nor start; a registry keeps "
				     "no history, and does not know when a name was registered",
				     since);
	watch->flags |= KREG_LISTEN_KNOWN;
	return REGTOOL_DONE;
}

static int no_such_type(const char *word)
{
	struct suggestion suggestion = { .typed = word };
	uint32_t type;

	for (type = 1; type < EVENT_TYPES; type++)
		suggest(&suggestion, event_name(type));
	fputs("regtool: --events: there is no event \"", stderr);
	text_print(stderr, word, strlen(word));
	if (suggestion.word)
		fprintf(stderr, "\"; did you mean %s?\n", suggestion.word);
	else
		fputs("\"; see `regtool help watch`\n", stderr);
	return REGTOOL_USAGE;
}

/* "register,purge". */
static int take_types(struct watch *watch, const char *list)
{
	char words[128], *word, *rest = NULL;
	uint32_t type;

	if (snprintf(words, sizeof(words), "%s", list) >= (int)sizeof(words))
		return no_such_type(list);
	for (word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		for (type = 1; type < EVENT_TYPES && strcmp(event_name(type), word);)
			type++;
		if (type == EVENT_TYPES)
			return no_such_type(word);
		watch->types |= 1u << type;
	}
	return watch->types ? REGTOOL_DONE : no_such_type(list);
}

static int take_option(struct watch *watch, int option, const char *argument)
{
	switch (option) {
	case 'k':
		return take_since(watch, "start");
	case 'S':
		return take_since(watch, argument);
	case 'e':
		return take_types(watch, argument);
	case 't':
		return client_seconds(watch->client, "--timeout", argument, TIMEOUT_MAX,
				      &watch->timeout_ms);
	case 'c':
		return client_range(watch->client, "--count", argument, 0, UINT32_MAX,
				    &watch->count);
	default:
		return selection_option(watch->client, &watch->selection, option, argument);
	}
}

static int run(struct client *client, int argc, char **argv)
{
	struct watch watch = { .client = client, .flags = KREG_LISTEN_DUMPS, .timeout_ms = -1 };
	int option, status = REGTOOL_DONE;

	selection_init(&watch.selection);
	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = take_option(&watch, option, optarg);
	if (!status)
		status = client_arguments(client, argc, argv);
	if (!status && optind < argc)
		status = selection_prefix(client, &watch.selection, argv[optind]);
	return status ? status : open_and_follow(&watch);
}

static const struct command_option options[] = {
	SELECTION_OPTIONS,
	SELECTION_OWNER_OPTIONS,
	{ "events", 'e', "TYPES",
	  "these, apart by commas: register, update, unregister, given,\n"
	  "taken, purge, dump; an overrun is always printed" },
	{ "since", 'S', "WHEN",
	  "start: begin with the entries that exist; now: what happens from\n"
	  "now on, which is usual" },
	{ "known", 'k', NULL, "as --since start" },
	{ "timeout", 't', "SECONDS",
	  "exit then; with status 1 if there were not N events, or none" },
	{ "count", 'c', "N", "exit after N events" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool watch --events purge cache/", "who of the caches dies, and of what" },
	{ "regtool watch --events register --count 1 --timeout 5 --key lock",
	  "whether anybody takes a name within five seconds" },
	{ "regtool watch --since start --json --namespace production",
	  "what there is and what becomes of it, an object a line" },
	{ 0 },
};

COMMAND(watch) = {
	.name = "watch",
	.group = COMMAND_WAITS,
	.synopsis = "watch [PREFIX] " SELECTION_SYNOPSIS " " SELECTION_OWNER_SYNOPSIS
		    " [--events TYPES] [--since now|start] [--known] [--timeout SECONDS] "
		    "[--count N] [--json]",
	.summary = "print events as they happen",
	.options = options,
	.examples = examples,
	.arguments = "PREFIX",
	.most = 1,
	.run = run,
};
