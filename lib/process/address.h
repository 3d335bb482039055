/* SPDX-License-Identifier: MIT */
/*
 * The address that a value is, of a socket.
 *
 *   tcp:A.B.C.D:PORT        IPv4, as inet_pton(3) takes it
 *   tcp:[A:B::C]:PORT       IPv6, without a scope
 *   vsock:CID:PORT          of a virtual machine or its host
 *   @NAME, PATH             AF_UNIX, of this host alone
 *
 * Numbers are decimal, without a sign and without a zero in front: ports of TCP 1 to 65535, the
 * others below 2^32 - 1. There are no names of hosts, so nobody is asked.
 *
 * Promises  no more than @size bytes are read.
 * Context   any.
 * Used by   connect.c.
 */
#ifndef KREG_LIB_ADDRESS_H
#define KREG_LIB_ADDRESS_H

#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#pragma GCC visibility push(hidden)

#define ADDRESS_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_un here;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_vm vm;
	};
	socklen_t size;
};

/* -EDESTADDRREQ: it is none. */
int address_read(struct address *out, const char *value, size_t size);

/*
 * Whether @address, which another host has written, leads to another host: not to this one, as
 * loopback and no address at all do, and not to many.
 */
bool address_leads_away(const struct address *address);

#pragma GCC visibility pop

#endif
