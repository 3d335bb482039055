/* SPDX-License-Identifier: MIT */
/*
 * Base64, in which etcd's JSON has keys and values. libcurl keeps its own to itself, and what
 * libcrypto has takes what it should refuse.
 *
 * Context   any.
 */
#ifndef BRIDGE_BASE64_H
#define BRIDGE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* A string, which the caller frees; NULL: no memory. */
char *base64_encode(const void *bytes, size_t size);

/*
 * Writes the bytes of @text to @out, with room for @capacity, and returns how many there are.
 * -EILSEQ: it is no base64 as etcd writes it; -EMSGSIZE: it is more.
 */
ssize_t base64_decode(const char *text, size_t size, void *out, size_t capacity);

#endif
