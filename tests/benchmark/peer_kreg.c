/* SPDX-License-Identifier: MIT */
/* kreg itself, in the table of peers. */
#include "tests/benchmark/peer.h"

static void *kreg_open_peer(const struct bench_options *options, const char **why)
{
	(void)why;
	return (void *)(uintptr_t)options;
}

static void kreg_close_peer(void *peer)
{
	registry_destroy(peer, REGISTRY);
}

static void *kreg_join(void *peer)
{
	return registry_open(peer, REGISTRY);
}

static void kreg_leave(void *member)
{
	kreg_close(member);
}

static void kreg_take(void *member, uint32_t number)
{
	uint64_t value = number;
	int err;

	err = kreg_register(member, peer_name(number), PEER_NAME_SIZE, &value, sizeof(value), NULL);
	if (err)
		die("kreg_register", err);
}

static void kreg_give_up(void *member, uint32_t number)
{
	kreg_unregister(member, peer_name(number), PEER_NAME_SIZE);
}

static bool kreg_find(void *member, uint32_t number)
{
	uint64_t value;

	return kreg_lookup(member, peer_name(number), PEER_NAME_SIZE, &value, sizeof(value),
			   NULL) >= 0;
}

const struct peer peer_kreg = {
	.name = "kreg",
	.has_owners = true,
	.lookups = 200000,
	.pairs = 50000,
	.open = kreg_open_peer,
	.close = kreg_close_peer,
	.join = kreg_join,
	.leave = kreg_leave,
	.take = kreg_take,
	.give_up = kreg_give_up,
	.find = kreg_find,
};
