/* SPDX-License-Identifier: MIT */
/*
 * kreg: many names in one call.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_MANY_H
#define KREG_MANY_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_key {
	const void *key;
	size_t key_size; /* or KREG_STRING */
};

struct kreg_item {
	const void *key;
	size_t key_size; /* or KREG_STRING */
	const void *value;
	size_t value_size; /* or KREG_STRING */
};

/*
 * Looks up @count keys, each as kreg_lookup() does. It is faster than one lookup after the
 * other if the registry is larger than the processor's cache, because the memory for the
 * next keys is fetched meanwhile. The results are not read at the same instant.
 *
 * @found: @count of them, in which the caller sets @value and @capacity. @size becomes the
 *         size of the value, and @owner the owner of the key. Or @size becomes the error of
 *         that key, as kreg_lookup() returns it, and except at -ERANGE @owner is undefined.
 * Context: any thread, a read-only handle, a child of fork(2); no lock and no system call, as
 *          kreg_lookup(). Unlike that it is not async-signal-safe.
 * Death: the entry of a dead owner is not found.
 * Return: how many keys have a @size that is no error, 0 included, or:
 *   -EINVAL        an argument is NULL
 * Since: 1.0
 */
int64_t kreg_lookup_many(struct kreg *k, const struct kreg_key *keys, size_t count,
			 struct kreg_found *found);

/*
 * Registers @count names, all or none. It first reserves all, as by KREG_REGISTER_RESERVED.
 * When nothing can fail any longer they become visible one after the other, in the order of
 * @items. So other processes may see some of the names before the rest, but never one that
 * is taken back because another name was not free.
 *
 * @failed: may be NULL; gets the index of the item that caused an error.
 * Context: as kreg_register().
 * Death: killed inside, the process has no entry, because it is dead.
 * Return: 0, or an error as kreg_register() returns it for one of the items, and none is
 *         registered. With unique keys two items of the same key are -EEXIST.
 * Since: 1.0
 */
int kreg_register_many(struct kreg *k, const struct kreg_item *items, size_t count, size_t *failed);

#ifdef __cplusplus
}
#endif
#endif
