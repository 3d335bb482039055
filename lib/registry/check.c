/* SPDX-License-Identifier: MIT */
/*
 * The check of a registry's memory, for users; what is checked is in shm/check.c.
 */
#include "shm/check.h"

#include <errno.h>

#include "lib/handle/handle.h"

int64_t kreg_check(struct kreg *k, void (*fault)(void *data, const char *sentence), void *data)
{
	UNCANCELLABLE;
	return k ? check_segment(&k->segment, &k->lives, fault, data) : -EINVAL;
}
