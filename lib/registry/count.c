/* SPDX-License-Identifier: MIT */
/*
 * kreg_count(): the number of entries that living owners have. It is the sum of each
 * owner's count, and of the gifts.
 */
#include <errno.h>

#include "lib/handle/handle.h"
#include "shm/gift.h"

int64_t kreg_count(struct kreg *k)
{
	int64_t gifts;

	if (caa_unlikely(!k))
		return refuse(k, K_IS_NULL);
	gifts = gift_sum(&k->segment, &k->lives, 0);

	/*
	 * If deaths have left no gift, one call pays for the search, and the next ones
	 * skip it.
	 */
	if (!gifts && k->writable && gift_is_any(&k->segment))
		gift_recount(&k->segment, &k->lives);
	return gifts < 0 ? gifts
			 : gifts + (int64_t)counted_sum(&k->segment, &k->lives, &k->counted);
}
