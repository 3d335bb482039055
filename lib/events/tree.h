/* SPDX-License-Identifier: MIT */
/*
 * tsearch(3) with items as results. Wrapped, because <search.h> declares names that the
 * library uses itself.
 *
 * Context   any; allocates.
 * Used by   mirror_store.c.
 */
#ifndef KREG_LIB_TREE_H
#define KREG_LIB_TREE_H

#pragma GCC visibility push(hidden)

typedef int (*tree_compare_fn)(const void *a, const void *b);

/*
 * Returns the item in the tree that is equal to @item, or adds @item and returns it.
 * NULL: out of memory.
 */
void *tree_add(void *item, void **tree, tree_compare_fn compare);
void *tree_find(const void *item, void *const *tree, tree_compare_fn compare);
void tree_remove(const void *item, void **tree, tree_compare_fn compare);

#pragma GCC visibility pop

#endif
