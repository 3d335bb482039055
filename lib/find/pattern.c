/* SPDX-License-Identifier: MIT */
/*
 * Patterns are matched in two steps: first what can be tested on the shared entry, then
 * what needs a copy of it.
 */
#include "lib/find/pattern.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

int pattern_check(struct kreg *k, const struct kreg_pattern *given, struct kreg_pattern *out)
{
	int err = k ? struct_of_call(k, out, given, "pattern") : refuse(k, K_IS_NULL);

	if (err)
		return err;
	out->size = sizeof(*out);
	if (!out->key && out->key_size)
		return refuse(k, "pattern->key is NULL, but its size is not 0");
	if (!out->prefix && out->prefix_size)
		return refuse(k, "pattern->prefix is NULL, but its size is not 0");
	if (out->owner && !out->owner->token)
		return refuse(k, "pattern->owner has a token of 0: take an owner that a call has "
				 "returned");
	/* No value is longer, so nothing matches one that is. */
	err = value_of_call(k, out->value, &out->value_size, "pattern->value");
	if (err && err != -EMSGSIZE)
		return err;
	if (out->prefix && out->prefix_size == KREG_STRING)
		out->prefix_size = strlen(out->prefix);
	return out->key ? key_of_call(k, out->key, &out->key_size) : 0;
}

static bool key_may_match(const struct kreg *k, const struct found *found, const void *bytes,
			  size_t size, bool whole)
{
	size_t key_size = entry_key_size(found->info);

	if (key_size < size || (whole && key_size != size))
		return false;
	return entry_has_room(&k->segment, found->entry, ENTRY_HEAD + (uint32_t)key_size) &&
	       (!size || copy_equals(found->entry->bytes, bytes, size));
}

bool pattern_may_match(const struct kreg *k, const struct kreg_pattern *pattern,
		       const struct found *found)
{
	const void *value;
	uint32_t size;

	if (pattern->owner && found->owner != pattern->owner->token)
		return false;
	if (pattern->key && !key_may_match(k, found, pattern->key, pattern->key_size, true))
		return false;
	if (!key_may_match(k, found, pattern->prefix, pattern->prefix_size, false))
		return false;
	if (!pattern->value)
		return true;
	value = entry_value(&k->segment, found->entry, found->info, &size);
	return value && size == pattern->value_size && copy_equals(value, pattern->value, size);
}

static bool glob_matches(const char *glob, const struct kreg_entry *entry)
{
	char key[KREG_KEY_MAX + 1];

	/* A key with a 0 byte is not a string, so no glob matches it. */
	if (memchr(entry->key, 0, entry->key_size))
		return false;
	memcpy(key, entry->key, entry->key_size);
	key[entry->key_size] = 0;
	return !fnmatch(glob, key, 0);
}

bool pattern_matches(const struct kreg_pattern *pattern, const struct kreg_entry *entry)
{
	if (pattern->glob && !glob_matches(pattern->glob, entry))
		return false;
	return !pattern->match || pattern->match(entry, pattern->data);
}
