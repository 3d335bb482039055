/* SPDX-License-Identifier: MIT */
/*
 * kreg_sweep(): a sweep on request.
 */
#include "lib/handle/handle.h"

int64_t kreg_sweep(struct kreg *k)
{
	UNCANCELLABLE;
	return k ? handle_reclaim(k) : refuse(k, K_IS_NULL);
}
