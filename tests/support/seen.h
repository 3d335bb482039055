/* SPDX-License-Identifier: MIT */
/*
 * The entries that a call visits, as text.
 */
#ifndef KREG_TESTS_SUPPORT_SEEN_H
#define KREG_TESTS_SUPPORT_SEEN_H

#include "lib/kreg.h"

struct seen {
	char text[256];
};

/* A callback of visits: appends "key=value " to the text of @data, a struct seen. */
int seen_note(const struct kreg_entry *entry, void *data);

#endif
