/* SPDX-License-Identifier: MIT */
/*
 * SipHash-2-4: without its key, the salt, what it makes of a name says nothing about the name.
 */
#include "tools/dump/hidden.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t a, b, c, d;
};

static uint64_t turn(uint64_t word, int by)
{
	return word << by | word >> (64 - by);
}

static void mix(struct sip *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = turn(s->b, 13) ^ s->a;
	s->d = turn(s->d, 16) ^ s->c;
	s->a = turn(s->a, 32);
	s->c += s->b;
	s->a += s->d;
	s->b = turn(s->b, 17) ^ s->c;
	s->d = turn(s->d, 21) ^ s->a;
	s->c = turn(s->c, 32);
}

static void take(struct sip *s, uint64_t word)
{
	s->d ^= word;
	mix(s);
	mix(s);
	s->a ^= word;
}

/* Up to eight bytes, the first one lowest. */
static uint64_t word_of(const unsigned char *p, size_t size)
{
	uint64_t word = 0;

	while (size--)
		word = word << 8 | p[size];
	return word;
}

static uint64_t hash(const uint64_t salt[2], const unsigned char *p, size_t size)
{
	struct sip s = {
		salt[0] ^ 0x736f6d6570736575u,
		salt[1] ^ 0x646f72616e646f6du,
		salt[0] ^ 0x6c7967656e657261u,
		salt[1] ^ 0x7465646279746573u,
	};
	size_t left = size;
	int i;

	for (; left >= 8; left -= 8, p += 8)
		take(&s, word_of(p, 8));
	take(&s, word_of(p, left) | (uint64_t)size << 56);
	s.c ^= 0xff;
	for (i = 0; i < 4; i++)
		mix(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

int hidden_begin(struct hidden *hidden)
{
	ssize_t size;

	do
		size = getrandom(hidden->salt, sizeof(hidden->salt), 0);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return -errno;
	return size == sizeof(hidden->salt) ? 0 : -EIO;
}

size_t hidden_name(const struct hidden *hidden, const void *name, size_t size, char *to)
{
	const unsigned char *p = name, *end = p + size, *slash;
	char *at = to;

	for (;;) {
		slash = memchr(p, '/', (size_t)(end - p));
		if (!slash)
			slash = end;
		if (slash > p)
			at += sprintf(
				at, "%016llx",
				(unsigned long long)hash(hidden->salt, p, (size_t)(slash - p)));
		if (slash == end)
			return (size_t)(at - to);
		*at++ = '/';
		p = slash + 1;
	}
}
