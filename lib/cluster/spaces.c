/* SPDX-License-Identifier: MIT */
#include "lib/cluster/spaces.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>

struct wanted {
	char space[KREG_KEY_MAX + 1];
	struct entry_key *out;
};

size_t spaces_of(const void *key, size_t key_size)
{
	const char *bytes = key, *slash = memchr(key, '/', key_size);
	size_t size = slash ? (size_t)(slash - bytes) : 0;

	if (!size || size + 1 == key_size || *bytes == '.' || memchr(key, 0, size))
		return 0;
	return size;
}

/* Patterns of another process: each has to end where they end. */
static bool is_among(const char *patterns, size_t size, const char *space)
{
	while (size) {
		const char *end = memchr(patterns, 0, size);

		if (!end)
			return false;
		if (!fnmatch(patterns, space, 0))
			return true;
		size -= (size_t)(end + 1 - patterns);
		patterns = end + 1;
	}
	return false;
}

static int look(const struct kreg_entry *entry, void *data)
{
	const size_t tail = strlen(BRIDGE_SPACES);
	struct wanted *wanted = data;
	const char *key = entry->key;

	if (entry->key_size <= strlen(BRIDGE_PREFIX) + tail ||
	    memcmp(key + entry->key_size - tail, BRIDGE_SPACES, tail) != 0 ||
	    !is_among(entry->value, entry->value_size, wanted->space))
		return 0;
	wanted->out->size = entry->key_size - tail;
	memcpy(wanted->out->bytes, key, wanted->out->size);
	return 1;
}

int spaces_bridge(struct kreg *k, const void *key, size_t key_size, struct entry_key *out)
{
	struct wanted wanted = { .out = out };
	size_t size = spaces_of(key, key_size);
	int got;

	if (!size)
		return -ENOENT;
	memcpy(wanted.space, key, size);
	got = kreg_each(k, BRIDGE_PREFIX, strlen(BRIDGE_PREFIX), look, &wanted);
	if (got < 0)
		return got;
	return got ? 0 : -ENOENT;
}
