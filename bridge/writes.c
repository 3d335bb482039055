/* SPDX-License-Identifier: MIT */
/*
 * Writes: what is dirty, many names in a txn, one txn at a time.
 *
 * Each put has the lease, so a write behind the end of the lease fails as a whole. An item that
 * changes while it is written is dirty again, and waits for the answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/session.h"

#define WRITE_OPS 120
#define WRITE_BYTES (512u << 10)

/* Items of a write that did not happen, or perhaps did, are dirty again. */
void writes_again(struct bridge *b)
{
	struct item *item;

	cds_list_for_each_entry (item, &b->sent, dirty) {
		item->is_sent = false;
		b->waiting += !item->is_dirty;
		item->is_dirty = true;
	}
	/* To the front: they are older than what waits. */
	cds_list_splice(&b->sent, &b->dirty);
	CDS_INIT_LIST_HEAD(&b->sent);
}

static void on_written(int err, const json_t *answer, void *data)
{
	struct bridge *b = data;
	uint64_t revision = revision_of(answer);
	struct item *item, *next;

	b->write = NULL;
	if (!session_answered(b, err))
		return;
	cds_list_for_each_entry_safe (item, next, &b->sent, dirty) {
		cds_list_del(&item->dirty);
		item->is_sent = false;
		item->written = revision;
		b->writes++;
		if (item->is_dirty) {
			item->since = b->touch;
			cds_list_add_tail(&item->dirty, &b->dirty);
		} else {
			item_tidy(b, item);
		}
	}
}

static json_t *operation(const struct bridge *b, const struct item *item, size_t *bytes)
{
	char key[RECORD_KEY_MAX], *value;
	int size = record_key(key, b->prefix, &item->name, b->options->host);
	json_t *op;

	if (size < 0)
		return NULL;
	if (!item->has_local)
		return json_pack("{s:{s:o}}", "request_delete_range", "key",
				 base64_json(key, (size_t)size));
	value = record_value(&item->local);
	if (!value)
		return NULL;
	*bytes += strlen(value);
	op = json_pack("{s:{s:o, s:o, s:o}}", "request_put", "key", base64_json(key, (size_t)size),
		       "value", base64_string(value), "lease", number_json(b->lease));
	free(value);
	return op;
}

void writes_begin(struct bridge *b)
{
	json_t *ops = json_array();
	size_t bytes = 0, count = 0;
	struct item *item, *next;

	cds_list_for_each_entry_safe (item, next, &b->dirty, dirty) {
		json_t *op;

		if (count == WRITE_OPS || bytes > WRITE_BYTES)
			break;
		cds_list_del(&item->dirty);
		item->is_dirty = false;
		b->waiting--;
		op = operation(b, item, &bytes);
		if (!op || json_array_append_new(ops, op)) {
			say_often(&b->full, "no memory for a write");
			item_tidy(b, item);
			continue;
		}
		item->is_sent = true;
		cds_list_add_tail(&item->dirty, &b->sent);
		count++;
	}
	if (!count) {
		json_decref(ops);
		return;
	}
	b->write = etcd_begin(b->etcd, "kv/txn", json_pack("{s:o}", "success", ops), on_written, b);
	if (!b->write)
		session_pause(b);
}
