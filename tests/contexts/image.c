/* SPDX-License-Identifier: MIT */
#include "tests/contexts/image.h"

#include <string.h>

#include "lib/inner.h"

/* FNV-1a of 64 bits. */
#define BEGINNING 14695981039346656037ull
#define PRIME 1099511628211ull

static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	size_t i;

	for (i = 0; i < size; i++)
		sum = (sum ^ at[i]) * PRIME;
	return (sum ^ size) * PRIME;
}

static uint64_t of_entry(const struct kreg_entry *entry)
{
	uint64_t sum = mix(BEGINNING, entry->key, entry->key_size);

	sum = mix(sum, entry->value, entry->value_size);
	sum = mix(sum, &entry->owner.token, sizeof(entry->owner.token));
	sum = mix(sum, &entry->position, sizeof(entry->position));
	return mix(sum, &entry->flags, sizeof(entry->flags));
}

static int add_entry(const struct kreg_entry *entry, void *data)
{
	struct image *image = data;

	image->entries++;
	image->sum_of_entries += of_entry(entry);
	return 0;
}

static int add_meta(const struct kreg_entry *entry, void *data)
{
	struct image *image = data;

	image->meta++;
	image->sum_of_meta += of_entry(entry);
	return 0;
}

/* The times go on. */
static int add_state(const char *space, const char *role, const struct kreg_service_state *state,
		     void *data)
{
	struct image *image = data;
	uint64_t sum = mix(mix(BEGINNING, space, strlen(space)), role, strlen(role));

	sum = mix(sum, &state->state, sizeof(state->state));
	image->states++;
	image->sum_of_states += mix(sum, &state->supervisor.token, sizeof(state->supervisor.token));
	return 0;
}

int image_take(struct kreg *k, struct image *image)
{
	KREG_PATTERN(all, .key = NULL);
	int err;

	memset(image, 0, sizeof(*image));
	err = kreg_inner_select_all(k, &all, add_entry, image);
	if (err)
		return err;
	err = kreg_meta_each(k, add_meta, image);
	if (err)
		return err;
	err = kreg_service_state_each(k, NULL, add_state, image);
	/* A registry with duplicate keys has no services. */
	return err == -EINVAL ? 0 : err;
}

bool image_is_same(const struct image *a, const struct image *b)
{
	return !memcmp(a, b, sizeof(*a));
}
