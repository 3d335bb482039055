/* SPDX-License-Identifier: MIT */
/*
 * kreg: meta. The registry's own keys and values, which outlive every process.
 *
 * Use <kreg.h>, which says what holds for all calls. Whoever may write the registry may change its meta. It
 * is for what is read often and changed seldom: a change copies all of it.
 */
#ifndef KREG_META_H
#define KREG_META_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All keys and values together, with a few bytes for each. */
#define KREG_META_MAX 1048576

/*
 * Sets @key to @value; removes it.
 *
 * Death: killed inside, the change has happened or has not.
 * Return: 0; kreg_meta_delete: -ENOENT there is no such key. -EMSGSIZE the value is too large; -ENOSPC the
 *         registry, its file system or KREG_META_MAX is full; errors as kreg_register() has them for key
 *         and handle.
 * Since: 1.0
 */
int kreg_meta_put(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size);
int kreg_meta_delete(struct kreg *k, const void *key, size_t key_size);

/*
 * The value of @key. Takes no lock; a read-only handle will do. Takes time by the size of all meta.
 * Return: the value's size; if that is larger than @capacity, nothing was copied. -ENOENT; -EINVAL;
 *         -ENAMETOOLONG; -EAGAIN, -EUCLEAN as kreg_lookup(); -ENOMEM.
 * Since: 1.0
 */
ssize_t kreg_meta_get(struct kreg *k, const void *key, size_t key_size, void *value,
		      size_t capacity);

/*
 * Visits all of them, as they were at one moment; the owner is 0.
 * Return: 0, or what the visitor returned; errors as kreg_meta_get().
 * Since: 1.0
 */
int kreg_meta_each(struct kreg *k, kreg_visit_fn visit, void *data);

#ifdef __cplusplus
}
#endif
#endif
