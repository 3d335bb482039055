/* SPDX-License-Identifier: MIT */
/*
 * The holder: a process that owns the names of other hosts, so that they outlive a bridge.
 *
 *   a bridge      the names
 *   is there      are as it says
 *   is gone       are marked stale at once; after the grace the holder ends, and they are absent
 *   comes again   those that it puts are not stale any more; what is still stale when it has put all
 *                 is unregistered
 *
 * A name has the same owner all the time, so nobody finds it free in between. What a bridge has
 * said of a name it does not keep: that is in the registry.
 */
#include "bridge/holder.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bridge/say.h"

struct holder {
	struct kreg *k;
	struct kreg_owner self;
	int listener, bridge; /* -1: there is none */
	bool is_known;        /* it is of this version */
	uint32_t grace;
	uint64_t until; /* without a bridge */
};

int held_put(struct kreg *k, const struct name *name, const void *value, uint32_t value_size,
	     const struct kreg_remote *remote, bool is_unique)
{
	const uint32_t wanted = is_unique ? 0 : KREG_REGISTER_REPLACEABLE;
	uint32_t flags;

	/* An own entry keeps its flags when it is replaced. */
	if (kreg_remote_host(k, name->key, name->key_size, NULL) > 0 &&
	    kreg_get_flags(k, name->key, name->key_size, &flags) >= 0 && flags != wanted)
		kreg_unregister(k, name->key, name->key_size);
	return kreg_register_remote(k, name->key, name->key_size, value, value_size, remote, wanted,
				    NULL);
}

struct names {
	struct name *all;
	size_t count, room;
};

static int collect(const struct kreg_entry *entry, void *data)
{
	struct names *names = data;

	if (names->count == names->room) {
		size_t room = names->room ? 2 * names->room : 256;
		struct name *grown = realloc(names->all, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->all = grown;
		names->room = room;
	}
	memcpy(names->all[names->count].key, entry->key, entry->key_size);
	names->all[names->count++].key_size = (uint32_t)entry->key_size;
	return 0;
}

static void make_stale(struct holder *h, const struct name *name)
{
	static unsigned char value[KREG_VALUE_MAX];
	KREG_REMOTE(remote, .pid = 0);
	ssize_t size = kreg_lookup(h->k, name->key, name->key_size, value, sizeof(value), NULL);
	uint32_t flags = 0;

	if (size < 0 || kreg_remote_host(h->k, name->key, name->key_size, &remote) <= 0)
		return;
	remote.flags |= KREG_REMOTE_STALE;
	if (kreg_get_flags(h->k, name->key, name->key_size, &flags) >= 0)
		held_put(h->k, name, value, (uint32_t)size, &remote, !flags);
}

static void drop_stale(struct holder *h, const struct name *name)
{
	KREG_REMOTE(remote, .pid = 0);

	if (kreg_remote_host(h->k, name->key, name->key_size, &remote) > 0 &&
	    remote.flags & KREG_REMOTE_STALE)
		kreg_unregister(h->k, name->key, name->key_size);
}

static void each_name(struct holder *h, void (*visit)(struct holder *, const struct name *))
{
	struct names names = { 0 };
	size_t i;

	kreg_each_of_owner(h->k, &h->self, collect, &names);
	for (i = 0; i < names.count; i++)
		visit(h, &names.all[i]);
	free(names.all);
}

static int64_t put(struct holder *h, const struct held_request *r, const void *value, size_t size)
{
	KREG_REMOTE(remote, .token = r->revision, .start = r->start, .pid = r->pid, .uid = r->uid,
		    .flags = r->is_stale ? KREG_REMOTE_STALE : 0);

	if (size != r->value_size || strnlen(r->host, sizeof(r->host)) > KREG_HOST_MAX)
		return -EINVAL;
	memcpy(remote.host, r->host, strlen(r->host) + 1);
	return held_put(h->k, &r->name, value, r->value_size, &remote, r->is_unique);
}

static int64_t obey(struct holder *h, const unsigned char *packet, size_t size)
{
	struct held_request r;

	if (size < sizeof(r))
		return -EINVAL;
	memcpy(&r, packet, sizeof(r));
	if (strncmp(r.version, KREG_VERSION, sizeof(r.version)))
		return -EPROTO;
	if (r.name.key_size > KREG_KEY_MAX)
		return -EINVAL;
	switch (r.what) {
	case HELD_HELLO:
		h->is_known = true;
		return 0;
	case HELD_PUT:
		return put(h, &r, packet + sizeof(r), size - sizeof(r));
	case HELD_DROP:
		return kreg_unregister(h->k, r.name.key, r.name.key_size);
	case HELD_COMPARED:
		each_name(h, drop_stale);
		return 0;
	default:
		return -EINVAL;
	}
}

static void bridge_is_gone(struct holder *h)
{
	close(h->bridge);
	h->bridge = -1;
	/* One of another version comes again and again, and is not to prolong the grace. */
	if (!h->is_known)
		return;
	h->is_known = false;
	h->until = clock_after_ms(1000ull * h->grace);
	each_name(h, make_stale);
}

static void serve(struct holder *h)
{
	static unsigned char packet[HELD_MAX];
	ssize_t size = recv(h->bridge, packet, sizeof(packet), 0);
	struct held_answer answer = { .owner = h->self };

	if (size <= 0) {
		bridge_is_gone(h);
		return;
	}
	answer.err = obey(h, packet, (size_t)size);
	if (send(h->bridge, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
		bridge_is_gone(h);
}

/* One bridge at a time, of the same user. */
static void let_in(struct holder *h)
{
	int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return;
	if (h->bridge >= 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    (peer.uid && peer.uid != geteuid())) {
		close(fd);
		return;
	}
	h->bridge = fd;
}

static bool goes_on(struct holder *h)
{
	struct pollfd fds[2] = { { .fd = h->listener, .events = POLLIN },
				 { .fd = h->bridge, .events = POLLIN } };
	uint64_t now = clock_now();
	int wait = -1;

	if (h->bridge < 0) {
		if (now >= h->until)
			return false;
		wait = (int)((h->until - now) / 1000000 + 1);
	}
	if (poll(fds, 2, wait) < 0)
		return errno == EINTR;
	if (fds[1].revents)
		serve(h);
	else if (fds[0].revents)
		let_in(h);
	return true;
}

void holder_run(int listener, const char *registry, uint32_t grace)
{
	struct holder h = { .listener = listener, .bridge = -1, .grace = grace };
	int err = kreg_open(&h.k, registry, NULL);

	if (!err)
		err = kreg_self(h.k, &h.self);
	if (err) {
		say("holder: registry \"%s\": %s", registry, kreg_strerror(err));
		_exit(1);
	}
	/* For the bridge that has started it. */
	h.until = clock_after_ms(10000);
	while (goes_on(&h))
		;
	kreg_close(h.k);
	exit(0);
}
