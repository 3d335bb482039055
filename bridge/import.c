/* SPDX-License-Identifier: MIT */
/*
 * What other hosts have, and which of it is registered here.
 *
 * Of several hosts that have a name, the one that has had it longest in etcd is registered, so
 * that all hosts without that name find the same. A name of this host is in front of all of them,
 * and nothing waits behind it: a process of this host that queues for the name is not to wait for
 * another host. One that is unique in the cluster is before all other hosts', and does not yield
 * to a registration of this host.
 *
 *   known of the name               registered here by this host     not
 *   no other host has it            not shown                        not shown
 *   other hosts have it             hidden                           the first of them is shown
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"

/* @host NULL: the one that is unique. */
static struct candidate *candidate_of(const struct item *item, const char *host)
{
	struct candidate *candidate;

	cds_list_for_each_entry (candidate, &item->candidates, of_item) {
		if (host ? !candidate->is_unique && !strcmp(candidate->host, host)
			 : candidate->is_unique)
			return candidate;
	}
	return NULL;
}

const struct candidate *import_first(const struct item *item)
{
	const struct candidate *candidate, *first = NULL;

	cds_list_for_each_entry (candidate, &item->candidates, of_item) {
		if (candidate->is_unique)
			return candidate;
		if (!first || candidate->created < first->created)
			first = candidate;
	}
	return first;
}

static void hide(struct bridge *b, struct item *item)
{
	if (!item->shown)
		return;
	b->is_lost |= shown_drop(b->names, &item->name) == -EPIPE;
	item->shown = 0;
	b->shown--;
}

static void set_hidden(struct bridge *b, struct item *item, bool is_hidden)
{
	if (item->is_hidden == is_hidden)
		return;
	item->is_hidden = is_hidden;
	if (is_hidden) {
		cds_list_add_tail(&item->hidden, &b->hidden);
		b->hidden_count++;
	} else {
		cds_list_del_init(&item->hidden);
		b->hidden_count--;
	}
}

static void say_conflict(struct bridge *b, struct item *item, const struct candidate *other)
{
	char text[SAY_BYTES];

	if (!item->is_hidden)
		say_often(&b->conflicts, "%s is of this host and of host %s: this host's is found",
			  say_bytes(text, item->name.key, item->name.key_size), other->host);
	set_hidden(b, item, true);
}

/* Whether a process of this host has the name. */
static bool is_taken(struct bridge *b, const struct item *item)
{
	struct kreg_owner owner;

	return !kreg_whereis(b->k, item->name.key, item->name.key_size, &owner) &&
	       owner.token != shown_owner(b->names).token;
}

void import_show(struct bridge *b, struct item *item)
{
	const struct candidate *first = b->is_gone ? NULL : import_first(item);
	char text[SAY_BYTES];
	int err = 0;

	if (!first) {
		hide(b, item);
		set_hidden(b, item, false);
		return;
	}
	if (is_taken(b, item)) {
		hide(b, item);
		say_conflict(b, item, first);
		return;
	}
	if (item->shown == first->changed && item->is_stale == b->is_stale)
		return;
	err = shown_put(b->names, &item->name, &first->facts, first->host,
			first->is_unique ? first->created : first->changed, b->is_stale,
			first->is_unique);
	b->is_lost |= err == -EPIPE;
	if (err == -EEXIST) {
		hide(b, item);
		say_conflict(b, item, first);
		return;
	}
	set_hidden(b, item, false);
	if (err) {
		say_often(&b->refused, "%s of host %s is not registered: %s",
			  say_bytes(text, item->name.key, item->name.key_size), first->host,
			  kreg_strerror(err));
		return;
	}
	b->shown += !item->shown;
	item->shown = first->changed;
	item->is_stale = b->is_stale;
}

/* Takes the memory of @facts. */
static void put(struct bridge *b, const struct name *name, const char *host, bool is_unique,
		struct facts *facts, uint64_t created, uint64_t changed)
{
	struct item *item = item_get(b, name);
	struct candidate *candidate = item ? candidate_of(item, is_unique ? NULL : host) : NULL;

	if (item && !candidate && b->candidates < b->options->most)
		candidate = calloc(1, sizeof(*candidate));
	if (!candidate) {
		say_often(&b->full, "%llu names of other hosts are known, and no more are taken",
			  (unsigned long long)b->candidates);
		facts_free(facts);
		if (item)
			item_tidy(b, item);
		return;
	}
	if (!candidate->host[0]) {
		cds_list_add_tail(&candidate->of_item, &item->candidates);
		candidate->is_unique = is_unique;
		b->candidates++;
	}
	memcpy(candidate->host, host, strlen(host) + 1);
	facts_free(&candidate->facts);
	candidate->facts = *facts;
	*facts = (struct facts){ 0 };
	candidate->created = created;
	candidate->changed = changed;
	candidate->seen = b->snapshot;
	import_show(b, item);
}

void import_put(struct bridge *b, const struct name *name, const char *host, struct facts *facts,
		uint64_t created, uint64_t changed)
{
	if (patterns_match(b->options->imports, b->options->import_count, name))
		put(b, name, host, false, facts, created, changed);
	else
		facts_free(facts);
}

static void candidate_drop(struct bridge *b, struct candidate *candidate)
{
	cds_list_del(&candidate->of_item);
	facts_free(&candidate->facts);
	free(candidate);
	b->candidates--;
}

static void forget(struct bridge *b, const struct name *name, const char *host)
{
	struct item *item = item_find(b, name);
	struct candidate *candidate = item ? candidate_of(item, host) : NULL;

	if (!candidate)
		return;
	candidate_drop(b, candidate);
	import_show(b, item);
	item_tidy(b, item);
}

void import_delete(struct bridge *b, const struct name *name, const char *host)
{
	forget(b, name, host);
}

void import_unique(struct bridge *b, const struct name *name, const char *host, struct facts *facts,
		   uint64_t created, uint64_t changed)
{
	if (!host)
		forget(b, name, NULL);
	else if (claims_may(b, name) ||
		 patterns_match(b->options->imports, b->options->import_count, name))
		put(b, name, host, true, facts, created, changed);
	if (facts)
		facts_free(facts);
}

void import_keep(struct bridge *b, const struct name *name, const char *host)
{
	struct item *item = item_find(b, name);
	struct candidate *candidate = item ? candidate_of(item, host) : NULL;

	if (candidate)
		candidate->seen = b->snapshot;
}

static void compare(struct bridge *b, struct item *item)
{
	struct candidate *candidate, *next;

	cds_list_for_each_entry_safe (candidate, next, &item->candidates, of_item) {
		if (candidate->seen != b->snapshot)
			candidate_drop(b, candidate);
	}
	import_show(b, item);
	item_tidy(b, item);
}

void import_compare(struct bridge *b)
{
	items_each(b, compare);
	b->is_lost |= shown_compared(b->names) == -EPIPE;
}

void import_touch(struct bridge *b, const struct kreg_event *event)
{
	struct name name = { .key_size = (uint32_t)event->entry.key_size };
	struct item *item;

	if (!name.key_size || name.key_size > KREG_KEY_MAX)
		return;
	memcpy(name.key, event->entry.key, name.key_size);
	item = item_find(b, &name);
	if (item && !cds_list_empty(&item->candidates))
		import_show(b, item);
}
