/* SPDX-License-Identifier: MIT */
/*
 * kreg: the process behind a name. Find it, watch it, signal it, connect to it.
 *
 * A pid may be given to another process as soon as its process is gone. These calls never
 * reach that other process: they check that the owner is alive after they have a handle on
 * the process. All except kreg_whereis() refuse an owner that has not opened the registry,
 * because a process that may write the registry can write any owner into it.
 *
 * Include <kreg.h>, which states what holds for all calls. With duplicate keys these calls
 * concern the entry that kreg_lookup() finds. Context of all: any thread, a read-only handle,
 * a child of fork(2); not a signal handler. A caller that is killed leaves nothing.
 */
#ifndef KREG_PEER_H
#define KREG_PEER_H

#include <kreg/base.h>
#include <kreg/owner.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Finds the owner of @key, as kreg_lookup() does without the value. The owner is what the
 * entry says.
 *
 * Context: no system call, except the mprotect(2) of kreg_lookup().
 * Return: 0, or an error as kreg_lookup().
 * Since: 1.0
 */
int kreg_whereis(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner);

/*
 * Opens a pidfd, close-on-exec, of the process that holds @key. It becomes readable when that
 * process dies, and by then its names are gone. It reports nothing if the process lives on
 * without the name; kreg_await_gone() and kreg_listen() do.
 *
 * @owner: may be NULL.
 * Return: the fd, which the caller closes, or an error as kreg_lookup(), and:
 *   -ENOENT        the key has no owner
 *   -EREMOTE       the owner is in another PID namespace, or the name is of another host
 *   -EUCLEAN       the process that is said to hold the key has not opened the registry
 *   -EACCES        in the fallback: /proc does not show whether the process has opened the
 *                  registry, and the caller could signal it
 *   others of pidfd_open(2), such as -EMFILE, -ENFILE, -ENOSYS
 * Since: 1.0
 */
int kreg_monitor(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner);

/*
 * Sends @signal to the process that holds @key. 0 sends nothing, and checks only whether it
 * could be sent. If the owner dies meanwhile, the signal goes to the next holder of the name,
 * and to no process if there is none.
 *
 * Return: 0, or an error as kreg_lookup(), and:
 *   -ENOENT        the key has no owner
 *   -EREMOTE       the owner is in another PID namespace, or the name is of another host
 *   -EUCLEAN       the process that is said to hold the key has not opened the registry
 *   -EACCES        in the fallback: /proc does not show whether the process has opened the
 *                  registry
 *   -EPERM         the caller may not signal that process
 *   -EINVAL        there is no such signal
 *   others of pidfd_open(2) and pidfd_send_signal(2)
 * Since: 1.0
 */
int kreg_signal(struct kreg *k, const void *key, size_t key_size, int signal);

/*
 * Connects to the process that holds @key, at the address that its value is, of 1 to 107 bytes,
 * without a 0 byte at the end:
 *
 *   tcp:A.B.C.D:PORT     IPv4
 *   tcp:[A:B::C]:PORT    IPv6, without a scope
 *   vsock:CID:PORT       a virtual machine, or its host
 *   @NAME                an abstract name of AF_UNIX
 *   PATH                 any other: a path of AF_UNIX
 *
 * Numbers are decimal, ports of TCP 1 to 65535; names of hosts are not looked up. The process that
 * listens at an address of AF_UNIX has to be the owner: a leftover path that another process uses
 * by now is refused. Of TCP and vsock nobody can tell which process listens; the owner has chosen
 * the address, and is alive when this returns. If the owner dies meanwhile, the name is looked up
 * again.
 *
 * A name of another host (kreg_register_remote()) has to have an address of TCP or vsock that leads
 * to one other host: not a loopback, unspecified, multicast or link-local one, nor a CID below 2.
 *
 * @type: SOCK_STREAM or SOCK_SEQPACKET, optionally with SOCK_NONBLOCK. The fd is always
 *        close-on-exec. TCP has SOCK_STREAM only.
 * @owner: may be NULL. Of a name of another host who has registered it here, as of kreg_lookup().
 * Context: of AF_UNIX it may block as connect(2) does; of TCP and vsock 10 seconds at most, and
 *          with SOCK_NONBLOCK it does not: the connection may be underway then, and is there when
 *          poll(2) says POLLOUT and SO_ERROR is 0.
 * Return: the fd, or an error as kreg_lookup(), and:
 *   -ENOENT        the key has no owner
 *   -EREMOTE       the name is of another host, and its value no address that leads there
 *   -EDESTADDRREQ  the value is empty, too long, a path that contains a 0 byte, or begins with
 *                  "tcp:" or "vsock:" and is none
 *   -EPERM         another process than the owner listens there
 *   -EUCLEAN       the process that is said to hold the key has not opened the registry
 *   -ECONNREFUSED  no process listens on the owner's socket, or the path does not exist
 *   -ETIMEDOUT     no answer in 10 seconds, of TCP or vsock
 *   -EACCES        the path denies access
 *   -EINVAL        there is no such type
 *   others of socket(2) and connect(2), such as -EINTR, and -EAGAIN of a socket that does not
 *   block
 * Since: 1.0
 */
int kreg_connect(struct kreg *k, const void *key, size_t key_size, int type,
		 struct kreg_owner *owner);

/*
 * Fills @facts for an owner that has opened the registry, as kreg_each_owner() does. So a
 * client can require that a name is held by a certain user. uid and gid are the current ones:
 * a process that has dropped its privileges counts as the user that it is now, and attach_uid
 * and attach_gid are the earlier one. Under the guard uid and gid are KREG_ID_UNKNOWN where
 * /proc does not show them.
 *
 * Return: 0, or an error:
 *   -ESRCH         the owner is dead, or has not opened the registry
 *   -EACCES        in the fallback: /proc does not show whether the process has opened the
 *                  registry, as of another user's process to a caller that is not root
 *   -EINVAL        an argument is NULL, or the owner has token 0
 *   -ENOMEM        a part of the registry is beyond what this process could map; reopen it
 * Since: 1.0
 */
int kreg_owner_facts(struct kreg *k, const struct kreg_owner *owner,
		     struct kreg_owner_facts *facts);

#ifdef __cplusplus
}
#endif
#endif
