/* SPDX-License-Identifier: MIT */
/*
 * Opens the notify socket under an abstract name, which a service can reach after
 * chroot(2), with dropped privileges or in a mount namespace of its own, but not in a
 * network namespace of its own.
 *
 * Any user of the host can send to an abstract socket, so SCM_CREDENTIALS tells the
 * sender of each message. A pid is reliable only while its process exists: where the
 * kernel has SO_PASSPIDFD, the sender's pidfd comes along and is checked last. A message
 * whose sender has been reaped before it is read does not count; systemd-notify(1) waits
 * for BARRIER=1.
 *
 * A name that is to be bound again is a hash, FNV-1a once from each end of the key, to
 * keep services apart; it is not a secret. While the socket is open, no other process can
 * bind its name.
 *
 *   the supervisor is       the name is    messages of the service
 *   running                 bound          are received
 *   killed                  free           are refused, and lost. Any process may bind the name,
 *                                          and would receive them
 *   followed by another     bound          are received; or, if another process has bound the name,
 *                                          they are not, which is logged
 */
#include "lib/services/start/notify_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

#define TRIES 50
#define WAIT_MS 10
#define HASH_START 0xcbf29ce484222325ull
#define HASH_PRIME 0x100000001b3ull

static uint64_t mix(uint64_t hash, uint64_t value)
{
	int i;

	for (i = 0; i < 8; i++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * HASH_PRIME;
	return hash;
}

void notify_name(char *out, const struct kreg *k, const void *key, size_t key_size)
{
	const unsigned char *bytes = key;
	uint64_t device, inode, there, back;
	size_t i;

	kreg_inner_file(k, &device, &inode);
	there = mix(mix(HASH_START, device), inode);
	back = ~there;
	for (i = 0; i < key_size; i++) {
		there = (there ^ bytes[i]) * HASH_PRIME;
		back = (back ^ bytes[key_size - 1 - i]) * HASH_PRIME;
	}
	snprintf(out, NOTIFY_NAME_BYTES, "kreg-%016llx%016llx", (unsigned long long)there,
		 (unsigned long long)back);
}

static socklen_t address_of(const char *name, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(out->sun_path + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

/* @name NULL: the kernel chooses. */
static int bind_to(int fd, const char *name, int tries)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(sa_family_t);
	int i, err;

	if (name)
		size = address_of(name, &address);
	/* A process's life is over before the kernel has closed its fds. */
	for (i = 1;; i++) {
		err = bind(fd, (struct sockaddr *)&address, size) ? -errno : 0;
		if (err != -EADDRINUSE || i >= tries)
			return err;
		poll(NULL, 0, WAIT_MS);
	}
}

static int prepare(int fd, const char *name, bool is_any_good, char *variable)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	const int on = 1;
	int err;

	/* Before it has a name, so that every message comes with its sender. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on));
	err = bind_to(fd, name, name ? TRIES : 1);
	if (err == -EADDRINUSE && name && is_any_good)
		err = bind_to(fd, NULL, 1);
	if (err)
		return err;
	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return -errno;
	size -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	snprintf(variable, NOTIFY_VARIABLE_BYTES, "NOTIFY_SOCKET=@%.*s", (int)size - 1,
		 address.sun_path + 1);
	return 0;
}

int notify_socket_open(const char *name, bool is_any_good, char *variable)
{
	int fd = fd_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	int err = fd < 0 ? fd : prepare(fd, name, is_any_good, variable);

	if (!err)
		return fd;
	fd_close(&fd);
	return err;
}

int notify_sign_open(const char *name, bool waits)
{
	int fd = fd_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	int err = fd < 0 ? fd : bind_to(fd, name, waits ? TRIES : 1);

	if (!err)
		return fd;
	fd_close(&fd);
	return err;
}

bool notify_is_there(const char *name)
{
	struct sockaddr_un address;
	socklen_t size = address_of(name, &address);
	int fd = fd_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	/* Any other error does not say that there is none. */
	bool is_there =
		fd < 0 || !connect(fd, (struct sockaddr *)&address, size) || errno != ECONNREFUSED;

	fd_close(&fd);
	return is_there;
}
