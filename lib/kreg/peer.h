/* SPDX-License-Identifier: MIT */
/*
 * kreg: the process behind a name. Find it, watch it, signal it, connect to it.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_PEER_H
#define KREG_PEER_H

#include <kreg/base.h>
#include <kreg/owner.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who holds @key. As kreg_lookup() without the value.
 * Return: 0; -ENOENT; -EINVAL, -ENAMETOOLONG, -EAGAIN, -EUCLEAN, -ENOMEM.
 * Since: 1.0
 */
int kreg_whereis(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner);

/*
 * A pidfd (close-on-exec) of the process that holds @key, and of no other one with its pid. It becomes
 * readable when that process dies; by then its names are gone. With duplicate keys: of one holder.
 *
 * @owner: may be NULL.
 * Return: the fd; -ENOENT nobody holds the key; -EREMOTE it is held in another PID namespace; -EACCES as
 *         kreg_owner_pidfd(); -EUCLEAN the one who is said to hold it has never opened the registry; errors of
 *         kreg_lookup() and pidfd_open(2).
 * Since: 1.0
 */
int kreg_monitor(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner);

/*
 * Sends @signal to the process that holds @key; 0 asks only whether it could be sent. No other process
 * can get it, whatever dies or starts meanwhile.
 * Return: 0; -ENOENT nobody holds the key; -EREMOTE, -EUCLEAN as above; -EACCES in the fallback: /proc does not show
 *         whether it has opened the registry; -EINVAL no such signal; -EPERM you may not.
 * Since: 1.0
 */
int kreg_signal(struct kreg *k, const void *key, size_t key_size, int signal);

/*
 * Connects to the process that holds @key, whose value is the address of an AF_UNIX socket: a path, or
 * '@' and an abstract name. The one who listens there has to be the owner.
 *
 * @type: SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK if wanted; always close-on-exec.
 * @owner: may be NULL.
 * Context: as connect(2).
 * Return: the fd; -ENOENT nobody holds the key; -EDESTADDRREQ the value is no address; -EPERM another
 *         process listens there; -EUCLEAN as above; -ECONNREFUSED none does, or there is no such
 *         path; errors of socket(2) and connect(2).
 * Since: 1.0
 */
int kreg_connect(struct kreg *k, const void *key, size_t key_size, int type,
		 struct kreg_owner *owner);

/*
 * What the kernel says of @owner, and only if that has opened the registry: so a client can ask that a name is
 * held by a certain user. uid and gid are those of now; a process that has dropped its privileges is who it is, not
 * who it was, which attach_uid and attach_gid say. In the fallback attach_uid and attach_gid are what the owner
 * wrote, and all others come from /proc.
 * Return: 0; -ESRCH it is dead, or has not opened the registry; -EINVAL; -EACCES in the fallback: /proc does not show
 *         whether it has, as of another user's process to who is not root.
 * Since: 1.0
 */
int kreg_owner_facts(struct kreg *k, const struct kreg_owner *owner,
		     struct kreg_owner_facts *facts);

#ifdef __cplusplus
}
#endif
#endif
