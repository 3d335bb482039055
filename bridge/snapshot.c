/* SPDX-License-Identifier: MIT */
/*
 * All that etcd has, page for page at one revision, and then each change from that revision on.
 *
 * A page is of one revision, so the snapshot is what was there at one instant. A watch that ends is
 * begun again behind the last revision that was seen, if etcd is still the one that had it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/base64.h"
#include "bridge/session.h"

#define PAGE 400

static void on_page(int err, const json_t *answer, void *data);

/* The key behind all that begin with the prefix. */
static json_t *prefix_end(const struct bridge *b)
{
	char end[RECORD_KEY_MAX];
	size_t size = strlen(b->prefix);

	memcpy(end, b->prefix, size);
	end[size - 1]++;
	return base64_json(end, size);
}

/* The value of a key, which the caller frees; NULL: it has none, or no memory. */
static char *value_of(const json_t *kv, size_t *size)
{
	const json_t *text = json_object_get(kv, "value");
	size_t room = json_string_length(text) / 4 * 3 + 1;
	char *value = json_is_string(text) ? malloc(room) : NULL;
	ssize_t got = value ? base64_decode(json_string_value(text), json_string_length(text),
					    value, room)
			    : -1;

	if (got >= 0) {
		*size = (size_t)got;
		return value;
	}
	free(value);
	return NULL;
}

/* What @kv says of a name. False: it is no record of ours, or one without revisions. */
static bool read_facts(const json_t *kv, struct facts *out)
{
	size_t size = 0;
	char *value = value_of(kv, &size);
	bool is_known =
		value && etcd_number(kv, "create_revision") && !record_facts(value, size, out);

	free(value);
	return is_known;
}

/* The same of a unique name, and whose it is. */
static bool read_holding(const json_t *kv, char host[KREG_HOST_MAX + 1], uint64_t *claim,
			 struct facts *out)
{
	size_t size = 0;
	char *value = value_of(kv, &size);
	bool is_holder = value && !record_holder(value, size, host, claim);

	free(value);
	return is_holder && read_facts(kv, out);
}

static void take_unique(struct bridge *b, const char *rest, size_t size, const json_t *kv,
			bool is_there)
{
	char host[KREG_HOST_MAX + 1], text[SAY_BYTES];
	struct facts facts = { 0 };
	struct name name;
	uint64_t claim = 0;

	if (!etcd_number(kv, "mod_revision") || record_parse_unique(rest, size, &name))
		say_often(&b->wrong, "a unique key in etcd is of no name, and is ignored: %s",
			  say_bytes(text, rest, size));
	else if (!is_there)
		unique_seen(b, &name, NULL, 0, &facts, kv);
	else if (read_holding(kv, host, &claim, &facts))
		unique_seen(b, &name, host, claim, &facts, kv);
	else
		say_often(&b->wrong,
			  "what etcd has of the unique name %s is no record, and is ignored",
			  say_bytes(text, rest, size));
}

/* What is no name of a host. */
static void take_dotted(struct bridge *b, const char *rest, size_t size, const json_t *kv,
			bool is_there)
{
	const size_t head = strlen(RECORD_UNIQUE);

	if (size > head && !memcmp(rest, RECORD_UNIQUE, head))
		take_unique(b, rest + head, size - head, kv, is_there);
	else
		members_take(b, rest, size, kv, is_there);
}

static void take_pair(struct bridge *b, const json_t *kv, bool is_there)
{
	const json_t *key_text = json_object_get(kv, "key");
	uint64_t changed = etcd_number(kv, "mod_revision");
	char key[RECORD_KEY_MAX], host[KREG_HOST_MAX + 1], text[SAY_BYTES];
	size_t prefix = strlen(b->prefix);
	struct facts facts = { 0 };
	struct name name;
	ssize_t size = base64_decode(json_is_string(key_text) ? json_string_value(key_text) : "",
				     json_string_length(key_text), key, sizeof(key));
	bool is_ours = size > (ssize_t)prefix && !memcmp(key, b->prefix, prefix);
	bool is_known = false;

	if (is_ours && key[prefix] == '.') {
		take_dotted(b, key + prefix, (size_t)size - prefix, kv, is_there);
		return;
	}
	if (!is_ours || !changed ||
	    record_parse(key + prefix, (size_t)size - prefix, &name, host)) {
		say_often(&b->wrong, "a key in etcd is of no name, and is ignored: %s",
			  say_bytes(text, key, size < 0 ? 0 : (size_t)size));
		return;
	}
	if (is_there) {
		is_known = read_facts(kv, &facts);
		if (!is_known)
			say_often(&b->wrong, "what etcd has of %s is no record, and is ignored",
				  say_bytes(text, key, (size_t)size));
	}
	if (!strcmp(host, b->options->host))
		export_seen(b, &name, is_there, is_known ? &facts : NULL, etcd_number(kv, "lease"),
			    changed);
	else if (!is_there)
		import_delete(b, &name, host);
	else if (is_known)
		import_put(b, &name, host, &facts, etcd_number(kv, "create_revision"), changed);
	else
		import_keep(b, &name, host);
	facts_free(&facts);
}

static void watch_events(struct bridge *b, const json_t *result)
{
	const json_t *events = json_object_get(result, "events"), *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		const json_t *kv = json_object_get(event, "kv");
		const char *type = json_string_value(json_object_get(event, "type"));
		bool is_there = !type || strcmp(type, "DELETE") != 0;

		glance_note(b, kv, is_there);
		take_pair(b, kv, is_there);
		b->events++;
	}
}

static void on_watch(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;
	uint64_t revision;

	if (err) {
		b->watch = NULL;
		session_fail(b, err, "watch");
		return;
	}
	session_touched(b);
	if (json_is_true(json_object_get(answer, "canceled"))) {
		/* Compacted, or etcd says that it ends it. */
		if (etcd_number(answer, "compact_revision"))
			b->whole = false;
		etcd_cancel(b->watch);
		b->watch = NULL;
		session_pause(b);
		return;
	}
	watch_events(b, answer);
	revision = revision_of(answer);
	if (revision > b->revision && !json_is_true(json_object_get(answer, "created")))
		b->revision = revision;
}

void snapshot_follow(struct bridge *b)
{
	json_t *request =
		json_pack("{s:{s:o, s:o, s:o, s:b}}", "create_request", "key",
			  base64_string(b->prefix), "range_end", prefix_end(b), "start_revision",
			  number_json(b->revision + 1), "progress_notify", 1);

	b->watch = etcd_stream(b->etcd, "watch", request, on_watch, b);
	b->session = SESSION_READY;
	if (!b->watch)
		session_pause(b);
}

static void read_page(struct bridge *b)
{
	json_t *request =
		json_pack("{s:o, s:o, s:i}", "key",
			  b->from ? json_string_nocheck(b->from) : base64_string(b->prefix),
			  "range_end", prefix_end(b), "limit", PAGE);

	if (request && b->reading)
		json_object_set_new(request, "revision", number_json(b->reading));
	b->session = SESSION_READ;
	b->call = etcd_begin(b->etcd, "kv/range", request, on_page, b);
	if (!b->call)
		session_pause(b);
}

/* Nothing is being written, so what is read is not older than what was. */
static void written_before(struct bridge *b, struct item *item)
{
	(void)b;
	item->written = 0;
}

void snapshot_begin(struct bridge *b)
{
	free(b->from);
	b->from = NULL;
	glance_forget(b);
	items_each(b, written_before);
	b->reading = 0;
	b->snapshot++;
	read_page(b);
}

/* The next page begins behind the key of @kv. False: it is no key. */
static bool go_behind(struct bridge *b, const json_t *kv)
{
	const json_t *text = json_object_get(kv, "key");
	char key[RECORD_KEY_MAX + 1];
	ssize_t size = base64_decode(json_is_string(text) ? json_string_value(text) : "",
				     json_string_length(text), key, sizeof(key) - 1);

	if (size <= 0)
		return false;
	key[size] = 0;
	free(b->from);
	b->from = base64_encode(key, (size_t)size + 1);
	return b->from;
}

static void on_page(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;
	const json_t *kvs = json_object_get(answer, "kvs"), *kv;
	size_t i, count = json_array_size(kvs);

	b->call = NULL;
	if (err) {
		session_fail(b, err == -ERANGE || err == -ESTALE ? -EAGAIN : err, "range");
		return;
	}
	session_touched(b);
	if (!b->reading) {
		glance_header(b, answer);
		b->reading = revision_of(answer);
	}
	json_array_foreach(kvs, i, kv)
	{
		glance_note(b, kv, true);
		take_pair(b, kv, true);
	}
	if (json_is_true(json_object_get(answer, "more"))) {
		if (!count || !go_behind(b, json_array_get(kvs, count - 1)))
			session_fail(b, -EPROTO, "range");
		else
			read_page(b);
		return;
	}
	export_compare(b);
	members_compare(b);
	unique_compare(b);
	if (clock_now() >= b->forget_at) {
		b->forget_at = 0;
		import_compare(b);
	}
	b->revision = b->reading;
	b->whole = true;
	b->current = b->touch;
	say("%s: revision %llu: %llu names of this host, %llu of others", etcd_endpoint(b->etcd),
	    (unsigned long long)b->revision, (unsigned long long)b->exported,
	    (unsigned long long)b->candidates);
	snapshot_follow(b);
}
