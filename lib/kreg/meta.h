/* SPDX-License-Identifier: MIT */
/*
 * kreg: meta. Keys and values of the registry itself, which outlive every process.
 *
 * Include <kreg.h>, which states what holds for all calls. Any process that may write the
 * registry may change its meta. Meta is for what is read often and changed seldom: each of
 * these calls copies all of it, and a change writes all of it again. The keys are separate
 * from those of names.
 *
 * Many keys are put by one kreg_meta_put_many(), in the time that one kreg_meta_put() takes.
 */
#ifndef KREG_META_H
#define KREG_META_H

#include <kreg/base.h>
#include <kreg/many.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of all keys and values together, with 8 bytes for each pair. */
#define KREG_META_MAX 1048576

/*
 * kreg_meta_put() sets @key to @value; kreg_meta_delete() removes @key. If two processes set
 * the same key, the later change wins.
 *
 * @key: 1 to 255 bytes.
 * @value: 0 to 65536 bytes. With KREG_STRING as the size, a C string without its NUL.
 * Context: any thread; lock-free between processes. No waiter is woken, and listeners get no
 *          event.
 * Death: killed inside, the change has happened or has not. Earlier changes stay.
 * Return: 0, or an error, and nothing has changed:
 *   -ENOENT        kreg_meta_delete(): there is no such key
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EMSGSIZE      the value is longer than 65536 bytes
 *   -ENOSPC        KREG_META_MAX is reached
 *   -ENOSPC        the registry or its file system is full, or has no room in one piece
 *   -EAGAIN        other processes changed meta too often; retry
 *   -EROFS         the handle is read-only
 *   -ENOBUFS       no slot is free for this thread
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 * Since: 1.0
 */
int kreg_meta_put(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size);
int kreg_meta_delete(struct kreg *k, const void *key, size_t key_size);

/*
 * kreg_meta_put() for each of @items, as one change: other processes see all of it or nothing.
 * Of items with the same key the last one counts. The other keys stay.
 *
 * @count: of @items. With 0 nothing changes; it is an error where a change would be one.
 * Context: as kreg_meta_put(). It takes one change's time, and that of sorting the keys.
 * Death: killed inside, all of @items are put or none.
 * Return: 0, or an error as kreg_meta_put(), for one of @items or for their sum, and nothing
 *         has changed.
 * Since: 1.0
 */
int kreg_meta_put_many(struct kreg *k, const struct kreg_item *items, size_t count);

/*
 * Copies the value of @key. kreg_meta_get_string() makes a C string of it, as
 * kreg_lookup_string() does.
 *
 * @value: room for @capacity bytes. NULL with a capacity of 0 asks for the size.
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. It takes
 *          no lock. The time is proportional to the size of all meta.
 * Death: as kreg_meta_put().
 * Return: the size of the value, >= 0, or an error:
 *   -ENOENT        there is no such key
 *   -ERANGE        the value is larger than @capacity, with its NUL for a string; nothing was
 *                  copied
 *   -EILSEQ        kreg_meta_get_string(): the value has a NUL inside
 *   -EINVAL        an argument is not allowed
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 * Since: 1.0
 */
ssize_t kreg_meta_get(struct kreg *k, const void *key, size_t key_size, void *value,
		      size_t capacity);
ssize_t kreg_meta_get_string(struct kreg *k, const void *key, size_t key_size, char *out,
			     size_t capacity);

/*
 * Visits all keys and values of an atomic copy. The owner of the entries is 0.
 *
 * @visit: returns 0 to go on, another value to stop with it. May call kreg.
 * Context: as kreg_meta_get().
 * Return: 0, or what the visitor returned; an error as kreg_meta_get(), but never -ENOENT,
 *         -ENAMETOOLONG.
 * Since: 1.0
 */
int kreg_meta_each(struct kreg *k, kreg_visit_fn visit, void *data);

#ifdef __cplusplus
}
#endif
#endif
