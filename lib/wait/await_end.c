/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the end of an owner's entry, be it a name, reserved, or a place in line.
 */
#include "lib/inner.h"
#include "lib/wait/wait.h"
#include "shm/query.h"

/* @data: the owner. */
static ssize_t look_for_end(struct kreg *k, const struct query *q, void *data)
{
	const owner_t *owner = data;
	struct query line = *q;
	struct found found;
	int err;

	line.kinds = KINDS_OF_NAMES;
	line.owner = *owner;
	err = wait_find(k, &line, &found);
	if (err)
		return err == -ENOENT ? 0 : err;
	return -EAGAIN;
}

static bool is_still_there(struct kreg *k, const struct line_view *view, const void *data,
			   owner_t *blocker)
{
	(void)k;
	*blocker = *(const owner_t *)data;
	return view->has_whose;
}

int kreg_inner_await_end(struct kreg *k, const void *key, size_t key_size, uint64_t owner,
			 int64_t timeout_ms)
{
	struct query q = table_query(&k->segment, key, key_size);

	return (int)wait_until(k, &q, timeout_ms,
			       &(struct wait_for){ .look = look_for_end,
						   .must_wait = is_still_there,
						   .data = &owner,
						   .whose = owner });
}
