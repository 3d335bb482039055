/* SPDX-License-Identifier: MIT */
/*
 * Items: one for each name that this host or another one has, in a tree.
 */
#include <fnmatch.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"

static int compare(const void *a, const void *b)
{
	const struct name *one = a, *other = b;

	if (one->key_size != other->key_size)
		return one->key_size < other->key_size ? -1 : 1;
	return memcmp(one->key, other->key, one->key_size);
}

/* The name is first in an item, so a name can be looked for as one. */
_Static_assert(offsetof(struct item, name) == 0, "compare() is of names");

struct item *item_find(struct bridge *b, const struct name *name)
{
	struct item **found = tfind(name, &b->items, compare);

	return found ? *found : NULL;
}

struct item *item_get(struct bridge *b, const struct name *name)
{
	struct item *item = item_find(b, name);

	if (item)
		return item;
	item = calloc(1, sizeof(*item));
	if (!item)
		return NULL;
	item->name = *name;
	CDS_INIT_LIST_HEAD(&item->candidates);
	CDS_INIT_LIST_HEAD(&item->dirty);
	CDS_INIT_LIST_HEAD(&item->hidden);
	if (tsearch(item, &b->items, compare))
		return item;
	free(item);
	return NULL;
}

static void item_free(struct item *item)
{
	struct candidate *candidate, *next;

	cds_list_del(&item->hidden);
	cds_list_for_each_entry_safe (candidate, next, &item->candidates, of_item) {
		facts_free(&candidate->facts);
		free(candidate);
	}
	facts_free(&item->local);
	free(item);
}

void item_tidy(struct bridge *b, struct item *item)
{
	if (item->has_local || item->is_dirty || item->is_sent || item->shown || item->unique ||
	    !cds_list_empty(&item->candidates))
		return;
	tdelete(item, &b->items, compare);
	item_free(item);
}

struct all {
	struct item **items;
	size_t count, room;
};

static void collect(const void *node, VISIT visit, void *data)
{
	struct all *all = data;

	if (visit != postorder && visit != leaf)
		return;
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 1024;
		struct item **grown = realloc(all->items, room * sizeof(struct item *));

		if (!grown)
			return;
		all->items = grown;
		all->room = room;
	}
	all->items[all->count++] = *(struct item *const *)node;
}

/* A visitor may free its item, so all are noted first. */
void items_each(struct bridge *b, void (*visit)(struct bridge *, struct item *))
{
	struct all all = { 0 };
	size_t i;

	twalk_r(b->items, collect, &all);
	for (i = 0; i < all.count; i++)
		visit(b, all.items[i]);
	free(all.items);
}

static void free_visited(struct bridge *b, struct item *item)
{
	tdelete(item, &b->items, compare);
	item_free(item);
}

void items_free(struct bridge *b)
{
	items_each(b, free_visited);
}

bool patterns_match(char *const *patterns, size_t count, const struct name *name)
{
	char space[KREG_KEY_MAX + 1];
	size_t i;

	if (!record_namespace(name, space))
		return false;
	for (i = 0; i < count; i++) {
		if (!fnmatch(patterns[i], space, 0))
			return true;
	}
	return false;
}
