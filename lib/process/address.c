/* SPDX-License-Identifier: MIT */
#include "lib/process/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* All of @text, which ends with a NUL, is a number up to @most. */
static bool read_number(const char *text, uint64_t most, uint32_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (i = 0; text[i]; i++) {
		if (text[i] < '0' || text[i] > '9' || i > 9)
			return false;
		value = 10 * value + (uint64_t)(text[i] - '0');
	}
	*out = (uint32_t)value;
	return value <= most;
}

/* Cuts @text at its last colon. NULL: it has none; what is behind it. */
static const char *cut_port(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon)
		*colon = 0;
	return colon ? colon + 1 : NULL;
}

static int read_tcp(struct address *out, char *text)
{
	const char *port_text = cut_port(text);
	size_t size = strlen(text);
	uint32_t port;

	if (!port_text || !read_number(port_text, UINT16_MAX, &port) || !port)
		return -EDESTADDRREQ;
	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text[size - 1] = 0;
		out->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						  .sin6_port = htons((uint16_t)port) };
		out->size = sizeof(out->in6);
		return inet_pton(AF_INET6, text + 1, &out->in6.sin6_addr) == 1 ? 0 : -EDESTADDRREQ;
	}
	out->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	out->size = sizeof(out->in);
	return inet_pton(AF_INET, text, &out->in.sin_addr) == 1 ? 0 : -EDESTADDRREQ;
}

static int read_vsock(struct address *out, char *text)
{
	const char *port_text = cut_port(text);
	uint32_t cid, port;

	if (!port_text || !read_number(port_text, UINT32_MAX - 1, &port) ||
	    !read_number(text, UINT32_MAX - 1, &cid))
		return -EDESTADDRREQ;
	out->vm = (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	out->size = sizeof(out->vm);
	return 0;
}

static int read_unix(struct address *out, const char *value, size_t size)
{
	out->here.sun_family = AF_UNIX;
	memcpy(out->here.sun_path, value, size);
	out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	if (value[0] == '@')
		out->here.sun_path[0] = 0;
	else if (memchr(value, 0, size))
		return -EDESTADDRREQ;
	else
		out->size++;
	return 0;
}

int address_read(struct address *out, const char *value, size_t size)
{
	static const char tcp[] = "tcp:", vsock[] = "vsock:";
	char text[ADDRESS_MAX + 1] = "";

	memset(out, 0, sizeof(*out));
	if (size < 1 || size > ADDRESS_MAX)
		return -EDESTADDRREQ;
	memcpy(text, value, size);
	if (!strncmp(text, tcp, sizeof(tcp) - 1))
		return strlen(text) == size ? read_tcp(out, text + sizeof(tcp) - 1) : -EDESTADDRREQ;
	if (!strncmp(text, vsock, sizeof(vsock) - 1))
		return strlen(text) == size ? read_vsock(out, text + sizeof(vsock) - 1)
					    : -EDESTADDRREQ;
	return read_unix(out, value, size);
}

/* 0.0.0.0/8 and 127.0.0.0/8, multicast, broadcast and what is reserved. */
static bool in_leads_away(uint32_t address)
{
	uint32_t first = address >> 24;

	return first != 0 && first != 127 && first < 224;
}

/* Of fe80::/10 each link has its own, so without a scope they lead nowhere. */
static bool in6_leads_away(const struct in6_addr *address)
{
	uint32_t last;

	memcpy(&last, address->s6_addr + 12, sizeof(last));
	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address))
		return in_leads_away(ntohl(last));
	return !IN6_IS_ADDR_UNSPECIFIED(address) && !IN6_IS_ADDR_LOOPBACK(address) &&
	       !IN6_IS_ADDR_MULTICAST(address) && !IN6_IS_ADDR_LINKLOCAL(address);
}

bool address_leads_away(const struct address *address)
{
	switch (address->any.sa_family) {
	case AF_INET:
		return in_leads_away(ntohl(address->in.sin_addr.s_addr));
	case AF_INET6:
		return in6_leads_away(&address->in6.sin6_addr);
	case AF_VSOCK:
		return address->vm.svm_cid >= VMADDR_CID_HOST;
	default:
		return false;
	}
}
