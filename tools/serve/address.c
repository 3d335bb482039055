/* SPDX-License-Identifier: MIT */
/*
 * Addresses are read strictly: what is nearly one is refused.
 */
#include "tools/serve/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_MAX 65535

static const char no_address[] = "is neither /PATH nor HOST:PORT, such as localhost:15734";
static const char not_here[] =
	"is not an address that only this host reaches, and metrics are served without a password "
	"and without encryption; listen on localhost:PORT or on a socket, /PATH, and let a proxy, "
	"or node_exporter with --textfile, serve other hosts";
static const char too_long[] = "is too long for the path of a socket, which has 107 bytes at most";

static bool parse_port(const char *text, in_port_t *port)
{
	size_t size = strlen(text);
	unsigned long number;

	if (!size || size > 5 || strspn(text, "0123456789") != size)
		return false;
	number = strtoul(text, NULL, 10);
	*port = htons((uint16_t)number);
	return number <= PORT_MAX;
}

/* @host: without brackets. */
static bool parse_v4(const char *host, struct in_addr *out)
{
	if (!strcasecmp(host, "localhost")) {
		out->s_addr = htonl(INADDR_LOOPBACK);
		return true;
	}
	return inet_pton(AF_INET, host, out) == 1 && ntohl(out->s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool parse_v6(const char *host, struct in6_addr *out)
{
	return inet_pton(AF_INET6, host, out) == 1 && IN6_IS_ADDR_LOOPBACK(out);
}

/* Copies the host, of which there is no more than @size, out of its brackets. */
static bool copy_host(char *out, const char *from, size_t size, bool *has_brackets)
{
	*has_brackets = size >= 2 && *from == '[' && from[size - 1] == ']';
	if (*has_brackets) {
		from++;
		size -= 2;
	}
	if (size > INET6_ADDRSTRLEN)
		return false;
	memcpy(out, from, size);
	out[size] = '\0';
	return true;
}

static const char *parse_path(struct serve_address *out, const char *path)
{
	size_t size = strlen(path);

	if (!size || path[size - 1] == '/')
		return no_address;
	if (size >= sizeof(out->at.path.sun_path))
		return too_long;
	out->at.path.sun_family = AF_UNIX;
	memcpy(out->at.path.sun_path, path, size + 1);
	out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
	return NULL;
}

static const char *parse_host(struct serve_address *out, const char *text, const char *colon)
{
	char host[INET6_ADDRSTRLEN + 1];
	bool has_brackets;
	in_port_t port;

	if (!parse_port(colon + 1, &port))
		return no_address;
	if (!copy_host(host, text, (size_t)(colon - text), &has_brackets))
		return not_here;
	if (!has_brackets && strchr(host, ':'))
		return no_address;
	if (has_brackets && parse_v6(host, &out->at.v6.sin6_addr)) {
		out->at.v6.sin6_family = AF_INET6;
		out->at.v6.sin6_port = port;
		out->size = sizeof(out->at.v6);
		return NULL;
	}
	if (!has_brackets && parse_v4(host, &out->at.v4.sin_addr)) {
		out->at.v4.sin_family = AF_INET;
		out->at.v4.sin_port = port;
		out->size = sizeof(out->at.v4);
		return NULL;
	}
	return not_here;
}

const char *serve_address_parse(struct serve_address *out, const char *text)
{
	const char *colon = strrchr(text, ':');

	*out = (struct serve_address){ 0 };
	if (*text == '/' || *text == '.')
		return parse_path(out, text);
	if (!strncmp(text, "unix:", 5))
		return parse_path(out, text + 5);
	return colon ? parse_host(out, text, colon) : no_address;
}

void serve_address_print(const struct serve_address *address, const char *page, char *out,
			 size_t size)
{
	char host[INET6_ADDRSTRLEN];

	switch (address->at.any.sa_family) {
	case AF_UNIX:
		snprintf(out, size, "%s", address->at.path.sun_path);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &address->at.v6.sin6_addr, host, sizeof(host));
		snprintf(out, size, "http://[%s]:%u%s", host, ntohs(address->at.v6.sin6_port),
			 page);
		break;
	default:
		inet_ntop(AF_INET, &address->at.v4.sin_addr, host, sizeof(host));
		snprintf(out, size, "http://%s:%u%s", host, ntohs(address->at.v4.sin_port), page);
		break;
	}
}

bool serve_is_own_host(const char *field)
{
	const char *end = *field == '[' ? strchr(field, ']') : strchr(field, ':');
	size_t size = end ? (size_t)(end - field) + (*field == '[') : strlen(field);
	char host[INET6_ADDRSTRLEN + 1];
	struct in6_addr v6;
	struct in_addr v4;
	bool has_brackets;

	if (field[size] && field[size] != ':')
		return false;
	if (!copy_host(host, field, size, &has_brackets))
		return false;
	return has_brackets ? parse_v6(host, &v6) : parse_v4(host, &v4);
}
