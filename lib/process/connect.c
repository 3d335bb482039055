/* SPDX-License-Identifier: MIT */
/*
 * Connecting to the process behind a name, at the address in its value. A path may have
 * been bound again by another process, and a process that may write the registry can
 * write any owner into it. So the socket says which process listens, and opened.h whether
 * that process has opened the registry.
 *
 * A socket of TCP or vsock says nothing of a process: the owner has chosen the address, and is alive
 * behind it. One that another host has written, which is not trusted, is not to lead back to what
 * listens on this host.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/find/remote.h"
#include "lib/handle/handle.h"
#include "lib/process/address.h"
#include "lib/process/opened.h"
#include "base/fd.h"

#define PATIENCE_MS 10000

/*
 * Whether @owner is the process at the other end, and has opened the registry, as far as
 * that is visible.
 */
static int peer_check(struct kreg *k, int fd, const struct kreg_owner *owner)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	if (!kreg_owner_is_alive(k, owner))
		return -ESRCH;
	if (peer.pid != owner->pid)
		return -EPERM;
	/*
	 * If it is not visible who has opened the registry, the socket still identifies
	 * the other end.
	 */
	err = opened_by(k, owner->token, owner->pid);
	return err == -EUCLEAN ? err : 0;
}

/* An address of AF_UNIX: @fd reaches @owner. */
static int connect_here(struct kreg *k, int fd, const struct address *address,
			const struct kreg_owner *owner)
{
	/*
	 * -ENOENT means that nobody holds the name, so a missing path has to be another
	 * error.
	 */
	if (connect(fd, &address->any, address->size))
		return errno == ENOENT ? -ECONNREFUSED : -errno;
	return peer_check(k, fd, owner);
}

/* Until the connection is there, PATIENCE_MS at most. */
static int await_connection(int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLOUT };
	int got = poll(&at, 1, PATIENCE_MS), err = 0;
	socklen_t size = sizeof(err);

	if (got <= 0)
		return got ? -errno : -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) ? -errno : -err;
}

/* One of TCP or vsock. @fd does not block; it does afterwards, unless @type says otherwise. */
static int connect_away(struct kreg *k, int fd, const struct address *address, int type,
			const struct kreg_owner *owner)
{
	bool waits = !(type & SOCK_NONBLOCK);
	int err = connect(fd, &address->any, address->size) ? -errno : 0;

	if (err == -EINPROGRESS)
		err = waits ? await_connection(fd) : 0;
	if (!err && waits && fcntl(fd, F_SETFL, 0))
		err = -errno;
	if (err)
		return err == -ENOENT ? -ECONNREFUSED : err;
	return kreg_owner_is_alive(k, owner) ? 0 : -ESRCH;
}

static int connect_to(struct kreg *k, const struct address *address, int type,
		      const struct kreg_owner *owner)
{
	int family = address->any.sa_family;
	bool is_here = family == AF_UNIX;
	int fd = fd_socket_of(family, is_here ? type : type | SOCK_NONBLOCK), err;

	if (fd < 0)
		return fd;
	err = is_here ? connect_here(k, fd, address, owner)
		      : connect_away(k, fd, address, type, owner);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/*
 * The owner of the name and its address. -EDESTADDRREQ: the owner has none; -ERESTART: it is
 * another one meanwhile; all others are the end.
 */
static int look_up(struct kreg *k, const void *key, size_t key_size, struct address *out,
		   struct kreg_owner *own)
{
	char value[ADDRESS_MAX];
	struct kreg_owner before;
	bool is_remote;
	ssize_t size;
	int err = remote_refused_in(k, key, key_size, &before, "kreg_connect");

	if (err && err != -EREMOTE)
		return err;
	is_remote = err == -EREMOTE;
	size = kreg_lookup(k, key, key_size, value, sizeof(value), own);
	if (size < 0 && size != -ERANGE)
		return (int)size;
	/* What is said of a name of one owner is not to be done with the value of another. */
	if (before.token != own->token)
		return -ERESTART;
	err = size < 0 ? -EDESTADDRREQ : address_read(out, value, (size_t)size);
	return is_remote && (err || !address_leads_away(out)) ? -EREMOTE : err;
}

int kreg_connect(struct kreg *k, const void *key, size_t key_size, int type,
		 struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct address address;
	struct kreg_owner own;
	int err, fd, tries;

	if ((type & ~SOCK_NONBLOCK & ~SOCK_CLOEXEC) != SOCK_STREAM &&
	    (type & ~SOCK_NONBLOCK & ~SOCK_CLOEXEC) != SOCK_SEQPACKET)
		return refuse(k, "type is not SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK, "
				 "SOCK_CLOEXEC or neither");
	for (tries = 0;; tries++) {
		err = look_up(k, key, key_size, &address, &own);
		if (err && err != -EDESTADDRREQ && err != -ERESTART)
			return err;
		fd = err ? err : connect_to(k, &address, type, &own);
		if (fd >= 0 || tries == PEEK_TRIES ||
		    (err != -ERESTART && kreg_owner_is_alive(k, &own)))
			break;
	}
	if (fd >= 0 && owner)
		*owner = own;
	return fd == -ERESTART ? -EAGAIN : fd;
}
