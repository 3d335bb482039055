/* SPDX-License-Identifier: MIT */
/*
 * Registering names of other hosts, for a process that learns of them elsewhere.
 *
 * Such an entry is the caller's own in all that the shared memory knows: it lies in its slabs, is
 * in its count and ends with it. A flag says that it tells of another host, and which is behind
 * the value (struct entry_remote); the search for a name does not look at either.
 *
 *   step                                    killed here
 *   a block is taken and filled             the slab is a dead owner's, the entry in no list
 *   linked, or it replaces the caller's     absent, because its owner is dead
 *     own one, by one CAS
 *
 * Of two hosts with one name this one is right about itself. So an entry with
 * KREG_REGISTER_REPLACEABLE yields: a process of this host links in front of it as if the name
 * was free, by the CAS and the rules of every replaceable name (entry_yields(), may_pass()). The
 * entry stays behind, in line, until its owner takes it out.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "lib/names/register.h"
#include "lib/names/update.h"
#include "shm/index.h"

/* What an entry says of the other host, with room for the longest name of one. */
struct packed {
	struct entry_remote head;
	char host[KREG_HOST_MAX];
};
_Static_assert(offsetof(struct packed, host) == offsetof(struct entry_remote, host),
	       "the host is behind the head");

static int check_remote(struct kreg *k, const struct kreg_remote *given, struct packed *out,
			uint32_t *size)
{
	struct kreg_remote remote;
	size_t host_size;
	int err = given ? struct_of_call_in(k, &remote, sizeof(remote), given, "remote",
					    "kreg_register_remote")
			: refuse_in("kreg_register_remote", k, "remote is NULL");

	if (err)
		return err;
	host_size = strnlen(remote.host, sizeof(remote.host));
	if (!host_size || host_size > KREG_HOST_MAX)
		return refuse_in("kreg_register_remote", k,
				 "remote->host is not of 1 to 64 bytes and a NUL");
	if (remote.flags & ~(uint32_t)KREG_REMOTE_STALE || remote.reserved)
		return refuse_in("kreg_register_remote", k,
				 "remote->flags has unknown bits: use KREG_REMOTE_STALE or 0");
	*out = (struct packed){ .head = { .token = remote.token,
					  .start = remote.start,
					  .pid = remote.pid,
					  .uid = remote.uid,
					  .flags = remote.flags,
					  .host_size = (uint32_t)host_size } };
	memcpy(out->host, remote.host, host_size);
	*size = (uint32_t)(offsetof(struct packed, host) + host_size);
	return 0;
}

static int check(struct kreg *k, const void *key, size_t *key_size, const void *value,
		 size_t *value_size, uint32_t flags, const struct kreg_found *holder)
{
	const char *call = "kreg_register_remote";
	int err = key_of_call_in(k, key, key_size, call);

	if (!err)
		err = value_of_call_in(k, value, value_size, "value", call);
	if (err)
		return err;
	if (!k->segment.unique)
		return refuse_in(call, k, "the registry has duplicate keys");
	if (flags & ~(uint32_t)KREG_REGISTER_REPLACEABLE)
		return refuse_in(call, k,
				 "flags has unknown bits: use KREG_REGISTER_REPLACEABLE or 0");
	return register_check_holder(k, holder);
}

/* -ENOENT: the caller has no entry of that key; -EREMOTE: one of this host. */
static int replace_own(struct kreg *k, struct query *q, const struct content *content)
{
	const struct update u = { .remote = true };
	struct content with = *content;
	ssize_t got;

	/* Those of the entry that is replaced stay. */
	with.kind = ENTRY_NAME | ENTRY_REMOTE;
	got = update_entry(k, q, &with, &u);
	return got < 0 ? (int)got : 0;
}

int kreg_register_remote(struct kreg *k, const void *key, size_t key_size, const void *value,
			 size_t value_size, const struct kreg_remote *remote, uint32_t flags,
			 struct kreg_found *holder)
{
	UNCANCELLABLE;
	struct packed packed;
	struct content content = { .value = value, .remote = &packed.head };
	struct query q;
	int err = check(k, key, &key_size, value, &value_size, flags, holder);

	if (!err)
		err = check_remote(k, remote, &packed, &content.remote_size);
	if (!err)
		err = handle_check(k);
	if (err)
		return err;
	content.value_size = (uint32_t)value_size;
	content.kind = ENTRY_NAME | ENTRY_REMOTE | flags_of_entry(flags);
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	err = index_may_have(&k->segment, &q) ? replace_own(k, &q, &content) : -ENOENT;
	/* It finds that one of this host is there, and tells who holds the name. */
	if (err == -ENOENT || err == -EREMOTE)
		err = register_content(k, &q, &content, 0, holder);
	return err;
}
