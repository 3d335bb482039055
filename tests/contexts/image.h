/* SPDX-License-Identifier: MIT */
/*
 * What is in a registry, as numbers that differ if anything in it does: each entry, also those that are reserved or wait in
 * line, with its key, value, owner, flags and place; meta; and what supervisors report.
 */
#ifndef KREG_TESTS_CONTEXTS_IMAGE_H
#define KREG_TESTS_CONTEXTS_IMAGE_H

#include <stdbool.h>

#include "lib/kreg.h"

struct image {
	uint64_t entries, meta, states;
	/* Sums, so that an order does not count. */
	uint64_t sum_of_entries, sum_of_meta, sum_of_states;
};

/* 0, or an error. */
int image_take(struct kreg *k, struct image *image);

bool image_is_same(const struct image *a, const struct image *b);

#endif
