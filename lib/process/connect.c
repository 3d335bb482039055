/* SPDX-License-Identifier: MIT */
/*
 * Connecting to the process behind a name, at the address in its value. A path may have
 * been bound again by another process, and a process that may write the registry can
 * write any owner into it. So the socket says which process listens, and opened.h whether
 * that process has opened the registry.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/find/remote.h"
#include "lib/handle/handle.h"
#include "lib/process/opened.h"
#include "base/fd.h"

static int address_read(const char *value, size_t size, struct sockaddr_un *out,
			socklen_t *out_size)
{
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	if (size < 1 || size >= sizeof(out->sun_path))
		return -EDESTADDRREQ;
	memcpy(out->sun_path, value, size);
	*out_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	if (value[0] == '@')
		out->sun_path[0] = 0;
	else if (memchr(value, 0, size))
		return -EDESTADDRREQ;
	else
		(*out_size)++;
	return 0;
}

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

static int connect_to(struct kreg *k, const struct sockaddr_un *address, socklen_t size, int type,
		      const struct kreg_owner *owner)
{
	int fd = fd_socket(type);
	int err = 0;

	if (fd < 0)
		return fd;
	/*
	 * -ENOENT means that nobody holds the name, so a missing path has to be another
	 * error.
	 */
	if (connect(fd, (const struct sockaddr *)address, size))
		err = errno == ENOENT ? -ECONNREFUSED : -errno;
	if (!err)
		err = peer_check(k, fd, owner);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int kreg_connect(struct kreg *k, const void *key, size_t key_size, int type,
		 struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct sockaddr_un address;
	struct kreg_owner own;
	char value[sizeof(address.sun_path)];
	socklen_t address_size;
	ssize_t size;
	int fd, tries;

	if ((type & ~SOCK_NONBLOCK & ~SOCK_CLOEXEC) != SOCK_STREAM &&
	    (type & ~SOCK_NONBLOCK & ~SOCK_CLOEXEC) != SOCK_SEQPACKET)
		return refuse(k, "type is not SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK, "
				 "SOCK_CLOEXEC or neither");
	for (tries = 0;; tries++) {
		fd = remote_refused(k, key, key_size, &own);
		if (fd)
			return fd;
		size = kreg_lookup(k, key, key_size, value, sizeof(value), &own);
		if (size < 0 && size != -ERANGE)
			return (int)size;
		fd = size < 0 ? -EDESTADDRREQ
			      : address_read(value, (size_t)size, &address, &address_size);
		if (!fd)
			fd = connect_to(k, &address, address_size, type, &own);
		if (fd >= 0 || tries == PEEK_TRIES || kreg_owner_is_alive(k, &own))
			break;
	}
	if (fd >= 0 && owner)
		*owner = own;
	return fd;
}
