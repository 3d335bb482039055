/* SPDX-License-Identifier: MIT */
/* The blocks are in one list, so that they are freed without walking the structures in them. */
#include "lib/services/tree/kept.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	struct kept *next;
	alignas(max_align_t) unsigned char bytes[];
};

void *kept_add(struct kept **list, const void *bytes, size_t size)
{
	struct kept *kept = size <= SIZE_MAX / 2 ? malloc(sizeof(*kept) + size) : NULL;

	if (!kept)
		return NULL;
	kept->next = *list;
	*list = kept;
	if (bytes)
		memcpy(kept->bytes, bytes, size);
	return kept->bytes;
}

char *kept_add_string(struct kept **list, const char *string)
{
	return kept_add(list, string, strlen(string) + 1);
}

void kept_free(struct kept *list)
{
	while (list) {
		struct kept *next = list->next;

		free(list);
		list = next;
	}
}
