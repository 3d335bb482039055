/* SPDX-License-Identifier: MIT */
/*
 * What libkreg-services needs to know of a handle and of owners.
 */
#include <errno.h>

#include "base/outside.h"
#include "lib/handle/handle.h"
#include "lib/inner.h"
#include "lib/process/owner.h"
#include "shm/gift.h"

const struct origin *kreg_inner_origin(const struct kreg *k)
{
	return k->origin;
}

void kreg_inner_file(const struct kreg *k, uint64_t *device, uint64_t *inode)
{
	*device = k->segment.device;
	*inode = k->segment.inode;
}

int kreg_inner_check(struct kreg *k, const char *call, size_t key_size, size_t value_size)
{
	if (!k)
		return kreg_inner_refuse(k, call, (const char *const[]){ K_IS_NULL, NULL });
	if (!k->segment.unique)
		return refuse_in(call, k,
				 "the registry has duplicate keys, but the name of a program "
				 "or service is one process's: open one with unique keys");
	/* The name is made as a gift to the program, so it has to fit into one. */
	if (entry_head((uint32_t)key_size) + value_size > GIFT_BYTES_MAX)
		return -EMSGSIZE;
	return handle_check(k);
}

bool kreg_inner_is_parents(const struct kreg *k)
{
	return handle_is_parents(k);
}

bool kreg_inner_is_fallback(const struct kreg *k)
{
	return k->segment.lives;
}

void kreg_inner_outside(struct outside *outside)
{
	outside_enter(outside);
}

int kreg_inner_pidfd(struct kreg *k, const struct kreg_owner *owner, enum kreg_inner_use use)
{
	switch (use) {
	case KREG_INNER_END:
		return owner_pidfd_for_end(k, owner);
	case KREG_INNER_SIGNALS:
		return owner_pidfd_for_signals(k, owner);
	case KREG_INNER_CALLER:
		break;
	}
	return owner_pidfd_for_caller(k, owner);
}

bool kreg_inner_pid_is_ours(const struct kreg *k, uint64_t owner)
{
	return handle_pid_is_ours(k, owner);
}
