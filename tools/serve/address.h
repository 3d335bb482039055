/* SPDX-License-Identifier: MIT */
/*
 * Where regtool serves: the path of a Unix socket, or a port of the loopback interface. Other
 * addresses are refused, because there is neither encryption nor a password.
 *
 * No name is resolved: "localhost" is 127.0.0.1.
 *
 * Used by   cmd_metrics.c, listening.c, answer.c.
 */
#ifndef TOOLS_SERVE_ADDRESS_H
#define TOOLS_SERVE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct serve_address {
	union {
		struct sockaddr any;
		struct sockaddr_un path;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t size;
};

/*
 * Reads /PATH, ./PATH, unix:PATH, or HOST:PORT, where HOST is localhost, of 127.0.0.0/8 or [::1],
 * and a PORT of 0 is any free one.
 * Return: NULL; else what is wrong with @text, to follow it in a sentence.
 */
const char *serve_address_parse(struct serve_address *out, const char *text);

static inline bool serve_address_is_path(const struct serve_address *address)
{
	return address->at.any.sa_family == AF_UNIX;
}

/* The URL of @page there; of a Unix socket its path. */
void serve_address_print(const struct serve_address *address, const char *page, char *out,
			 size_t size);

/* Whether the field Host of a request, a name or an address, maybe with a port, is this host's. */
bool serve_is_own_host(const char *field);

#endif
