/* SPDX-License-Identifier: MIT */
/*
 * Claiming a name that is to be unique in the cluster, and giving it up.
 *
 *   step                                   killed here
 *   1 a claim of the process's own         the bridge hears its end, and asks nobody, or deletes
 *   2 the bridge asks etcd; the name is      what it has put
 *     registered for the process, and      the same
 *     the answer is shown
 *   3 the call returns                     the same
 *
 * A claim that is given up and made again meets the answer to the one before for a moment. So a
 * claim has a number, and an answer repeats it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "lib/cluster/spaces.h"
#include "lib/handle/handle.h"
#include "lib/inner.h"

struct claiming {
	struct kreg *k;
	struct kreg_owner self;
	const void *key;
	size_t key_size;
	struct entry_key claim, answer;
	uint64_t serial;
	struct kreg_remote *holder; /* may be NULL */
};

static int check(struct kreg *k, const void *key, size_t *key_size, uint32_t flags)
{
	const char *call = "kreg_cluster_register";
	int err = key_of_call_in(k, key, key_size, call);

	if (err)
		return err;
	if (*key_size > KREG_CLUSTER_KEY_MAX)
		return -ENAMETOOLONG;
	if (!spaces_of(key, *key_size))
		return refuse_in(call, k,
				 "key is not NAMESPACE/ROLE with a namespace that does not begin "
				 "with a dot");
	if (flags & ~(uint32_t)KREG_CLUSTER_STANDBY)
		return refuse_in(call, k, "flags has unknown bits: use KREG_CLUSTER_STANDBY or 0");
	return k->segment.unique ? 0 : refuse_in(call, k, "the registry has duplicate keys");
}

static void tell_holder(struct kreg_remote *holder, const struct answer *answer)
{
	KREG_REMOTE(remote, .token = answer->token, .start = answer->start, .pid = answer->pid,
		    .uid = answer->uid);

	if (!holder)
		return;
	memcpy(remote.host, answer->host, sizeof(remote.host));
	remote.host[KREG_HOST_MAX] = 0;
	sized_write(holder, &remote, sizeof(remote));
}

/* The holder that this host knows, without a question. */
static void tell_known(const struct claiming *c)
{
	if (c->holder && kreg_remote_host(c->k, c->key, c->key_size, c->holder) <= 0)
		c->holder->host[0] = 0;
}

/* Whether the caller has it without a claim: what it has registered itself the bridge could not end. */
static bool has_it_here(const struct claiming *c)
{
	struct kreg_owner owner;

	return !kreg_whereis(c->k, c->key, c->key_size, &owner) && owner.token == c->self.token &&
	       kreg_lookup(c->k, c->claim.bytes, c->claim.size, NULL, 0, NULL) == -ENOENT;
}

/* The caller has claimed it before, or has it. */
static void tell_self(const struct claiming *c, const struct entry_key *bridge)
{
	struct answer answer = { .pid = (uint32_t)c->self.pid, .uid = KREG_ID_UNKNOWN };
	struct bridge_state state;

	if (kreg_lookup(c->k, bridge->bytes, bridge->size, &state, sizeof(state), NULL) ==
	    sizeof(state))
		memcpy(answer.host, state.host, sizeof(answer.host));
	tell_holder(c->holder, &answer);
}

static int put_claim(struct claiming *c, const void *value, size_t value_size, uint32_t flags)
{
	struct claim head = { .serial = c->serial, .flags = flags };
	unsigned char *bytes = malloc(sizeof(head) + value_size);
	int err;

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &head, sizeof(head));
	if (value_size)
		memcpy(bytes + sizeof(head), value, value_size);
	err = sizeof(head) + value_size > KREG_VALUE_MAX ? -EMSGSIZE
							 : kreg_allow(c->k, KREG_ALLOW_OTHERS);
	if (!err)
		err = kreg_register_for(c->k, &c->self, c->claim.bytes, c->claim.size, bytes,
					sizeof(head) + value_size, 0, NULL);
	free(bytes);
	return err;
}

static int is_serial(const struct kreg_entry *entry, void *data)
{
	struct claim claim;

	if (entry->value_size < sizeof(claim))
		return 0;
	memcpy(&claim, entry->value, sizeof(claim));
	return claim.serial == *(uint64_t *)data;
}

/* The claim of that number, and not one that another thread has made since. */
static void drop_claim(const struct claiming *c, uint64_t serial)
{
	if (kreg_unregister_match(c->k, c->claim.bytes, c->claim.size, is_serial, &serial) > 0)
		kreg_unregister(c->k, c->key, c->key_size);
}

/* A claim that was lost stays with its answer until the process makes another one. */
static bool drop_lost(const struct claiming *c)
{
	struct answer answer;

	if (kreg_lookup(c->k, c->answer.bytes, c->answer.size, &answer, sizeof(answer), NULL) !=
		    sizeof(answer) ||
	    !answer.error)
		return false;
	drop_claim(c, answer.serial);
	return true;
}

static int64_t left_ms(int64_t timeout_ms, uint64_t until)
{
	uint64_t now = clock_now();

	if (timeout_ms < 0)
		return -1;
	return now < until ? (int64_t)((until - now + 999999) / 1000000) : 0;
}

static int wait_for_answer(struct claiming *c, int64_t timeout_ms)
{
	uint64_t until = clock_after_ms(timeout_ms > 0 ? (uint64_t)timeout_ms : 0);
	struct answer answer;
	int err;

	for (;;) {
		struct kreg_found found = { .value = &answer, .capacity = sizeof(answer) };

		err = kreg_await(c->k, c->answer.bytes, c->answer.size, left_ms(timeout_ms, until),
				 &found);
		if (err == -ERANGE || (!err && found.size != sizeof(answer)))
			return -EUCLEAN;
		if (err)
			return err;
		if (answer.serial == c->serial)
			break;
		err = kreg_await_gone(c->k, c->answer.bytes, c->answer.size, &found.owner,
				      left_ms(timeout_ms, until));
		if (err)
			return err;
	}
	tell_holder(c->holder, &answer);
	return answer.error < 0 && answer.error > -4096 ? (int)answer.error
	       : answer.error                           ? -EUCLEAN
							: 0;
}

int kreg_cluster_register(struct kreg *k, const void *key, size_t key_size, const void *value,
			  size_t value_size, uint32_t flags, int64_t timeout_ms,
			  struct kreg_remote *holder)
{
	UNCANCELLABLE;
	struct claiming c = { .k = k, .holder = holder, .serial = clock_boot() & INT64_MAX };
	KREG_REMOTE(none, .flags = 0);
	struct entry_key bridge;
	int err = check(k, key, &key_size, flags);

	if (!err)
		err = value_of_call(k, value, &value_size, "value");
	if (!err && holder)
		err = struct_of_call(k, &none, holder, "holder");
	if (!err)
		err = kreg_self(k, &c.self);
	if (err)
		return err;
	c.key = key;
	c.key_size = key_size;
	entry_key_of(&c.claim, CLAIM_PREFIX, c.self.token, key, key_size);
	entry_key_of(&c.answer, ANSWER_PREFIX, c.self.token, key, key_size);
	err = spaces_bridge(k, key, key_size, &bridge);
	if (err == -ENOENT) {
		refuse(k, "no kreg-etcd on this host serves the namespace of key: start one with "
			  "--unique");
		return -ENOTCONN;
	}
	if (!err && has_it_here(&c))
		err = -EEXIST;
	else if (!err)
		err = put_claim(&c, value, value_size, flags);
	if (err == -EEXIST && drop_lost(&c))
		err = put_claim(&c, value, value_size, flags);
	if (err == -EEXIST)
		tell_self(&c, &bridge);
	if (err)
		return err;
	err = wait_for_answer(&c, timeout_ms);
	if (!err)
		return 0;
	if (err == -ETIMEDOUT)
		tell_known(&c);
	drop_claim(&c, c.serial);
	return err;
}

int kreg_cluster_unregister(struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	struct kreg_owner self;
	struct entry_key claim;
	int err = key_of_call(k, key, &key_size), count, names;

	if (!err)
		err = kreg_self(k, &self);
	if (err)
		return err;
	if (key_size > KREG_CLUSTER_KEY_MAX)
		return 0;
	entry_key_of(&claim, CLAIM_PREFIX, self.token, key, key_size);
	count = kreg_unregister(k, claim.bytes, claim.size);
	if (count <= 0)
		return count;
	/* Others may have registered the claim for this process once more meanwhile. */
	names = kreg_unregister(k, key, key_size);
	return names < 0 ? names : 1;
}
