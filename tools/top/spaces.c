/* SPDX-License-Identifier: MIT */
/*
 * Namespaces in a tree, by name.
 */
#include "tools/top/spaces.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "tools/reported.h"

struct spaces {
	void *tree;
	struct space *last; /* names of one namespace often come together */
	struct reported reported;
	struct who_cache *who;
};

struct walk {
	int (*visit)(const struct space *space, void *data);
	void *data;
	int err;
};

static int compare(const void *x, const void *y)
{
	const struct space *a = x, *b = y;

	return strcmp(a->name, b->name);
}

static struct space *find(struct spaces *spaces, const char *name)
{
	struct space *space;
	void *found;

	if (spaces->last && !strcmp(spaces->last->name, name))
		return spaces->last;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	strcpy(space->name, name);
	found = tsearch(space, &spaces->tree, compare);
	if (!found || *(struct space **)found != space)
		free(space);
	return found ? spaces->last = *(struct space **)found : NULL;
}

static int count(const struct kreg_entry *entry, void *data)
{
	struct spaces *spaces = data;
	char name[KREG_NAMESPACE_MAX + 1], role[KREG_KEY_MAX + 1];
	const struct who *who;
	struct space *space;

	if (entry->position)
		return 0;
	if (kreg_service_parse(entry->key, entry->key_size, name, sizeof(name), role, sizeof(role)))
		strcpy(name, "-");
	else
		reported_mark(&spaces->reported, name, role);
	space = find(spaces, name);
	who = who_is(spaces->who, &entry->owner);
	if (!space || !who)
		return -ENOMEM;
	space->names++;
	space->running += who->state == WHO_RUNNING;
	space->stopped += who->state == WHO_STOPPED;
	return 0;
}

/* One that has ended is about to be restarted, or its supervisor does not look after it. */
static int count_absent(struct spaces *spaces, const struct reported_service *service)
{
	bool restarts =
		service->state == KREG_STATE_RESTARTING || service->state == KREG_STATE_ENDED;
	bool failed = service->state == KREG_STATE_FAILED;
	struct space *space;

	if (service->has_name || (!restarts && !failed))
		return 0;
	space = find(spaces, service->space);
	if (!space)
		return -ENOMEM;
	space->restarting += restarts;
	space->failed += failed;
	return 0;
}

static int count_all(struct spaces *spaces, struct kreg *k)
{
	struct kreg_pattern all = { .size = sizeof(all) };
	int err = reported_read(&spaces->reported, k);
	size_t i;

	/* With duplicate keys there are no services. */
	if (!err || err == -EINVAL)
		err = kreg_select(k, &all, count, spaces);
	for (i = 0; i < spaces->reported.count && !err; i++)
		err = count_absent(spaces, &spaces->reported.list[i]);
	return err;
}

static void show(const void *node, VISIT order, void *data)
{
	struct walk *walk = data;

	if ((order == postorder || order == leaf) && !walk->err)
		walk->err = walk->visit(*(const struct space *const *)node, walk->data);
}

int spaces_each(struct kreg *k, struct who_cache *who,
		int (*visit)(const struct space *space, void *data), void *data)
{
	struct spaces spaces = { .who = who };
	struct walk walk = { visit, data, count_all(&spaces, k) };

	if (!walk.err)
		twalk_r(spaces.tree, show, &walk);
	tdestroy(spaces.tree, free);
	reported_free(&spaces.reported);
	return walk.err;
}
