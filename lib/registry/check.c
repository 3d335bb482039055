/* SPDX-License-Identifier: MIT */
/*
 * kreg_check(): the check of a registry's memory. shm/check.c does the work.
 */
#include "shm/check.h"

#include <errno.h>

#include "lib/handle/handle.h"

int64_t kreg_check(struct kreg *k, kreg_log_fn fault, void *data)
{
	UNCANCELLABLE;
	if (!k)
		return refuse(k, K_IS_NULL);
	OUTSIDE_OF_CALL;
	return check_segment(&k->segment, &k->lives, fault, data);
}
