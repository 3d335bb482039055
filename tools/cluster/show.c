/* SPDX-License-Identifier: MIT */
/*
 * The bridges for people: a line for each figure, and tables of what there are many of, as hosts.
 */
#include "tools/cluster/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/cluster/figures.h"

static const struct output_column member_columns[] = {
	{ "member", OUTPUT_TEXT }, { "version", OUTPUT_TEXT }, { "registry", OUTPUT_TEXT },
	{ "pid", OUTPUT_NUMBER },  { "lease", OUTPUT_TEXT },
};

static const struct output_column conflict_columns[] = {
	{ "conflict", OUTPUT_TEXT },
	{ "also_of", OUTPUT_TEXT },
};

static const struct output_column name_columns[] = {
	{ "name", OUTPUT_TEXT },
	{ "is", OUTPUT_TEXT },
	{ "host", OUTPUT_TEXT },
};

static int begin(struct cluster_show *shown, struct output **table, const char *name,
		 const struct output_column *columns, size_t count)
{
	const char *column;

	putchar('\n');
	return output_new(table, &shown->form, name, columns, count, &column);
}

static void more(uint64_t all, size_t listed)
{
	if (all > listed)
		printf("and %" PRIu64 " more\n", all - listed);
}

static int print_members(struct cluster_show *shown, const struct bridge *b)
{
	const struct bridge_member *list = b->member_list.items;
	struct output *table = NULL;
	char lease[32];
	int err = 0;
	size_t i;

	if (!b->member_list.count)
		return 0;
	err = begin(shown, &table, "members", member_columns, 5);
	for (i = 0; i < b->member_list.count && !err; i++) {
		const struct output_cell cells[] = {
			output_string(list[i].host),         output_string(list[i].version),
			output_string(list[i].registry),     output_number(list[i].pid),
			cluster_lease(list[i].lease, lease),
		};

		err = output_add(table, cells);
	}
	err = output_end(table, err);
	more(b->members, b->member_list.count);
	return err;
}

static int print_conflicts(struct cluster_show *shown, const struct bridge *b)
{
	const struct bridge_conflict *list = b->conflict_list.items;
	struct output *table = NULL;
	int err = 0;
	size_t i;

	if (!b->conflict_list.count)
		return 0;
	err = begin(shown, &table, "conflicts", conflict_columns, 2);
	for (i = 0; i < b->conflict_list.count && !err; i++) {
		const struct output_cell cells[] = { output_string(list[i].name),
						     output_string(list[i].host) };

		err = output_add(table, cells);
	}
	err = output_end(table, err);
	more(b->conflicts, b->conflict_list.count);
	return err;
}

static int print_names(struct cluster_show *shown, const struct bridge *b)
{
	struct output *table = NULL;
	int err = 0;
	size_t i;

	if (!shown->names)
		return 0;
	err = begin(shown, &table, "names", name_columns, 3);
	for (i = 0; i < shown->names->count && !err; i++) {
		const struct cluster_name *name = &shown->names->list[i];
		const struct output_cell cells[] = {
			output_bytes(name->key, name->key_size),
			output_constant(cluster_name_kind(name->kind)),
			*name->host ? output_string(name->host) : output_none(),
		};

		if (name->bridge == b)
			err = output_add(table, cells);
	}
	return output_end(table, err);
}

static int print_one(struct cluster_show *shown, const struct bridge *b)
{
	struct output_cell cells[FIGURES] = { 0 };
	struct figure_room room;
	int err;

	cluster_fill(b, shown->bridges->now, &room, cells);
	err = output_record(&shown->form, cluster_figures, FIGURES, cells);
	if (!err)
		err = print_members(shown, b);
	if (!err)
		err = print_conflicts(shown, b);
	return err ? err : print_names(shown, b);
}

int cluster_tables(struct cluster_show *shown)
{
	bool is_first = true;
	int err = 0;
	size_t i;

	/* There are several tables. */
	shown->form.no_pager = true;
	for (i = 0; i < shown->bridges->count && !err; i++) {
		if (*shown->bridges->list[i].wrong)
			continue;
		if (!is_first)
			putchar('\n');
		is_first = false;
		err = print_one(shown, &shown->bridges->list[i]);
	}
	return err == -EIO ? 0 : err;
}
