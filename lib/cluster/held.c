/* SPDX-License-Identifier: MIT */
/*
 * Whether a name that is unique in the cluster is held, and by which token.
 *
 * The answer is read first, then until when its lease is certain, then the clock. A bridge
 * withdraws an answer before it deletes the key in etcd and before it gives the lease up, and both
 * entries end with it; so if both are there, of one bridge and one lease, and the time is not over,
 * etcd had the key for this process when the answer was read. tests/models/unique.pml has all of
 * it, with this reader.
 */
#include <errno.h>

#include "base/clock.h"
#include "lib/cluster/spaces.h"
#include "lib/inner.h"

/* -ESTALE: a bridge's state is not there, or is none, or its time is over. */
static int is_certain(struct kreg *k, const struct entry_key *bridge, struct bridge_state *state,
		      struct kreg_owner *by)
{
	ssize_t size = kreg_lookup(k, bridge->bytes, bridge->size, state, sizeof(*state), by);

	if (size == -ENOENT || size == -ERANGE)
		return -ESTALE;
	if (size < 0)
		return (int)size;
	if (size != sizeof(*state) || state->time_space != time_space() ||
	    clock_boot() >= state->until)
		return -ESTALE;
	return 0;
}

/* The token of @owner, a process of this host that has the name. */
static int token_of(struct kreg *k, const struct kreg_owner *owner, const void *key,
		    size_t key_size, uint64_t *token)
{
	struct kreg_owner by, other;
	struct bridge_state state;
	struct answer answer;
	struct entry_key at;
	size_t cluster;
	ssize_t size;
	int err;

	if (key_size > KREG_CLUSTER_KEY_MAX)
		return -ESTALE;
	entry_key_of(&at, ANSWER_PREFIX, owner->token, key, key_size);
	size = kreg_lookup(k, at.bytes, at.size, &answer, sizeof(answer), &by);
	if (size == -ENOENT || size == -ERANGE)
		return -ESTALE;
	if (size < 0)
		return (int)size;
	if (size != sizeof(answer) || answer.error)
		return -ESTALE;
	cluster = strnlen(answer.cluster, sizeof(answer.cluster));
	at.size = strlen(BRIDGE_PREFIX);
	memcpy(at.bytes, BRIDGE_PREFIX, at.size);
	memcpy(at.bytes + at.size, answer.cluster, cluster);
	at.size += cluster;
	err = is_certain(k, &at, &state, &other);
	if (err)
		return err;
	if (other.token != by.token || state.lease != answer.lease)
		return -ESTALE;
	*token = answer.token;
	return 0;
}

/* The caller does not have the name: whether it may come to have it. -ESTALE, -ENOENT. */
static int is_claimed(struct kreg *k, const struct kreg_owner *self, const void *key,
		      size_t key_size)
{
	struct answer answer;
	struct entry_key at;
	ssize_t size;

	if (key_size > KREG_CLUSTER_KEY_MAX)
		return -ENOENT;
	entry_key_of(&at, CLAIM_PREFIX, self->token, key, key_size);
	size = kreg_lookup(k, at.bytes, at.size, NULL, 0, NULL);
	if (size < 0)
		return (int)size;
	entry_key_of(&at, ANSWER_PREFIX, self->token, key, key_size);
	size = kreg_lookup(k, at.bytes, at.size, &answer, sizeof(answer), NULL);
	return size == sizeof(answer) && answer.error ? -ENOENT : -ESTALE;
}

int kreg_cluster_held(struct kreg *k, const void *key, size_t key_size, uint64_t *token)
{
	UNCANCELLABLE;
	struct kreg_owner self, owner;
	uint64_t found;
	int err = key_of_call(k, key, &key_size);

	if (!err)
		err = kreg_self(k, &self);
	if (err)
		return err;
	err = kreg_whereis(k, key, key_size, &owner);
	if (!err && owner.token == self.token)
		err = token_of(k, &self, key, key_size, &found);
	else if (!err || err == -ENOENT)
		return is_claimed(k, &self, key, key_size);
	if (!err && token)
		*token = found;
	return err;
}

/* Of a process of another host. */
static int remote_token(struct kreg *k, const struct kreg_remote *remote, const void *key,
			size_t key_size, uint64_t *token)
{
	struct bridge_state state;
	struct entry_key bridge;
	struct kreg_owner by;
	int err = spaces_bridge(k, key, key_size, &bridge);

	if (err == -ENOENT)
		return -ESTALE;
	if (!err)
		err = is_certain(k, &bridge, &state, &by);
	if (!err && (remote->flags & KREG_REMOTE_STALE || !remote->token))
		err = -ESTALE;
	if (!err)
		*token = remote->token;
	return err;
}

int kreg_cluster_token(struct kreg *k, const void *key, size_t key_size, uint64_t *token)
{
	UNCANCELLABLE;
	KREG_REMOTE(remote, .flags = 0);
	struct kreg_owner owner;
	int err = key_of_call(k, key, &key_size), is_remote;

	if (!err && !token)
		err = refuse(k, "token is NULL");
	if (err)
		return err;
	is_remote = kreg_remote_host(k, key, key_size, &remote);
	if (is_remote < 0)
		return is_remote;
	if (is_remote)
		return remote_token(k, &remote, key, key_size, token);
	err = kreg_whereis(k, key, key_size, &owner);
	return err ? err : token_of(k, &owner, key, key_size, token);
}
