/* SPDX-License-Identifier: MIT */
/*
 * The state as JSON. kreg-etcd(8) describes the fields; regtool reads them (tools/cluster/).
 *
 * What comes from others is bounded and plain: text is printable ASCII, and lists are cut, with the
 * whole number beside them. So the value fits, and is the same JSON for each reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"

#define ENDPOINT_MAX 256

static const char *session_name(const struct bridge *b)
{
	static const char *const names[] = {
		[SESSION_NONE] = "none",     [SESSION_LEASE] = "lease", [SESSION_MEMBER] = "member",
		[SESSION_GLANCE] = "glance", [SESSION_READ] = "read",   [SESSION_READY] = "ready",
	};

	return names[b->session];
}

/* What is not printable ASCII as '?'. */
static json_t *plain_json(const char *text, size_t most)
{
	char out[SAY_LAST];
	size_t at;

	for (at = 0; text[at] && at + 1 < most && at + 1 < sizeof(out); at++)
		out[at] = text[at] < ' ' || text[at] > '~' ? '?' : text[at];
	return json_stringn(out, at);
}

static uint64_t boot_of(uint64_t boot, uint64_t now, uint64_t at)
{
	return at ? boot - (now - at) : 0;
}

static json_t *patterns_json(char *const *patterns, size_t count)
{
	json_t *list = json_array();
	size_t bytes = 0, i, at;

	for (i = 0; i < count; i++) {
		for (at = 0; patterns[i][at] >= ' ' && patterns[i][at] <= '~'; at++)
			;
		bytes += at + 1;
		/* One that is not there makes the list be no list: null. */
		if (patterns[i][at] || bytes > STATE_PATTERNS_BYTES) {
			json_decref(list);
			return json_null();
		}
		json_array_append_new(list, json_string(patterns[i]));
	}
	return list;
}

static json_t *members_json(const struct members *members)
{
	const struct member *some[STATE_MEMBERS];
	uint32_t count = members_list(members, some, STATE_MEMBERS), i;
	json_t *list = json_array();

	for (i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "host",
						some[i]->host, "version", some[i]->version, "boot",
						some[i]->boot, "registry", some[i]->registry, "pid",
						(json_int_t)some[i]->pid, "lease",
						(json_int_t)some[i]->lease));
	return list;
}

static json_t *hidden_json(struct bridge *b)
{
	json_t *list = json_array();
	char text[SAY_BYTES];
	struct item *item;

	cds_list_for_each_entry (item, &b->hidden, hidden) {
		const struct candidate *first = import_first(item);

		if (json_array_size(list) == STATE_HIDDEN)
			break;
		say_bytes(text, item->name.key, item->name.key_size);
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", text, "host",
						      first ? first->host : ""));
	}
	return list;
}

/* The last sentence of something that has failed. */
static json_t *error_json(const struct bridge *b, uint64_t boot, uint64_t now)
{
	const struct say_often *all[] = { &b->failed, &b->wrong, &b->full, &b->refused };
	const struct say_often *last = all[0];
	size_t i;

	for (i = 1; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->at > last->at)
			last = all[i];
	}
	if (!last->count)
		return json_null();
	return json_pack("{s:o, s:I}", "says", plain_json(last->last, SAY_LAST), "at",
			 (json_int_t)boot_of(boot, now, last->at));
}

/* What is not in etcd as it is here, and since when that is so for the oldest. */
static void add_waiting(json_t *state, struct bridge *b, uint64_t boot, uint64_t now)
{
	uint64_t waiting = b->waiting, since = 0;
	struct item *item;

	cds_list_for_each_entry (item, &b->sent, dirty) {
		waiting += !item->is_dirty;
		since = since ? since : item->since;
	}
	if (!since && !cds_list_empty(&b->dirty))
		since = cds_list_first_entry(&b->dirty, struct item, dirty)->since;
	json_object_set_new(state, "waiting", json_integer((json_int_t)waiting));
	json_object_set_new(state, "waiting_since",
			    json_integer((json_int_t)boot_of(boot, now, since)));
}

static void add_names(json_t *state, struct bridge *b)
{
	const struct bridge_options *o = b->options;
	const char *others = b->is_gone ? "gone" : b->is_stale ? "stale" : "current";

	json_object_set_new(state, "export", patterns_json(o->exports, o->export_count));
	json_object_set_new(state, "import", patterns_json(o->imports, o->import_count));
	json_object_set_new(state, "others", json_string(others));
	json_object_set_new(state, "exported", json_integer((json_int_t)b->exported));
	json_object_set_new(state, "imported", json_integer((json_int_t)b->shown));
	json_object_set_new(state, "known", json_integer((json_int_t)b->candidates));
	json_object_set_new(state, "most", json_integer((json_int_t)o->most));
	json_object_set_new(state, "conflicts", json_integer((json_int_t)b->hidden_count));
	json_object_set_new(state, "conflict_list", hidden_json(b));
	json_object_set_new(state, "members", json_integer((json_int_t)b->members.count));
	json_object_set_new(state, "member_list", members_json(&b->members));
}

static void add_counts(json_t *state, const struct bridge *b)
{
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {
		{ "writes", b->writes },         { "events", b->events },
		{ "restores", b->restores },     { "failures", b->failed.count },
		{ "refused", b->refused.count }, { "wrong", b->wrong.count },
		{ "left_out", b->full.count },
	};
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(state, counts[i].name,
				    json_integer((json_int_t)counts[i].count));
}

json_t *state_json(struct bridge *b, uint64_t boot, uint64_t now)
{
	const struct bridge_options *o = b->options;
	const struct state *s = &b->state;
	struct kreg_owner self = { .pid = 0 };
	json_t *state;

	kreg_self(b->k, &self);
	state = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "format", STATE_FORMAT,
			  "version", KREG_VERSION, "cluster", o->cluster, "host", o->host,
			  "registry", o->registry, "pid", (json_int_t)self.pid, "names_pid",
			  (json_int_t)shown_owner(b->names).pid, "began", (json_int_t)s->began,
			  "written", (json_int_t)boot);
	if (!state)
		return NULL;
	json_object_set_new(state, "endpoint", plain_json(etcd_endpoint(b->etcd), ENDPOINT_MAX));
	json_object_set_new(state, "endpoints", json_integer((json_int_t)o->etcd.count));
	json_object_set_new(state, "session", json_string(session_name(b)));
	json_object_set_new(state, "session_since", json_integer((json_int_t)s->session_since));
	json_object_set_new(state, "lease", json_integer((json_int_t)b->lease));
	json_object_set_new(state, "lease_until",
			    json_integer((json_int_t)(b->lease ? s->lease_until : 0)));
	json_object_set_new(state, "ttl", json_integer((json_int_t)o->ttl));
	json_object_set_new(state, "grace", json_integer((json_int_t)o->grace));
	json_object_set_new(state, "touch", json_integer((json_int_t)s->touch));
	json_object_set_new(state, "revision", json_integer((json_int_t)b->revision));
	add_names(state, b);
	add_waiting(state, b, boot, now);
	add_counts(state, b);
	json_object_set_new(state, "error", error_json(b, boot, now));
	return state;
}

char *state_text(struct bridge *b, uint64_t boot, uint64_t now)
{
	json_t *state = state_json(b, boot, now);
	char *text = state ? json_dumps(state, JSON_COMPACT) : NULL;

	json_decref(state);
	if (text && strlen(text) <= KREG_VALUE_MAX)
		return text;
	free(text);
	return NULL;
}
