/* SPDX-License-Identifier: MIT */
/*
 * What lies in etcd: a key for each name of each host, and its value.
 *
 *   /kreg/CLUSTER/NAMESPACE/ROLE/HOST   {"value": "BASE64", "uid": N, "pid": N, "start": N}
 *   /kreg/CLUSTER/.unique/NAMESPACE/ROLE   the same, with "host": HOST and "claim": N
 *
 * NAMESPACE is what is in front of the first slash of a name, ROLE all behind it. In each part a
 * byte is itself if it is a letter, a digit, '-', '_', or a dot that is not the first byte;
 * otherwise '%' and two upper-case hexadecimal digits. So there is one key for a name, a part has
 * no slash, and what begins with a dot is no namespace: `.members/HOST` and what comes to it
 * later.
 *
 * A namespace whose first byte is a dot is one host's: names there are about that host and its
 * bridge, and would be wrong elsewhere. They have no key.
 *
 * Promises  nothing that is not exactly of this form is taken for a name.
 * Context   any.
 */
#ifndef BRIDGE_RECORD_H
#define BRIDGE_RECORD_H

#include <jansson.h>
#include "lib/kreg.h"
#include <stdbool.h>
#include <stdint.h>

#define RECORD_KEY_MAX 1200
#define RECORD_UNIQUE ".unique/"

/* A name, as a registry has it. */
struct name {
	unsigned char key[KREG_KEY_MAX];
	uint32_t key_size;
};

/* What is known of it. */
struct facts {
	unsigned char *value; /* its own memory */
	uint32_t value_size;
	uint32_t uid;
	uint32_t pid;
	uint64_t start;
};

void facts_free(struct facts *facts);

/* "/kreg/CLUSTER/", of a cluster whose name is of bytes that are themselves. */
int record_prefix(char out[RECORD_KEY_MAX], const char *cluster);

/* Whether @text can be a cluster or a host: 1 to KREG_HOST_MAX bytes that are themselves. */
bool record_is_plain(const char *text);

/*
 * The size of the key, which is a string in @out. -EINVAL: @name has no namespace, or one of this
 * host alone, or no role.
 */
int record_key(char out[RECORD_KEY_MAX], const char *prefix, const struct name *name,
	       const char *host);

/* What is behind @prefix in a key. -EINVAL: it is of no name. */
int record_parse(const char *rest, size_t size, struct name *name, char host[KREG_HOST_MAX + 1]);

/* The same of a unique name: behind @prefix, and behind RECORD_UNIQUE in turn. */
int record_unique_key(char out[RECORD_KEY_MAX], const char *prefix, const struct name *name);
int record_parse_unique(const char *rest, size_t size, struct name *name);

/* The namespace of @name, a string; false: it has none that other hosts know. */
bool record_namespace(const struct name *name, char out[KREG_KEY_MAX + 1]);

/* The value in etcd, a string that the caller frees; NULL: no memory. */
char *record_value(const struct facts *facts);

/* That of a unique name, with the number of the claim that has won. */
char *record_unique_value(const struct facts *facts, const char *host, uint64_t claim);

/* The host that has a unique name, beside the facts. -EINVAL: it does not say so. */
int record_holder(const void *text, size_t size, char host[KREG_HOST_MAX + 1], uint64_t *claim);

/* -EINVAL: it is of another form; -ENOMEM. */
int record_facts(const void *text, size_t size, struct facts *out);

#endif
