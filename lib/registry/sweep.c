/* SPDX-License-Identifier: MIT */
/*
 * The sweep on request.
 */
#include "lib/handle/handle.h"

int64_t kreg_sweep(struct kreg *k)
{
	UNCANCELLABLE;
	return handle_reclaim(k);
}
