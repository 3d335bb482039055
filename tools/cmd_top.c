/* SPDX-License-Identifier: MIT */
/*
 * regtool top: the owners of a registry and what they do, on the full screen or as plain tables.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "tools/interval.h"
#include "tools/top/panel.h"
#include "tools/top/screen.h"

#define INTERVAL_MS 2000

struct top {
	struct client *client;
	struct kreg *k;
	struct panel panel;
	struct interval interval;
	bool batch;
	uint64_t tables;
};

/* One table. */
static int print(const struct sample *sample, void *data)
{
	struct top *top = data;
	struct panel *panel = &top->panel;
	int err = panel_make(panel, top->k, top->client->name, sample, PANEL_COLUMNS);
	size_t i;

	if (err)
		return err;
	if (top->tables++)
		putchar('\n');
	for (i = 0; i < PANEL_SUMMARY; i++)
		printf("%s\n", panel->summary[i]);
	printf("\n%s\n", panel->heading);
	for (i = 0; i < panel->count; i++)
		printf("%s\n", panel->rows[i].line);
	return 0;
}

static int take_sort(struct top *top, const char *name)
{
	int order = panel_order_of(name + (*name == '-'));

	if (order < 0)
		return client_misuse(top->client,
				     "--sort: \"%s\" is none of entries, entries_rate, "
				     "updates_rate, bytes, bytes_rate, held_up, expelled and pid",
				     name);
	top->panel.order = (enum panel_order)order;
	top->panel.reverse = *name == '-';
	return REGTOOL_DONE;
}

static int take(struct top *top, int option, const char *argument)
{
	switch (option) {
	case 'b':
		top->batch = true;
		return REGTOOL_DONE;
	case 'N':
		top->panel.namespaces = true;
		return REGTOOL_DONE;
	case 'f':
		snprintf(top->panel.filter, sizeof(top->panel.filter), "%s", argument);
		return REGTOOL_DONE;
	case 'o':
		return take_sort(top, argument);
	case 'n':
		return interval_option(top->client, &top->interval, 'c', argument);
	default:
		return interval_option(top->client, &top->interval, 'i', argument);
	}
}

static int parse(struct top *top, int argc, char **argv)
{
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(top->client, argc, argv)) != -1)
		status = take(top, option, optarg);
	if (!status && top->client->form.json)
		status = client_misuse(top->client,
				       "top: for JSON use `regtool owners --interval 1 --json`");
	return status ? status : client_arguments(top->client, argc, argv);
}

static int run(struct client *client, int argc, char **argv)
{
	struct top top = { .client = client, .interval.ms = INTERVAL_MS };
	int err, status = parse(&top, argc, argv);

	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &top.k);
	if (status)
		return status;
	err = top.batch ? interval_run(top.k, &top.interval, print, &top)
			: screen_run(top.k, client->name, &top.interval, &top.panel);
	panel_free(&top.panel);
	if (err == -ENOTTY) {
		fputs("regtool: top needs a terminal, and ncurses when it is built; without them "
		      "use `regtool top --batch`\n",
		      stderr);
		status = REGTOOL_ERROR;
	} else if (err) {
		status = client_fail(client, err, "watch registry \"%s\"", client->name);
	}
	kreg_close(top.k);
	return status;
}

static const struct command_option options[] = {
	{ "interval", 'd', "SECONDS", "look again after SECONDS; 2 without it", true },
	{ "batch", 'b', NULL, "print plain tables, without a terminal", true },
	{ "count", 'n', "N", "end after N looks", true },
	{ "sort", 'o', "COLUMN",
	  "the largest entries, entries_rate, updates_rate, bytes,\nbytes_rate, held_up or "
	  "expelled first, or by pid; -COLUMN: last",
	  false },
	{ "filter", 'f', "TEXT", "only lines that have TEXT", false },
	{ "namespaces", 'N', NULL, "namespaces instead of processes", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool top", "who does what; q leaves it" },
	{ "regtool top --sort held_up", "who keeps memory from being reused" },
	{ "regtool top -b -n 1 -d 5", "one table, of five seconds" },
	{ 0 },
};

COMMAND(top) = {
	.name = "top",
	.group = COMMAND_READS,
	.synopsis = "top [--interval SECONDS] [--batch] [--count N] [--sort COLUMN] "
		    "[--filter TEXT] [--namespaces]",
	.summary = "show which processes use a registry, and how, on the full screen",
	.options = options,
	.examples = examples,
	.run = run,
};
