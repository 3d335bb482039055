/* SPDX-License-Identifier: MIT */
/*
 * A look at a registry: its figures, its owners and its services.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

struct doctor_look *doctor_look_new(const struct kreg_registry *registry)
{
	struct doctor_look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	look->name = strdup(registry->name);
	look->directory = strdup(registry->directory);
	look->uid = registry->uid;
	if (look->name && look->directory)
		return look;
	doctor_look_free(look);
	return NULL;
}

static void forget(struct doctor_look *look)
{
	size_t i;

	for (i = 0; i < look->seen_count; i++)
		free(look->seen[i].key);
	free(look->seen);
	free(look->loads);
	look->seen = NULL;
	look->loads = NULL;
	look->seen_count = look->load_count = 0;
}

void doctor_look_free(struct doctor_look *look)
{
	if (!look)
		return;
	forget(look);
	free(look->name);
	free(look->directory);
	free(look);
}

/* Room for one more than @count, which doubles at powers of two. Return: NULL: no memory. */
static void *grown(void *at, size_t count, size_t size)
{
	if (count & (count - 1))
		return at;
	return realloc(at, (count ? 2 * count : 1) * size);
}

static int add_load(const struct kreg_owner_facts *facts, void *data)
{
	struct doctor_look *look = data;
	struct doctor_load *loads = grown(look->loads, look->load_count, sizeof(*loads)), *load;

	if (!loads)
		return -ENOMEM;
	look->loads = loads;
	load = &loads[look->load_count++];
	*load = (struct doctor_load){
		.owner = facts->owner,
		.entries = facts->entries,
		.bytes = facts->bytes,
		.readers = facts->readers,
		.expelled = facts->expelled,
		.expelled_ms = facts->expelled_ms,
	};
	memcpy(load->comm, facts->comm, sizeof(facts->comm));
	return 0;
}

static int add_seen(const struct kreg_service *service, void *data)
{
	struct doctor_look *look = data;
	struct doctor_seen *seen = grown(look->seen, look->seen_count, sizeof(*seen));
	char key[KREG_KEY_MAX + 1];

	if (!seen)
		return -ENOMEM;
	look->seen = seen;
	snprintf(key, sizeof(key), "%s/%s", service->space, service->role);
	seen[look->seen_count].owner = service->owner;
	seen[look->seen_count].key = strdup(key);
	return seen[look->seen_count].key ? (look->seen_count++, 0) : -ENOMEM;
}

static int by_key(const void *a, const void *b)
{
	const struct doctor_seen *one = a, *other = b;

	return strcmp(one->key, other->key);
}

int doctor_look_fill(struct doctor_look *look, struct kreg *k)
{
	int err;

	look->stat = (struct kreg_stat){ .size = sizeof(look->stat) };
	look->when_ms = doctor_now_ms();
	err = kreg_stat(k, &look->stat);
	if (!err)
		err = kreg_each_owner(k, add_load, look);
	if (!err && look->stat.keys == KREG_KEYS_UNIQUE)
		err = kreg_service_each_reserved(k, NULL, add_seen, look);
	look->is_filled = !err;
	if (err)
		forget(look);
	else if (look->seen_count)
		qsort(look->seen, look->seen_count, sizeof(*look->seen), by_key);
	return err;
}

const struct doctor_load *doctor_look_load(const struct doctor_look *look,
					   const struct kreg_owner *owner)
{
	size_t i;

	for (i = 0; i < look->load_count; i++) {
		if (look->loads[i].owner.token == owner->token)
			return &look->loads[i];
	}
	return NULL;
}

const struct doctor_seen *doctor_look_seen(const struct doctor_look *look, const char *key)
{
	const struct doctor_seen wanted = { .key = (char *)(uintptr_t)key };

	if (!look->seen_count)
		return NULL;
	return bsearch(&wanted, look->seen, look->seen_count, sizeof(*look->seen), by_key);
}
