/* SPDX-License-Identifier: MIT */
/*
 * regtool tree: namespaces with their supervisors and services.
 *
 *   NAME             STATE                        PID COMM     AGE WHY       VALUE
 *   10 namespaces    197 running, 3 restarting
 *   blue             19 running, 1 restarting
 *   |- supervisor    running                     4711 regtool  3m  -         regtool up blue.ini
 *   |  |- cache      running                     4712 cache    3m
 *   |  `- db         restarting                     - -         -  SIGSEGV, again in 2 s
 *   `- beside        running                     4713 beside   3m
 */
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/out/json.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"
#include "tools/tree.h"

/* More services than that are counted where they run: with headings that is a terminal. */
#define SHOWN_MAX 20

#define DEPTH_SPACES 1
#define DEPTH_ALL 2

enum { NAME, STATE, PID, COMM, AGE, WHY, VALUE, CELLS };

/* Of the cells of an owner. */
enum { WHO_PID, WHO_COMM, WHO_UID, WHO_AGE };

static const struct output_column columns[CELLS] = {
	{ "name", OUTPUT_TEXT },  { "state", OUTPUT_TEXT },  { "pid", OUTPUT_NUMBER },
	{ "comm", OUTPUT_TEXT },  { "age", OUTPUT_SECONDS }, { "why", OUTPUT_TEXT },
	{ "value", OUTPUT_TEXT },
};

struct lines {
	const char *before, *last; /* a branch, and the last one */
	const char *passing, *none;
};

static const struct lines ascii = { "|- ", "`- ", "|  ", "   " };
static const struct lines utf8 = { "├─ ", "└─ ", "│  ", "   " };

struct drawing {
	struct output *output;
	const struct lines *lines;
	uint64_t depth; /* DEPTH_*; 0: all if it is not too much */
};

static enum output_mood mood_of(int state)
{
	switch (state) {
	case WHO_RUNNING:
		return OUTPUT_PLAIN;
	case TREE_STARTING:
	case TREE_STOPPING:
	case TREE_WAITING:
	case TREE_ENDED:
	case TREE_RESTARTING:
	case WHO_ZOMBIE:
		return OUTPUT_WARNING;
	case TREE_DONE:
	case TREE_DOWN:
	case WHO_UNKNOWN:
		return OUTPUT_DIM;
	default:
		return OUTPUT_BAD;
	}
}

/* "18 running, 2 restarting", in the worst mood of them. */
static int draw_counts(const struct drawing *drawing, const char *name, const size_t *states)
{
	static const int order[TREE_STATES] = {
		WHO_RUNNING,     TREE_STARTING, TREE_STOPPING, TREE_WAITING, TREE_ENDED,
		TREE_RESTARTING, TREE_FAILED,   TREE_DONE,     TREE_DOWN,    WHO_STOPPED,
		WHO_DUMPING,     WHO_ZOMBIE,    WHO_FORGED,    WHO_UNKNOWN,
	};
	struct output_cell cells[CELLS] = { 0 };
	char text[TREE_STATES * 40] = "none";
	size_t used = 0, i;

	for (i = 0; i < TREE_STATES; i++) {
		if (!states[order[i]])
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu %s",
					 used ? ", " : "", states[order[i]],
					 tree_state_name(order[i]));
		if (mood_of(order[i]) != OUTPUT_PLAIN && cells[STATE].mood != OUTPUT_BAD)
			cells[STATE].mood = mood_of(order[i]);
	}
	cells[NAME] = output_string(name);
	cells[STATE] = (struct output_cell){
		.bytes = text, .size = strlen(text), .is_there = true, .mood = cells[STATE].mood
	};
	return output_add(drawing->output, cells);
}

/* "SIGKILL", "exit status 1"; or the error of a start. False: nothing is known. */
static bool write_end(const struct kreg_service_state *reported, char *text, size_t size)
{
	const char *name;

	if (reported->error && reported->error != -ECHILD) {
		snprintf(text, size, "%s", kreg_strerror(reported->error));
		return true;
	}
	if (reported->end.code == KREG_END_EXITED) {
		snprintf(text, size, "exit status %d", reported->end.status);
		return true;
	}
	if (reported->end.code != KREG_END_KILLED && reported->end.code != KREG_END_DUMPED)
		return false;
	name = sigabbrev_np(reported->end.status);
	snprintf(text, size, "SIG%s%s", name ? name : "?",
		 reported->end.code == KREG_END_DUMPED ? ", core dumped" : "");
	return true;
}

/* How its last run ended, and what comes next. */
static struct output_cell why_cell(const struct tree_service *service, char *text, size_t size)
{
	const struct kreg_service_state *reported = &service->reported;
	bool has_end = service->is_supervised && write_end(reported, text, size);
	size_t used = has_end ? strlen(text) : 0;

	if (service->state == TREE_RESTARTING)
		snprintf(text + used, size - used, "%sagain in %" PRId64 " s", used ? ", " : "",
			 (reported->next_ms + 999) / 1000);
	else if (!has_end)
		return output_none();
	used = strlen(text);
	if (reported->restarts)
		snprintf(text + used, size - used, ", %" PRIu32 " restart%s", reported->restarts,
			 reported->restarts == 1 ? "" : "s");
	return output_string(text);
}

static int draw_service(const struct drawing *drawing, const char *outer, bool is_last,
			const struct tree_service *service)
{
	const struct lines *lines = drawing->lines;
	struct output_cell cells[CELLS] = { 0 };
	char name[KREG_ROLE_MAX + 32], why[256];

	snprintf(name, sizeof(name), "%s%s%s", outer, is_last ? lines->last : lines->before,
		 service->role);
	cells[NAME] = output_string(name);
	cells[STATE] = output_constant(tree_state_name(service->state));
	cells[STATE].mood = mood_of(service->state);
	cells[WHY] = why_cell(service, why, sizeof(why));
	if (service->who) {
		cells[PID] = service->who->cells[WHO_PID];
		cells[COMM] = service->who->cells[WHO_COMM];
		cells[AGE] = service->who->cells[WHO_AGE];
		cells[VALUE] = output_bytes(service->value, service->value_size);
	}
	return output_add(drawing->output, cells);
}

static int draw_rest(const struct drawing *drawing, const char *outer, size_t running)
{
	struct output_cell cells[CELLS] = { 0 };
	char name[64];

	if (!running)
		return 0;
	snprintf(name, sizeof(name), "%s%s%zu more", outer, drawing->lines->last, running);
	cells[NAME] = output_string(name);
	cells[STATE] = output_constant(tree_state_name(WHO_RUNNING));
	return output_add(drawing->output, cells);
}

/* Services at one level; those that run are counted if they are too many. */
static int draw_level(const struct drawing *drawing, const char *outer,
		      const struct tree_service *services, size_t count)
{
	size_t running = 0, last = count, i;
	int err = 0;

	for (i = 0; i < count; i++) {
		if (drawing->depth != DEPTH_ALL && services[i].state == WHO_RUNNING)
			running++;
		else
			last = i;
	}
	for (i = 0; i < count && !err; i++) {
		if (drawing->depth == DEPTH_ALL || services[i].state != WHO_RUNNING)
			err = draw_service(drawing, outer, i == last && !running, &services[i]);
	}
	return err ? err : draw_rest(drawing, outer, running);
}

static int draw_space(const struct drawing *drawing, const struct tree_space *space)
{
	size_t supervised = 0;
	int err = draw_counts(drawing, space->name, space->states);

	if (err || drawing->depth == DEPTH_SPACES)
		return err;
	while (supervised < space->count && space->services[supervised].is_supervised)
		supervised++;
	if (space->supervisor) {
		err = draw_service(drawing, "", supervised == space->count, space->supervisor);
		if (!err)
			err = draw_level(drawing,
					 supervised == space->count ? drawing->lines->none
								    : drawing->lines->passing,
					 space->services, supervised);
	}
	if (err)
		return err;
	return draw_level(drawing, "", space->services + supervised, space->count - supervised);
}

static int draw(struct client *client, const struct tree *tree, uint64_t depth)
{
	struct drawing drawing = { .depth = depth, .lines = &ascii };
	const char *wrong;
	char name[64];
	size_t i;
	int err;

	if (!strcmp(nl_langinfo(CODESET), "UTF-8"))
		drawing.lines = &utf8;
	if (!depth && tree->total + 2 * tree->space_count <= SHOWN_MAX)
		drawing.depth = DEPTH_ALL;
	err = output_new(&drawing.output, &client->form, "tree", columns, CELLS, &wrong);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%zu namespace%s", tree->space_count,
		 tree->space_count == 1 ? "" : "s");
	if (tree->space_count)
		err = draw_counts(&drawing, name, tree->states);
	for (i = 0; i < tree->space_count && !err; i++)
		err = draw_space(&drawing, &tree->spaces[i]);
	return output_end(drawing.output, err);
}

static void write_states(struct json *json, size_t services, const size_t *states)
{
	int state;

	json_number(json, "services", services);
	json_map(json, "states");
	for (state = 0; state < TREE_STATES; state++)
		json_number(json, tree_state_name(state), states[state]);
	json_end_map(json);
}

static void write_number(struct json *json, const char *name, const struct output_cell *cell)
{
	if (cell && cell->is_there)
		json_number(json, name, cell->number);
	else
		json_null(json, name);
}

static void write_reported(struct json *json, const struct tree_service *service)
{
	const struct kreg_service_state *reported = &service->reported;
	char text[256];

	if (service->is_supervised)
		json_number(json, "restarts", reported->restarts);
	else
		json_null(json, "restarts");
	if (service->state == TREE_RESTARTING)
		json_seconds(json, "next", (uint64_t)reported->next_ms);
	else
		json_null(json, "next");
	if (service->is_supervised && write_end(reported, text, sizeof(text)))
		json_string(json, "why", text);
	else
		json_null(json, "why");
}

static void write_service(struct json *json, const char *name, const struct tree_service *service)
{
	const struct output_cell *cells = service->who ? service->who->cells : NULL;

	json_map(json, name);
	json_string(json, "role", service->role);
	json_string(json, "state", tree_state_name(service->state));
	json_bool(json, "supervised", service->is_supervised);
	write_reported(json, service);
	write_number(json, "pid", cells ? &cells[WHO_PID] : NULL);
	if (cells && cells[WHO_COMM].is_there)
		json_text(json, "comm", cells[WHO_COMM].bytes, cells[WHO_COMM].size);
	else
		json_null(json, "comm");
	write_number(json, "uid", cells ? &cells[WHO_UID] : NULL);
	if (cells && cells[WHO_AGE].is_there)
		json_seconds(json, "age", cells[WHO_AGE].number);
	else
		json_null(json, "age");
	if (cells)
		json_text(json, "value", service->value, service->value_size);
	else
		json_null(json, "value");
	json_end_map(json);
}

static void write_space(struct json *json, const struct tree_space *space, uint64_t depth)
{
	size_t i;

	json_break(json);
	json_map(json, NULL);
	json_string(json, "namespace", space->name);
	write_states(json, space->count, space->states);
	if (space->supervisor)
		write_service(json, "supervisor", space->supervisor);
	else
		json_null(json, "supervisor");
	if (depth != DEPTH_SPACES) {
		json_list(json, "list");
		for (i = 0; i < space->count; i++)
			write_service(json, NULL, &space->services[i]);
		json_end_list(json);
	}
	json_end_map(json);
}

static int write_json(const struct tree *tree, uint64_t depth)
{
	struct json *json = json_new(stdout);
	size_t i;
	int err;

	if (!json)
		return -ENOMEM;
	json_map(json, NULL);
	json_number(json, "version", JSON_VERSION);
	write_states(json, tree->total, tree->states);
	json_list(json, "namespaces");
	for (i = 0; i < tree->space_count; i++)
		write_space(json, &tree->spaces[i], depth);
	json_end_list(json);
	json_end_map(json);
	err = json_line(json);
	json_free(json);
	return err == -EIO ? 0 : err;
}

static int show(struct client *client, struct kreg *k, const char *space, uint64_t depth)
{
	struct who_cache *who = who_new(k, 0);
	struct tree tree = { 0 };
	int err = -ENOMEM, status = REGTOOL_DONE;

	progress_begin("reading", 0);
	if (who)
		err = tree_look(&tree, k, space, who);
	progress_end();
	if (!err && space && !tree.space_count)
		status = REGTOOL_NOT_FOUND;
	if (status)
		fprintf(stderr,
			"regtool: nothing is registered in namespace \"%s\" of registry "
			"\"%s\"\n",
			space, client->name);
	else if (!err && client->form.json)
		err = write_json(&tree, depth);
	else if (!err)
		err = draw(client, &tree, space && !depth ? DEPTH_ALL : depth);
	if (err)
		status = client_fail(client, err, "draw registry \"%s\"", client->name);
	tree_free(&tree);
	who_free(who);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	const char *space = NULL;
	uint64_t depth = 0;
	struct kreg *k;
	int status;

	while (client_option(client, argc, argv) != -1) {
		status = client_range(client, "--depth", optarg, DEPTH_SPACES, DEPTH_ALL, &depth);
		if (status)
			return status;
	}
	status = client_arguments(client, argc, argv);
	if (!status && optind < argc) {
		space = argv[optind];
		status = client_check_namespace(client, space);
	}
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &k);
	if (status)
		return status;
	status = show(client, k, space, depth);
	kreg_close(k);
	return status;
}

static const struct command_option options[] = {
	{ "depth", 'd', "N",
	  "1: namespaces alone; 2: all services. Without it those that run are\n"
	  "only counted where they are many" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool tree", "where something does not run" },
	{ "regtool tree production", "all of one namespace" },
	{ "regtool tree --json | jq '.namespaces[] | select(.states.restarting > 0).namespace'",
	  "the namespaces in which something is restarting" },
	{ 0 },
};

COMMAND(tree) = {
	.name = "tree",
	.group = COMMAND_READS,
	.synopsis = "tree [NS] [--depth N] [--json]",
	.summary = "draw namespaces with their services and states",
	.options = options,
	.examples = examples,
	.arguments = "NS",
	.most = 1,
	.run = run,
};
