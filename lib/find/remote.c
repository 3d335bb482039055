/* SPDX-License-Identifier: MIT */
/*
 * Names of other hosts: which they are. A lookup does not ask; what leads to the process behind a
 * name does, by a search of its own, so that a lookup pays nothing for it.
 *
 * What the entry says of the other host lies behind its value (struct entry_remote), and is
 * copied as a value is, under a peek.
 */
#include "lib/find/remote.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/find/lookup.h"
#include "shm/query.h"

_Static_assert(KREG_HOST_MAX == ENTRY_HOST_MAX, "what is longer is taken for damage");
_Static_assert(sizeof(((struct kreg_remote *)0)->host) > KREG_HOST_MAX, "room for the NUL");

/* -EUCLEAN, -ENOMEM: as for a value. */
static int copy_remote(const struct kreg *k, const struct found *found, struct kreg_remote *out)
{
	const struct segment *s = &k->segment;
	struct entry_remote head;
	uint32_t host_size;
	const struct entry_remote *remote = entry_remote(s, found->entry, found->info, &host_size);

	if (!remote)
		return segment_fault(s);
	copy_out(&head, remote, sizeof(head));
	*out = (struct kreg_remote){ .size = sizeof(*out) };
	out->token = head.token;
	out->start = head.start;
	out->pid = head.pid;
	out->uid = head.uid;
	out->flags = head.flags;
	copy_out(out->host, remote->host, host_size);
	return 0;
}

/* 0, 1 if it is of another host, or an error. @remote may be NULL. */
static int look(struct kreg *k, const struct query *q, struct kreg_owner *owner,
		struct kreg_remote *remote)
{
	struct found found = { 0 };
	int tries, got;

	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		got = lookup_find(k, q, &found);
		if (!got)
			got = entry_is_remote(found.info);
		if (got > 0 && remote)
			got = copy_remote(k, &found, remote);
		if (!grace_peek_held(&k->segment, epoch))
			continue;
		if (got < 0 || handle_owner(k, found.owner, found.life, owner))
			return got < 0 ? got : (int)entry_is_remote(found.info);
	}
	return -EAGAIN;
}

static int look_for(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner,
		    struct kreg_remote *remote, const char *function)
{
	int err = key_of_call_in(k, key, &key_size, function);
	struct query q;

	if (err)
		return err;
	q = table_query(&k->segment, key, key_size);
	return look(k, &q, owner, remote);
}

int remote_refused_in(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner,
		      const char *function)
{
	int got = look_for(k, key, key_size, owner, NULL, function);

	return got > 0 ? -EREMOTE : got;
}

int kreg_remote_host(struct kreg *k, const void *key, size_t key_size, struct kreg_remote *remote)
{
	struct kreg_remote found;
	struct kreg_owner owner;
	int got = remote ? size_of_call(k, remote, "remote") : 0;
	if (!got)
		got = look_for(k, key, key_size, &owner, &found, __func__);
	if (got > 0 && remote)
		sized_write(remote, &found, sizeof(found));
	return got;
}
