/* SPDX-License-Identifier: MIT */
/*
 * What is asked of etcd for names that are unique in the cluster, and what is known of them.
 *
 *   question   compares             if so               if not
 *   CLAIM      there is no key      put, with the lease  the key is read
 *   PUT        its last change      put, with the lease  the same
 *   DELETE     its last change      deleted              the same
 *
 * Each is a txn, so in one order with those of all hosts. PUT and DELETE compare the last change
 * and not the creation: one that was given up, or sent by a bridge that is dead, may come late, and
 * must not undo what was put since, with another lease, for the same claim.
 *
 * What is known has the revision at which it was so. An answer or a watch that tells of an
 * earlier one says nothing. tests/models/unique.pml has the orders that matter.
 */
#include "bridge/unique.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/base64.h"

#define ASKING_MOST 16

struct unique *unique_get(struct bridge *b, const struct name *name)
{
	struct item *item = item_get(b, name);
	struct unique *u;

	if (!item || item->unique)
		return item ? item->unique : NULL;
	u = calloc(1, sizeof(*u));
	if (!u) {
		item_tidy(b, item);
		return NULL;
	}
	u->item = item;
	u->b = b;
	item->unique = u;
	CDS_INIT_LIST_HEAD(&u->wishes);
	cds_list_add_tail(&u->all, &b->uniques);
	return u;
}

static void holding_free(struct holding *holding)
{
	facts_free(&holding->facts);
	*holding = (struct holding){ 0 };
}

static bool is_own(const struct bridge *b, const char *host)
{
	return host && !strcmp(host, b->options->host);
}

void unique_free(struct unique *u)
{
	struct bridge *b = u->b;
	struct item *item = u->item;

	cds_list_del(&u->all);
	if (u->is_due)
		cds_list_del(&u->due);
	holding_free(&u->there);
	holding_free(&u->asked);
	item->unique = NULL;
	free(u);
	item_tidy(b, item);
}

void unique_tidy(struct unique *u)
{
	if (!u->call && !u->is_due && cds_list_empty(&u->wishes) &&
	    !(u->there.is_there && is_own(u->b, u->there.host)))
		unique_free(u);
}

void unique_due(struct unique *u)
{
	if (u->is_due)
		return;
	u->is_due = true;
	cds_list_add_tail(&u->due, &u->b->due);
}

static bool holding_copy(struct holding *out, const struct wish *wish, const struct bridge *b)
{
	holding_free(out);
	out->facts = wish->facts;
	out->facts.value = malloc(wish->facts.value_size + 1);
	if (!out->facts.value) {
		out->facts = (struct facts){ 0 };
		return false;
	}
	memcpy(out->facts.value, wish->facts.value, wish->facts.value_size);
	memcpy(out->host, b->options->host, strlen(b->options->host) + 1);
	out->claim = wish->serial;
	out->lease = b->lease;
	out->is_there = true;
	return true;
}

/* ---- what is known */

/* Takes the memory of @to. */
static void know(struct unique *u, struct holding *to, uint64_t at)
{
	bool is_other = u->there.is_there && (!to->is_there || to->created != u->there.created);

	holding_free(&u->there);
	u->there = *to;
	*to = (struct holding){ 0 };
	u->at = at;
	u->is_known = true;
	if (is_other)
		claims_changed(u);
	/* The watch may tell of another host's end later. */
	if (u->there.is_there && is_own(u->b, u->there.host))
		import_unique(u->b, &u->item->name, NULL, NULL, 0, 0);
	unique_due(u);
}

static void holding_of(struct holding *out, const char *host, uint64_t claim, struct facts *facts,
		       const json_t *kv)
{
	*out = (struct holding){ .is_there = true,
				 .claim = claim,
				 .created = etcd_number(kv, "create_revision"),
				 .changed = etcd_number(kv, "mod_revision"),
				 .lease = etcd_number(kv, "lease"),
				 .facts = *facts };
	memcpy(out->host, host, strlen(host) + 1);
	*facts = (struct facts){ 0 };
}

void unique_seen(struct bridge *b, const struct name *name, const char *host, uint64_t claim,
		 struct facts *facts, const json_t *kv)
{
	struct item *item = item_find(b, name);
	struct unique *u = item ? item->unique : NULL;
	uint64_t changed = etcd_number(kv, "mod_revision");
	struct holding to = { 0 };
	struct facts copy = { 0 };

	/* What is left of this host is deleted, so it is known although nobody claims it. */
	if (!u && is_own(b, host))
		u = unique_get(b, name);
	if (u)
		u->seen = b->snapshot;
	if (u && changed > u->at) {
		if (host) {
			copy = *facts;
			copy.value = malloc(facts->value_size + 1);
			if (copy.value)
				memcpy(copy.value, facts->value, facts->value_size);
			else
				copy = (struct facts){ 0 };
			holding_of(&to, host, claim, &copy, kv);
		}
		know(u, &to, changed);
	}
	/* Nor does an event of before the holder that is known say anything. */
	if (!u || !u->is_known || changed >= u->at)
		import_unique(b, name, is_own(b, host) ? NULL : host, facts,
			      etcd_number(kv, "create_revision"), changed);
	else
		facts_free(facts);
}

void unique_compare(struct bridge *b)
{
	struct unique *u, *next;

	cds_list_for_each_entry_safe (u, next, &b->uniques, all) {
		struct holding none = { 0 };

		if (u->seen != b->snapshot && u->at < b->reading)
			know(u, &none, b->reading);
		unique_due(u);
	}
}

void unique_pause(struct bridge *b)
{
	struct unique *u;

	cds_list_for_each_entry (u, &b->uniques, all) {
		etcd_cancel(u->call);
		u->call = NULL;
		u->is_known = false;
		unique_due(u);
	}
	b->asking = 0;
}

void unique_forget(struct bridge *b)
{
	struct unique *u;

	cds_list_for_each_entry (u, &b->uniques, all) {
		u->at = 0;
		u->is_known = false;
	}
}

/* ---- questions */

static json_t *key_of(const struct unique *u)
{
	char key[RECORD_KEY_MAX];
	int size = record_unique_key(key, u->b->prefix, &u->item->name);

	return size < 0 ? NULL : base64_json(key, (size_t)size);
}

/* What the txn has read: nothing, or one key. */
static int read_there(const json_t *answer, struct holding *out)
{
	const json_t *response = json_array_get(json_object_get(answer, "responses"), 0);
	const json_t *kv = json_array_get(
		json_object_get(json_object_get(response, "response_range"), "kvs"), 0);
	const json_t *text = json_object_get(kv, "value");
	size_t room = json_string_length(text) / 4 * 3 + 1;
	char host[KREG_HOST_MAX + 1], *value;
	struct facts facts = { 0 };
	uint64_t claim;
	ssize_t size;
	int err = -EPROTO;

	*out = (struct holding){ 0 };
	if (!kv)
		return 0;
	value = json_is_string(text) ? malloc(room) : NULL;
	size = value ? base64_decode(json_string_value(text), json_string_length(text), value, room)
		     : -1;
	if (size >= 0 && !record_holder(value, (size_t)size, host, &claim) &&
	    !record_facts(value, (size_t)size, &facts)) {
		holding_of(out, host, claim, &facts, kv);
		err = 0;
	}
	free(value);
	return err;
}

/* It is somebody's, but of whom nobody can say: it is kept away from. */
static void unreadable(struct unique *u, struct holding *there)
{
	char text[SAY_BYTES];

	say_often(&u->b->wrong, "what etcd has of %s is no record: the name is taken",
		  say_bytes(text, u->item->name.key, u->item->name.key_size));
	there->is_there = true;
}

static void on_answer(int err, const json_t *answer, void *data)
{
	struct unique *u = data;
	struct bridge *b = u->b;
	uint64_t revision = revision_of(answer);
	struct holding there = { 0 };

	u->call = NULL;
	b->asking--;
	u->is_known = false;
	unique_due(u);
	if (!session_answered(b, err))
		return;
	if (revision < u->at)
		return;
	if (!json_is_true(json_object_get(answer, "succeeded"))) {
		if (read_there(answer, &there))
			unreadable(u, &there);
	} else if (u->asked.is_there) {
		there = u->asked;
		u->asked = (struct holding){ 0 };
		there.changed = revision;
		if (!there.created)
			there.created = revision;
	}
	know(u, &there, revision);
}

static json_t *compare_of(const struct unique *u, enum question question)
{
	if (question == QUESTION_CLAIM)
		return json_pack("{s:s, s:s, s:o, s:s}", "target", "VERSION", "result", "EQUAL",
				 "key", key_of(u), "version", "0");
	return json_pack("{s:s, s:s, s:o, s:o}", "target", "MOD", "result", "EQUAL", "key",
			 key_of(u), "mod_revision", number_json(u->there.changed));
}

static json_t *success_of(const struct unique *u, enum question question, const struct wish *wish)
{
	json_t *op;
	char *value;

	if (question == QUESTION_DELETE)
		return json_pack("{s:{s:o}}", "request_delete_range", "key", key_of(u));
	value = record_unique_value(&wish->facts, u->b->options->host, wish->serial);
	if (!value)
		return NULL;
	op = json_pack("{s:{s:o, s:o, s:o}}", "request_put", "key", key_of(u), "value",
		       base64_string(value), "lease", number_json(u->b->lease));
	free(value);
	return op;
}

void unique_ask(struct unique *u, enum question question, const struct wish *wish)
{
	uint64_t created = question == QUESTION_PUT ? u->there.created : 0;
	json_t *request;

	holding_free(&u->asked);
	if (wish && !holding_copy(&u->asked, wish, u->b))
		return;
	u->asked.created = created;
	request = json_pack("{s:[o], s:[o], s:[{s:{s:o}}]}", "compare", compare_of(u, question),
			    "success", success_of(u, question, wish), "failure", "request_range",
			    "key", key_of(u));
	u->call = etcd_begin(u->b->etcd, "kv/txn", request, on_answer, u);
	u->b->asking += !!u->call;
}

uint64_t claims_step(struct bridge *b)
{
	bool is_certain = b->lease && clock_boot() < b->certain;
	struct unique *u;

	if (!b->options->unique_count)
		return 0;
	if (!is_certain && !b->is_withdrawn) {
		claims_withdraw_all(b);
		b->is_withdrawn = true;
	}
	while (is_certain && b->is_serving && b->session == SESSION_READY &&
	       b->asking < ASKING_MOST && !cds_list_empty(&b->due)) {
		u = cds_list_first_entry(&b->due, struct unique, due);
		cds_list_del(&u->due);
		u->is_due = false;
		if (!u->call)
			claims_decide(u);
	}
	return is_certain ? b->certain : 0;
}
