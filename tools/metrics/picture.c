/* SPDX-License-Identifier: MIT */
/*
 * The picture: what the files of the registries say, and what is read from those that are current.
 */
#include "tools/metrics/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often a registry that changes too quickly is read again: it must not be waited for. */
#define TRIES 3

struct owners {
	struct picture_registry *registry;
	struct who_cache *who;
};

static int count_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct owners *owners = data;
	const struct who *who = who_is(owners->who, &facts->owner);

	if (!who)
		return -ENOMEM;
	owners->registry->owners_by_state[who->state]++;
	return 0;
}

static int read_opened(struct picture_registry *registry, struct kreg *k)
{
	struct who_cache *who = who_new(k, 0);
	struct owners owners = { .registry = registry, .who = who };
	int err, tries = TRIES;

	if (!who)
		return -ENOMEM;
	do {
		registry->stat = (struct kreg_stat){ .size = sizeof(registry->stat) };
		err = kreg_stat(k, &registry->stat);
	} while (err == -EAGAIN && --tries);
	if (!err)
		err = kreg_each_owner(k, count_owner, &owners);
	if (!err && registry->keys == KREG_KEYS_UNIQUE)
		err = spaces_count(&registry->spaces, k, who);
	if (!err && registry->keys == KREG_KEYS_UNIQUE)
		err = bridges_read(&registry->bridges, k, NULL);
	who_free(who);
	return err;
}

static int read_registry(struct picture_registry *registry, const struct picture *picture,
			 const char *name)
{
	struct kreg_options options = *picture->options;
	struct kreg *k;
	int err;

	options.flags = KREG_OPEN_READONLY;
	options.directory = registry->directory;
	err = kreg_open(&k, name, &options);
	if (err)
		return err;
	err = read_opened(registry, k);
	kreg_close(k);
	return err;
}

static struct picture_registry *add(struct picture *picture)
{
	size_t room = picture->room ? 2 * picture->room : 8;
	struct picture_registry *registries = picture->registries;

	if (picture->count == picture->room) {
		registries = realloc(registries, room * sizeof(*registries));
		if (!registries)
			return NULL;
		picture->registries = registries;
		picture->room = room;
	}
	registries += picture->count++;
	*registries = (struct picture_registry){ 0 };
	return registries;
}

/* @name: as kreg_registry.name. NULL: no memory. */
static struct picture_registry *add_named(struct picture *picture, const char *name,
					  const char *directory)
{
	const char *colon = strchr(name, ':');
	struct picture_registry *registry = add(picture);

	if (!registry)
		return NULL;
	registry->name = strdup(colon ? colon + 1 : name);
	registry->directory = strdup(directory);
	return registry->name && registry->directory ? registry : NULL;
}

static int visit(const struct kreg_registry *found, void *data)
{
	struct picture *picture = data;
	struct picture_registry *registry;
	int err;

	if (picture->only && strcmp(picture->only, found->name) != 0)
		return 0;
	registry = add_named(picture, found->name, found->directory);
	if (!registry)
		return -ENOMEM;
	picture->found++;
	registry->state = found->state;
	registry->uid = found->uid;
	registry->mode = found->mode;
	registry->life = found->life;
	registry->layout = found->layout;
	registry->keys = found->keys;
	registry->bytes = found->bytes;
	registry->entries = found->entries;
	registry->owners = found->owners;
	if (registry->state != KREG_REGISTRY_CURRENT)
		return 0;
	err = read_registry(registry, picture, found->name);
	if (err == -ENOMEM)
		return err;
	registry->is_read = !err;
	if (err)
		picture->missed = err;
	return 0;
}

static int add_missing(struct picture *picture)
{
	struct picture_registry *registry = add_named(picture, picture->only, "");

	if (!registry)
		return -ENOMEM;
	registry->uid =
		strchr(picture->only, ':') ? (uint32_t)strtoul(picture->only, NULL, 10) : geteuid();
	return 0;
}

int picture_take(struct picture *picture)
{
	int err = kreg_registries_each(picture->options, 0, visit, picture);

	if (!err && picture->only && !picture->found)
		err = add_missing(picture);
	return err;
}

void picture_free(struct picture *picture)
{
	size_t i;

	for (i = 0; i < picture->count; i++) {
		free(picture->registries[i].name);
		free(picture->registries[i].directory);
		spaces_free(&picture->registries[i].spaces);
		bridges_free(&picture->registries[i].bridges);
	}
	free(picture->registries);
	picture->registries = NULL;
	picture->count = picture->room = picture->found = 0;
}
