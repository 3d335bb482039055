/* SPDX-License-Identifier: MIT */
/*
 * A tree of members by host. It only says who is there: nothing else of the bridge depends on it.
 */
#include "bridge/members.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base64.h"
#include "bridge/bridge.h"

#define FOLDER ".members/"
#define VALUE_MAX 1024

static void copy_plain(char *out, size_t room, const json_t *text)
{
	size_t i;

	snprintf(out, room, "%s", json_is_string(text) ? json_string_value(text) : "");
	for (i = 0; out[i]; i++) {
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
	}
}

bool member_read(struct member *out, const json_t *kv)
{
	const json_t *text = json_object_get(kv, "value");
	char value[VALUE_MAX];
	ssize_t size = base64_decode(json_is_string(text) ? json_string_value(text) : "",
				     json_string_length(text), value, sizeof(value));
	json_t *record = size > 0 ? json_loadb(value, (size_t)size, 0, NULL) : NULL;
	json_int_t pid = json_integer_value(json_object_get(record, "pid"));
	json_int_t space = json_integer_value(json_object_get(record, "pid_space"));
	bool is_one = json_is_object(record);

	*out = (struct member){ .pid = pid > 0 && pid <= INT32_MAX ? (uint32_t)pid : 0,
				.pid_space = space > 0 ? (uint64_t)space : 0,
				.lease = etcd_number(kv, "lease") };
	copy_plain(out->version, sizeof(out->version), json_object_get(record, "version"));
	copy_plain(out->boot, sizeof(out->boot), json_object_get(record, "boot"));
	copy_plain(out->registry, sizeof(out->registry), json_object_get(record, "registry"));
	json_decref(record);
	return is_one;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->host, ((const struct member *)b)->host);
}

static void drop(struct members *members, struct member *member)
{
	tdelete(member, &members->by_host, compare);
	free(member);
	members->count--;
	members->changes++;
}

static void put(struct bridge *b, const struct member *from)
{
	struct members *members = &b->members;
	struct member **found = tfind(from, &members->by_host, compare), *member;

	members->changes++;
	if (found) {
		**found = *from;
		return;
	}
	member = members->count < MEMBERS_MAX ? malloc(sizeof(*member)) : NULL;
	if (member)
		*member = *from;
	if (member && tsearch(member, &members->by_host, compare)) {
		members->count++;
		return;
	}
	free(member);
	say_often(&b->full, "%u hosts are known, and no more are listed", members->count);
}

void members_take(struct bridge *b, const char *rest, size_t size, const json_t *kv, bool is_there)
{
	struct member member = { .pid = 0 }, **found;
	char host[KREG_HOST_MAX + 1], text[SAY_BYTES];
	size_t folder = strlen(FOLDER);

	/* Other words with a dot are for later. */
	if (size < folder || memcmp(rest, FOLDER, folder) != 0)
		return;
	size -= folder;
	if (size >= sizeof(host) || memchr(rest + folder, 0, size) ||
	    (is_there && !member_read(&member, kv))) {
		say_often(&b->wrong, "what etcd has of %s is no member, and is ignored",
			  say_bytes(text, rest, size + folder));
		return;
	}
	memcpy(host, rest + folder, size);
	host[size] = 0;
	if (!record_is_plain(host))
		return;
	memcpy(member.host, host, size + 1);
	member.seen = b->snapshot;
	found = tfind(&member, &b->members.by_host, compare);
	if (is_there)
		put(b, &member);
	else if (found)
		drop(&b->members, *found);
}

/* What a walk over the tree collects. */
struct collected {
	const struct member **out;
	uint32_t count, most;
};

static void collect(const void *node, VISIT visit, void *data)
{
	struct collected *collected = data;

	if ((visit == postorder || visit == leaf) && collected->count < collected->most)
		collected->out[collected->count++] = *(const struct member *const *)node;
}

uint32_t members_list(const struct members *members, const struct member **out, uint32_t most)
{
	struct collected collected = { .out = out, .most = most };

	twalk_r(members->by_host, collect, &collected);
	return collected.count;
}

void members_compare(struct bridge *b)
{
	struct members *members = &b->members;
	const struct member **all = calloc(members->count + 1, sizeof(const struct member *));
	uint32_t count = all ? members_list(members, all, members->count) : 0, i;

	for (i = 0; i < count; i++) {
		if (all[i]->seen != b->snapshot)
			drop(members, (struct member *)(uintptr_t)all[i]);
	}
	free(all);
}

void members_free(struct members *members)
{
	while (members->by_host)
		drop(members, *(struct member **)members->by_host);
}
