/* SPDX-License-Identifier: MIT */
/*
 * The bridges as one document of JSON: the figures of the tables, and lists of what these have below.
 */
#include <errno.h>

#include "tools/cluster/figures.h"
#include "tools/cluster/show.h"
#include "tools/out/json.h"

static void write_patterns(struct json *json, const char *name, const struct bridge_list *patterns)
{
	const struct bridge_pattern *list = patterns->items;
	size_t i;

	if (patterns->is_cut) {
		json_null(json, name);
		return;
	}
	json_list(json, name);
	for (i = 0; i < patterns->count; i++)
		json_string(json, NULL, list[i].text);
	json_end_list(json);
}

static void write_members(struct json *json, const struct bridge *b)
{
	const struct bridge_member *list = b->member_list.items;
	char text[32];
	size_t i;

	json_list(json, "member_list");
	for (i = 0; i < b->member_list.count; i++) {
		const struct output_cell lease = cluster_lease(list[i].lease, text);

		json_map(json, NULL);
		json_string(json, "member", list[i].host);
		json_string(json, "version", list[i].version);
		json_string(json, "boot", list[i].boot);
		json_string(json, "registry", list[i].registry);
		json_number(json, "pid", list[i].pid);
		output_json_cell(json, &cluster_figures[FIGURE_LEASE], &lease);
		json_end_map(json);
	}
	json_end_list(json);
}

static void write_conflicts(struct json *json, const struct bridge *b)
{
	const struct bridge_conflict *list = b->conflict_list.items;
	size_t i;

	json_list(json, "conflict_list");
	for (i = 0; i < b->conflict_list.count; i++) {
		json_map(json, NULL);
		json_string(json, "conflict", list[i].name);
		json_string(json, "also_of", list[i].host);
		json_end_map(json);
	}
	json_end_list(json);
}

static void write_names(struct json *json, const struct cluster_names *names,
			const struct bridge *b)
{
	size_t i;

	if (!names)
		return;
	json_list(json, "names");
	for (i = 0; i < names->count; i++) {
		const struct cluster_name *name = &names->list[i];

		if (name->bridge != b)
			continue;
		json_break(json);
		json_map(json, NULL);
		json_text(json, "name", name->key, name->key_size);
		json_string(json, "is", cluster_name_kind(name->kind));
		if (*name->host)
			json_string(json, "host", name->host);
		else
			json_null(json, "host");
		json_end_map(json);
	}
	json_end_list(json);
}

static void write_one(struct json *json, const struct cluster_show *shown, const struct bridge *b)
{
	struct output_cell cells[FIGURES] = { 0 };
	struct figure_room room;
	size_t i;

	cluster_fill(b, shown->bridges->now, &room, cells);
	json_break(json);
	json_map(json, NULL);
	for (i = 0; i < FIGURES; i++) {
		if (i == FIGURE_EXPORT)
			write_patterns(json, "export", &b->exports);
		else if (i == FIGURE_IMPORT)
			write_patterns(json, "import", &b->imports);
		else
			output_json_cell(json, &cluster_figures[i], &cells[i]);
	}
	write_members(json, b);
	write_conflicts(json, b);
	write_names(json, shown->names, b);
	json_end_map(json);
}

int cluster_document(const struct cluster_show *shown)
{
	struct json *json = json_new(stdout);
	size_t i;
	int err;

	if (!json)
		return -ENOMEM;
	json_map(json, NULL);
	json_number(json, "version", JSON_VERSION);
	json_string(json, "registry", shown->registry);
	json_list(json, "clusters");
	for (i = 0; i < shown->bridges->count; i++) {
		if (!*shown->bridges->list[i].wrong)
			write_one(json, shown, &shown->bridges->list[i]);
	}
	json_end_list(json);
	json_end_map(json);
	err = json_line(json);
	json_free(json);
	return err == -EIO ? 0 : err;
}
