/* SPDX-License-Identifier: MIT */
/*
 * What this host has of the exported namespaces, as the listener says, and which of it etcd does
 * not have as it is.
 *
 *   event of a name                            the item
 *   registered, updated, given, taken over     is that of the owner, with the value; dirty
 *   unregistered, or its owner is dead         has none, if it was that owner's; dirty
 *   in etcd otherwise than here: other facts,  dirty
 *   another lease, or deleted by another
 *
 * A dirty item is written when its turn comes, as it is then: of many changes only the last one.
 * Names of other hosts are of the owner of shown.h, or of another bridge's, and not exported.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/bridge.h"

void export_dirty(struct bridge *b, struct item *item)
{
	if (item->is_dirty)
		return;
	item->is_dirty = true;
	b->waiting++;
	/* Where it is being written, it is in another list until the answer. */
	if (item->is_sent)
		return;
	item->since = clock_now();
	cds_list_add_tail(&item->dirty, &b->dirty);
}

static bool name_of_event(const struct kreg_event *event, struct name *name)
{
	if (!event->entry.key_size || event->entry.key_size > KREG_KEY_MAX)
		return false;
	memcpy(name->key, event->entry.key, event->entry.key_size);
	name->key_size = (uint32_t)event->entry.key_size;
	return true;
}

/* Kept, because /proc is asked, and an owner mostly registers several names in a row. */
static void ask_owner(struct bridge *b, const struct kreg_owner *owner)
{
	struct kreg_owner_facts facts;

	if (b->asked == owner->token)
		return;
	b->asked = owner->token;
	b->asked_uid = KREG_ID_UNKNOWN;
	b->asked_start = 0;
	if (kreg_owner_facts(b->k, owner, &facts))
		return;
	b->asked_uid = facts.uid;
	b->asked_start = facts.start;
}

void export_ask_owner(struct bridge *b, const struct kreg_owner *owner, uint32_t *uid,
		      uint64_t *start)
{
	ask_owner(b, owner);
	*uid = b->asked_uid;
	*start = b->asked_start;
}

static bool facts_of_event(struct bridge *b, const struct kreg_event *event, struct facts *out)
{
	*out = (struct facts){ .pid = (uint32_t)event->entry.owner.pid };
	export_ask_owner(b, &event->entry.owner, &out->uid, &out->start);
	out->value = malloc(event->entry.value_size + 1);
	if (!out->value)
		return false;
	memcpy(out->value, event->entry.value, event->entry.value_size);
	out->value_size = (uint32_t)event->entry.value_size;
	return true;
}

static void has_it(struct bridge *b, struct item *item, const struct kreg_event *event)
{
	struct facts facts;

	if (!facts_of_event(b, event, &facts)) {
		say("no memory for a name of this host: it is not exported");
		return;
	}
	facts_free(&item->local);
	item->local = facts;
	b->exported += !item->has_local;
	item->has_local = true;
	item->owner = event->entry.owner.token;
	export_dirty(b, item);
}

static void has_it_no_more(struct bridge *b, struct item *item, const struct kreg_event *event)
{
	if (!item->has_local || item->owner != event->entry.owner.token)
		return;
	facts_free(&item->local);
	item->has_local = false;
	b->exported--;
	export_dirty(b, item);
}

void export_event(struct bridge *b, const struct kreg_event *event)
{
	uint64_t owner = event->entry.owner.token;
	struct item *item;
	struct name name;

	if (!name_of_event(event, &name) || owner == shown_owner(b->names).token ||
	    !patterns_match(b->options->exports, b->options->export_count, &name) ||
	    claims_may(b, &name))
		return;
	switch (event->type) {
	case KREG_EVENT_REGISTER:
	case KREG_EVENT_UPDATE:
	case KREG_EVENT_GIVEN:
	case KREG_EVENT_TAKEN:
		if (kreg_remote_host(b->k, name.key, name.key_size, NULL) > 0)
			return;
		item = item_get(b, &name);
		if (item)
			has_it(b, item, event);
		return;
	case KREG_EVENT_UNREGISTER:
	case KREG_EVENT_PURGE:
		item = item_find(b, &name);
		if (item)
			has_it_no_more(b, item, event);
		return;
	default:
		return;
	}
}

static bool is_same(const struct facts *a, const struct facts *b)
{
	return a->value_size == b->value_size && a->uid == b->uid && a->pid == b->pid &&
	       a->start == b->start && !memcmp(a->value, b->value, a->value_size);
}

void export_seen(struct bridge *b, const struct name *name, bool is_there,
		 const struct facts *facts, uint64_t lease, uint64_t changed)
{
	struct item *item = item_get(b, name);

	if (!item)
		return;
	item->seen = b->snapshot;
	/* One that comes before what was written last says nothing of now. */
	if (item->is_sent || changed <= item->written)
		return;
	if (is_there != item->has_local ||
	    (is_there && (lease != b->lease || !facts || !is_same(facts, &item->local))))
		export_dirty(b, item);
	item_tidy(b, item);
}

static void compare(struct bridge *b, struct item *item)
{
	if (item->has_local && item->seen != b->snapshot)
		export_dirty(b, item);
}

void export_compare(struct bridge *b)
{
	items_each(b, compare);
}
