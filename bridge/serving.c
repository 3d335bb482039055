/* SPDX-License-Identifier: MIT */
/*
 * What the bridge shows of itself to processes that claim unique names: which namespaces it serves,
 * and until when its lease is certain. Both are its own entries, so they end with it.
 *
 * The time is replaced whenever etcd has kept the lease alive, and at once: .cluster/NAME, which is
 * for operators, is written now and then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge/unique.h"

static size_t bridge_key(const struct bridge *b, const char *tail, char out[KREG_KEY_MAX])
{
	return (size_t)snprintf(out, KREG_KEY_MAX, BRIDGE_PREFIX "%s%s", b->options->cluster, tail);
}

/* Registered, or updated if this process has it. */
static int put_own(struct bridge *b, const void *key, size_t key_size, const void *value,
		   size_t value_size)
{
	ssize_t got = kreg_update(b->k, key, key_size, value, value_size, NULL, 0);

	if (got == -ENOENT || got == -EPERM)
		got = kreg_register(b->k, key, key_size, value, value_size, NULL);
	return got < 0 ? (int)got : 0;
}

static int show_spaces(struct bridge *b)
{
	char key[KREG_KEY_MAX], patterns[KREG_VALUE_MAX];
	size_t i, size = 0;

	for (i = 0; i < b->options->unique_count; i++) {
		size_t more = strlen(b->options->uniques[i]) + 1;

		if (size + more > sizeof(patterns))
			return -EMSGSIZE;
		memcpy(patterns + size, b->options->uniques[i], more);
		size += more;
	}
	return put_own(b, key, bridge_key(b, BRIDGE_SPACES, key), patterns, size);
}

static int show_state(struct bridge *b)
{
	struct bridge_state state = { .lease = b->lease,
				      .until = b->certain,
				      .time_space = time_space() };
	char key[KREG_KEY_MAX];

	snprintf(state.host, sizeof(state.host), "%s", b->options->host);
	return put_own(b, key, bridge_key(b, "", key), &state, sizeof(state));
}

static void show(struct bridge *b)
{
	int err = show_spaces(b);

	if (!err)
		err = show_state(b);
	if (err)
		say_often(&b->refused, "cluster %s has no unique names here: %s: %s",
			  b->options->cluster,
			  err == -EEXIST ? "another bridge serves it in this registry"
					 : "its state cannot be shown",
			  kreg_strerror(err));
	b->is_serving = !err;
}

void claims_begin(struct bridge *b)
{
	if (b->options->unique_count)
		show(b);
}

void claims_certain(struct bridge *b)
{
	struct unique *u;

	if (!b->options->unique_count)
		return;
	show(b);
	cds_list_for_each_entry (u, &b->uniques, all) {
		/* One that came and went between two looks of the listener gave no event. */
		if (u->winner)
			claims_look(u);
		else
			unique_due(u);
	}
	b->is_withdrawn = false;
}
