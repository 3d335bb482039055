/* SPDX-License-Identifier: MIT */
/*
 * kreg: many names in one call.
 *
 * Use <kreg.h>, which says what holds for all calls.
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
	size_t value_size;
};

/*
 * Looks up @count keys, each as kreg_lookup() does, and faster than one by one where the registry is
 * larger than the cache: the memory for the next ones is fetched meanwhile. Each answer is of a moment
 * of its own.
 *
 * @found: @count of them, with @value and @capacity set. @size becomes the value's size, or the error
 *         of that key alone: -ENOENT, -EINVAL, -ENAMETOOLONG, -EAGAIN, -EUCLEAN, -ENOMEM.
 * Context: as kreg_lookup(), but not async-signal-safe.
 * Return: how many were found, >= 0; -EINVAL.
 * Since: 1.0
 */
int64_t kreg_lookup_many(struct kreg *k, const struct kreg_key *keys, struct kreg_found *found,
			 size_t count);

/*
 * Registers @count names, all or none. First all are taken, as by KREG_REGISTER_RESERVED; when nothing
 * can fail any more they become visible one after the other.
 *
 * @failed: may be NULL; at an error the index of the item that caused it.
 * Death: killed inside, none is there.
 * Return: 0; the error of kreg_register() for one of them, and then none is registered.
 * Since: 1.0
 */
int kreg_register_many(struct kreg *k, const struct kreg_item *items, size_t count, size_t *failed);

#ifdef __cplusplus
}
#endif
#endif
