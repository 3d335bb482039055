/* SPDX-License-Identifier: MIT */
/*
 * The mirror's memory: trees of tsearch(3) and lists. Each entry is in the tree by place,
 * in its key's list, and in its owner's.
 */
#include "lib/events/mirror_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/events/tree.h"
#include "lib/process/owner.h"

static int by_place(const void *a, const void *b)
{
	const struct mirror_entry *x = a, *y = b;

	if (x->token != y->token)
		return x->token < y->token ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int by_key(const void *a, const void *b)
{
	const struct mirror_key *x = a, *y = b;

	if (x->key_size != y->key_size)
		return x->key_size < y->key_size ? -1 : 1;
	return memcmp(x->key, y->key, x->key_size);
}

static int by_token(const void *a, const void *b)
{
	const struct mirror_owner *x = a, *y = b;

	return x->token < y->token ? -1 : x->token > y->token;
}

void mirror_init(struct mirror *m, struct kreg *k, const struct kreg_pattern *pattern)
{
	memset(m, 0, sizeof(*m));
	m->k = k;
	m->pattern = *pattern;
	CDS_INIT_LIST_HEAD(&m->owners);
	CDS_INIT_LIST_HEAD(&m->keys);
	CDS_INIT_LIST_HEAD(&m->events);
	CDS_INIT_LIST_HEAD(&m->blocked);
	CDS_INIT_LIST_HEAD(&m->absent);
	CDS_INIT_LIST_HEAD(&m->was_absent);
}

static struct mirror_key *key_get(struct mirror *m, const struct kreg_entry *entry)
{
	struct mirror_key sought = { .key = entry->key, .key_size = entry->key_size };
	struct mirror_key *key = tree_find(&sought, &m->by_key, by_key);

	if (key)
		return key;
	key = malloc(sizeof(*key) + entry->key_size);
	if (!key)
		return NULL;
	memcpy(key->bytes, entry->key, entry->key_size);
	key->key = key->bytes;
	key->key_size = entry->key_size;
	CDS_INIT_LIST_HEAD(&key->entries);
	CDS_INIT_LIST_HEAD(&key->blocked);
	if (!tree_add(key, &m->by_key, by_key)) {
		free(key);
		return NULL;
	}
	cds_list_add_tail(&key->node, &m->keys);
	return key;
}

static void key_put(struct mirror *m, struct mirror_key *key)
{
	if (!cds_list_empty(&key->entries))
		return;
	tree_remove(key, &m->by_key, by_key);
	cds_list_del(&key->blocked);
	cds_list_del(&key->node);
	free(key);
}

struct mirror_owner *owner_get(struct mirror *m, const struct kreg_owner *from)
{
	struct mirror_owner sought = { .token = from->token };
	struct mirror_owner *owner = tree_find(&sought, &m->by_token, by_token);

	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->token = from->token;
	owner->pid = from->pid;
	owner->fresh = true;
	CDS_INIT_LIST_HEAD(&owner->entries);
	if (!tree_add(owner, &m->by_token, by_token)) {
		free(owner);
		return NULL;
	}
	cds_list_add_tail(&owner->node, &m->owners);
	return owner;
}

int event_add(struct mirror *m, const struct kreg_event *event)
{
	const struct kreg_entry *from = &event->entry;
	struct mirror_event *copy = malloc(sizeof(*copy) + from->key_size + from->value_size);

	if (!copy)
		return -ENOMEM;
	copy->event = *event;
	if (from->key_size)
		memcpy(copy->bytes, from->key, from->key_size);
	if (from->value_size)
		memcpy(copy->bytes + from->key_size, from->value, from->value_size);
	copy->event.entry.key = copy->bytes;
	copy->event.entry.value = copy->bytes + from->key_size;
	cds_list_add_tail(&copy->node, &m->events);
	return 0;
}

int entry_tell_from(struct mirror *m, struct mirror_entry *entry, uint32_t type,
		    const struct kreg_owner *from)
{
	struct kreg_event event = { .type = type, .known = entry->known, .from = *from };

	/* Nothing is reported of what has ended or changed before all was read. */
	if (!m->begun)
		return 0;
	event.entry.key = entry->key->key;
	event.entry.key_size = entry->key->key_size;
	event.entry.value = entry->value;
	event.entry.value_size = entry->value_size;
	event.entry.owner.token = entry->token;
	event.entry.owner.pid = entry->owner->pid;
	if (type == KREG_EVENT_PURGE)
		event.end = owner_end(m->k, entry->token);
	if (type == KREG_EVENT_REGISTER || from->token) {
		entry->dump_told = false;
		entry->owner->has_untold = true;
	}
	return event_add(m, &event);
}

int entry_tell(struct mirror *m, struct mirror_entry *entry, uint32_t type)
{
	return entry_tell_from(m, entry, type, &(struct kreg_owner){ 0 });
}

void entry_free(struct mirror *m, struct mirror_entry *entry)
{
	struct mirror_key *key = entry->key;

	tree_remove(entry, &m->by_place, by_place);
	cds_list_del(&entry->of_key);
	cds_list_del(&entry->of_owner);
	cds_list_del(&entry->absent);
	free(entry->value);
	free(entry);
	key_put(m, key);
}

int entry_set_value(struct mirror_entry *entry, const void *value, size_t size)
{
	unsigned char *copy = malloc(size ? size : 1);

	if (!copy)
		return -ENOMEM;
	if (size)
		memcpy(copy, value, size);
	free(entry->value);
	entry->value = copy;
	entry->value_size = size;
	return 0;
}

struct mirror_entry *entry_find(struct mirror *m, owner_t token, place_t place)
{
	struct mirror_entry sought = { .token = token, .place = place };

	return tree_find(&sought, &m->by_place, by_place);
}

struct mirror_entry *entry_new(struct mirror *m, const struct news *news)
{
	struct mirror_owner *owner = owner_get(m, &news->entry.owner);
	struct mirror_key *key = owner ? key_get(m, &news->entry) : NULL;
	struct mirror_entry *entry = key ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry) {
		if (key)
			key_put(m, key);
		return NULL;
	}
	entry->token = owner->token;
	entry->place = news->place;
	entry->known = news->known;
	entry->seen = true;
	entry->key = key;
	entry->owner = owner;
	owner->has_untold = true;
	CDS_INIT_LIST_HEAD(&entry->absent);
	cds_list_add_tail(&entry->of_key, &key->entries);
	cds_list_add_tail(&entry->of_owner, &owner->entries);
	if (!entry_set_value(entry, news->entry.value, news->entry.value_size) &&
	    tree_add(entry, &m->by_place, by_place))
		return entry;
	entry_free(m, entry);
	return NULL;
}

struct mirror_entry *key_holder(const struct mirror_key *key)
{
	struct mirror_entry *entry;

	cds_list_for_each_entry (entry, &key->entries, of_key) {
		if (!entry->waiting)
			return entry;
	}
	return NULL;
}

struct mirror_key *key_find(struct mirror *m, const void *key, size_t key_size)
{
	struct mirror_key sought = { .key = key, .key_size = key_size };

	return tree_find(&sought, &m->by_key, by_key);
}

int entry_move(struct mirror *m, struct mirror_entry *entry, place_t place)
{
	tree_remove(entry, &m->by_place, by_place);
	entry->place = place;
	return tree_add(entry, &m->by_place, by_place) ? 0 : -ENOMEM;
}

/* The last ones of all, which no segment has: more than are lost before the next record is read. */
#define PLACES_NOWHERE 0x100000u

int entry_lose(struct mirror *m, struct mirror_entry *entry)
{
	return entry_move(m, entry, UINT32_MAX - m->nowhere++ % PLACES_NOWHERE);
}

void owner_free(struct mirror *m, struct mirror_owner *owner)
{
	tree_remove(owner, &m->by_token, by_token);
	cds_list_del(&owner->node);
	free(owner);
}

void mirror_free(struct mirror *m)
{
	struct mirror_event *event, *next_event;
	struct mirror_entry *entry, *next_entry;
	struct mirror_owner *owner, *next;

	cds_list_for_each_entry_safe (owner, next, &m->owners, node) {
		cds_list_for_each_entry_safe (entry, next_entry, &owner->entries, of_owner)
			entry_free(m, entry);
		owner_free(m, owner);
	}
	cds_list_for_each_entry_safe (event, next_event, &m->events, node)
		free(event);
}
