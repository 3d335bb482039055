/* SPDX-License-Identifier: MIT */
/*
 * Whether etcd is still the one that was seen, and can go on from there.
 *
 * One that was restored from an earlier snapshot has the cluster id that it had, if it has the
 * same members, and with some changes more a revision that is larger than the last one that was
 * seen: what happened in between happened otherwise. So the last change that was seen is
 * remembered, and etcd is asked for it:
 *
 *   the last change    etcd is the one that was seen if
 *   a put              the key has that mod_revision now, or had it at that revision
 *   a deletion         the key was there one revision before, and at that revision not
 *
 * A restored one in which the same key was written at the same revision again is taken for the same.
 * If the change was compacted away nobody knows, and all is read. If etcd is another one all is read, too,
 * and what others have is kept for the time of a lease, because it may not be written again yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/session.h"

void glance_note(struct bridge *b, const json_t *kv, bool is_there)
{
	const char *key = json_string_value(json_object_get(kv, "key"));
	uint64_t changed = etcd_number(kv, "mod_revision");

	if (!key || strlen(key) > 2 * RECORD_KEY_MAX || !changed || changed < b->last.revision)
		return;
	free(b->last.key);
	b->last.key = strdup(key);
	b->last.revision = b->last.key ? changed : 0;
	b->last.is_there = is_there;
}

void glance_forget(struct bridge *b)
{
	free(b->last.key);
	b->last.key = NULL;
	b->last.revision = 0;
}

static bool is_other(const struct bridge *b, uint64_t cluster, const json_t *answer)
{
	return b->cluster_id && (cluster != b->cluster_id || revision_of(answer) < b->revision);
}

/* All is read and compared; of the etcd that is there now nothing is known. */
static void begin_again(struct bridge *b)
{
	b->restores++;
	b->cluster_id = b->revision = 0;
	say("etcd was restored or replaced: all names are compared, and those of others kept for "
	    "%u seconds",
	    b->options->ttl);
	b->forget_at = clock_now() + b->options->ttl * SECOND;
	b->whole = false;
	unique_forget(b);
}

void glance_header(struct bridge *b, const json_t *answer)
{
	uint64_t cluster = etcd_id(json_object_get(answer, "header"), "cluster_id");

	if (is_other(b, cluster, answer))
		begin_again(b);
	b->cluster_id = cluster;
}

static const json_t *range_of(const json_t *answer, size_t at)
{
	const json_t *response = json_array_get(json_object_get(answer, "responses"), at);

	return json_object_get(json_object_get(response, "response_range"), "kvs");
}

static bool knows_last(const struct bridge *b, const json_t *answer)
{
	const json_t *kvs = range_of(answer, 0);

	if (!b->last.is_there)
		return !json_array_size(kvs) && json_array_size(range_of(answer, 1));
	return json_is_true(json_object_get(answer, "succeeded")) ||
	       etcd_number(json_array_get(kvs, 0), "mod_revision") == b->last.revision;
}

static void on_glance(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;
	uint64_t cluster = etcd_id(json_object_get(answer, "header"), "cluster_id");

	b->call = NULL;
	if (err && err != -ERANGE && err != -ESTALE) {
		session_fail(b, err, "txn");
		return;
	}
	session_touched(b);
	if (err == -ERANGE) {
		b->whole = false;
	} else if (err || is_other(b, cluster, answer) || !knows_last(b, answer)) {
		begin_again(b);
	}
	/* What is stale is not shown as current before all was compared. */
	if (b->whole && !b->is_stale)
		snapshot_follow(b);
	else
		snapshot_begin(b);
}

static json_t *range_at(const struct bridge *b, uint64_t revision)
{
	return json_pack("{s:{s:s, s:o}}", "request_range", "key", b->last.key, "revision",
			 number_json(revision));
}

void glance_begin(struct bridge *b)
{
	json_t *request;

	if (!b->last.key) {
		snapshot_begin(b);
		return;
	}
	b->session = SESSION_GLANCE;
	if (b->last.is_there)
		request = json_pack("{s:[{s:s, s:s, s:s, s:o}], s:[o]}", "compare", "target", "MOD",
				    "result", "EQUAL", "key", b->last.key, "mod_revision",
				    number_json(b->last.revision), "failure",
				    range_at(b, b->last.revision));
	else
		request = json_pack("{s:[o, o]}", "success", range_at(b, b->last.revision),
				    range_at(b, b->last.revision - 1));
	b->call = etcd_begin(b->etcd, "kv/txn", request, on_glance, b);
	if (!b->call)
		session_pause(b);
}
