/* SPDX-License-Identifier: MIT */
/*
 * How many entries living owners have: the sum of what each owner has counted, and of gifts.
 */
#include <errno.h>

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/interrupted.h"

int64_t kreg_count(struct kreg *k)
{
	int64_t gifts = k ? gift_sum(&k->segment, &k->lives, 0) : -EINVAL;

	/* Whose deaths have left none pays for the look once. */
	if (!gifts && k->writable && gift_is_any(&k->segment))
		gift_recount(&k->segment, &k->lives);
	return gifts < 0 ? gifts : gifts + (int64_t)interrupted_sum(&k->segment, &k->lives, NULL);
}
