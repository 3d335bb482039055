/* SPDX-License-Identifier: MIT */
/*
 * tsearch(3) with results that are the items; its header has names that are ours.
 *
 * Context   any; allocates.
 * Used by   mirror_store.c.
 */
#ifndef KREG_LIB_TREE_H
#define KREG_LIB_TREE_H

#pragma GCC visibility push(hidden)

typedef int (*tree_compare_fn)(const void *a, const void *b);

/* What is in the tree and equal to @item, or @item, which is then in it. NULL: no memory. */
void *tree_add(void *item, void **tree, tree_compare_fn compare);
void *tree_find(const void *item, void *const *tree, tree_compare_fn compare);
void tree_remove(const void *item, void **tree, tree_compare_fn compare);

#pragma GCC visibility pop

#endif
