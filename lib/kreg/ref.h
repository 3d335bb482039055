/* SPDX-License-Identifier: MIT */
/*
 * kreg: references, for names that are looked up again and again.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_REF_H
#define KREG_REF_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A key, and what its last lookup has remembered. It is the caller's own, and nothing has to
 * be freed. A copy is another reference.
 */
struct kreg_ref {
	/* It stays as it is as long as the reference is used. */
	const void *key;
	uint32_t key_size;
	/* Of the library. */
	uint32_t reserved;
	uint64_t remembered[6];
};

/*
 * A new reference to a key, to initialize one with: struct kreg_ref ref = KREG_REF("db",
 * KREG_STRING). One that is to be used for another key is assigned a new one.
 */
#define KREG_REF(of_key, of_size)                                                                  \
	{                                                                                          \
		(of_key),                                                                          \
			(uint32_t)((of_size) == KREG_STRING || (of_size) <= KREG_KEY_MAX           \
					   ? (of_size)                                             \
					   : KREG_KEY_MAX + 1),                                    \
			0,                                                                         \
		{                                                                                  \
			0, 0, 0, 0, 0, 0                                                           \
		}                                                                                  \
	}

/*
 * As kreg_lookup() of the reference's key, and what it returns is as new. It takes a few
 * loads instead of a search as long as the name has the owner and the value that it had at
 * the last lookup by @ref. Where much is registered and unregistered meanwhile, a reference
 * that was not used for some milliseconds searches again.
 *
 * @ref: used by one thread at a time; a signal handler has its own. Not in memory that other
 *       processes see.
 * @owner: may be NULL.
 * Context: as kreg_lookup().
 * Death: the entry of a dead owner is not found.
 * Return: as kreg_lookup().
 * Since: 1.0
 */
ssize_t kreg_ref_lookup(struct kreg *k, struct kreg_ref *ref, void *value, size_t capacity,
			struct kreg_owner *owner);

#ifdef __cplusplus
}
#endif
#endif
