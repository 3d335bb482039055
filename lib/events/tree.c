/* SPDX-License-Identifier: MIT */
/*
 * A node of tsearch(3) begins with the pointer to its item.
 */
#include "lib/events/tree.h"

#include <search.h>
#include <stddef.h>

void *tree_add(void *item, void **tree, tree_compare_fn compare)
{
	void **node = tsearch(item, tree, compare);

	return node ? *node : NULL;
}

void *tree_find(const void *item, void *const *tree, tree_compare_fn compare)
{
	void **node = tfind(item, tree, compare);

	return node ? *node : NULL;
}

void tree_remove(const void *item, void **tree, tree_compare_fn compare)
{
	tdelete(item, tree, compare);
}
