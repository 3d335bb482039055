/* SPDX-License-Identifier: MIT */
/*
 * A lookup of a value that is a string. Whether it is one is seen in the copy, so the answer is
 * from one moment, as that of a lookup.
 */
#include "lib/find/lookup.h"
#include "lib/find/text.h"
#include "lib/kreg.h"

ssize_t kreg_lookup_string(struct kreg *k, const void *key, size_t key_size, char *out,
			   size_t capacity, struct kreg_owner *owner)
{
	ssize_t got;

	if (lookup_is_wrong(k, key, key_size, out, capacity))
		got = lookup_refuse(k, __func__, key, key_size, "out");
	else
		got = kreg_lookup(k, key, key_size, out, text_room(out, capacity), owner);

	return text_end(out, capacity, got);
}
