/* SPDX-License-Identifier: MIT */
/*
 * What a registry is at one time, to be compared with what it is a little later: what grows, and
 * what has ended and come again, is not seen by one look.
 */
#ifndef TOOLS_DOCTOR_LOOK_H
#define TOOLS_DOCTOR_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kreg.h"

/* An owner, and how much it has. */
struct doctor_load {
	struct kreg_owner owner;
	uint64_t entries, bytes;
	uint32_t readers,
		expelled;    /* its read sections: now, and those that it was expelled from */
	int64_t expelled_ms; /* since the last of these */
	char comm[17];
};

/* A service: of a registry with unique keys. */
struct doctor_seen {
	char *key;
	struct kreg_owner owner;
};

struct doctor_look {
	struct doctor_look *next;
	char *name, *directory;
	uint32_t uid;
	bool is_filled; /* what follows is known */
	int64_t when_ms;
	struct kreg_stat stat;
	struct doctor_load *loads; /* in the order of kreg_each_owner() */
	size_t load_count;
	struct doctor_seen *seen; /* sorted by key */
	size_t seen_count;
};

/* NULL: no memory. */
struct doctor_look *doctor_look_new(const struct kreg_registry *registry);
void doctor_look_free(struct doctor_look *look);

/* Return: 0, or an error of the library, and nothing is filled. */
int doctor_look_fill(struct doctor_look *look, struct kreg *k);

/* NULL: there is none. */
const struct doctor_load *doctor_look_load(const struct doctor_look *look,
					   const struct kreg_owner *owner);
const struct doctor_seen *doctor_look_seen(const struct doctor_look *look, const char *key);

#endif
