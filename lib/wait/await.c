/* SPDX-License-Identifier: MIT */
/*
 * Await: until a name is there, until it is gone, until it is one's turn.
 */
#include <errno.h>

#include "lib/find/lookup.h"
#include "lib/wait/wait.h"
#include "shm/query.h"

/* A look that was overtaken tells nothing, and to a wait -EAGAIN means to sleep. */
#define LOOKS 4096

static ssize_t lookup_surely(struct kreg *k, const struct query *q, struct kreg_found *found)
{
	ssize_t got = -EAGAIN;
	int looks;

	for (looks = 0; got == -EAGAIN && looks < LOOKS; looks++)
		got = lookup_query(k, q, found);
	return got == -EAGAIN ? -EUCLEAN : got;
}

static int64_t count_surely(struct kreg *k, const struct kreg_pattern *pattern)
{
	int64_t count = -EAGAIN;
	int looks;

	for (looks = 0; count == -EAGAIN && looks < LOOKS; looks++)
		count = kreg_count_select(k, pattern);
	return count == -EAGAIN ? -EUCLEAN : count;
}

/* Who holds the name in a line as it is in @view; 0: nobody. One that is reserved hides those behind it. */
static owner_t holder_in(const struct kreg *k, const struct line_view *view)
{
	return k->segment.unique && view->holder != view->first.owner ? 0 : view->holder;
}

static ssize_t look_for_holder(struct kreg *k, const struct query *q, void *data)
{
	struct kreg_found *found = data;

	found->size = lookup_surely(k, q, found);
	return found->size == -ENOENT ? -EAGAIN : found->size;
}

/* The death of who has reserved the name may make the next one in line its holder. */
static bool is_without_holder(struct kreg *k, const struct line_view *view, const void *data,
			      owner_t *in_the_way)
{
	(void)data;
	*in_the_way = view->first.owner;
	return !holder_in(k, view);
}

static int await_query(struct kreg *k, const void *key, size_t key_size, struct query *q)
{
	int err = k ? key_check(key, &key_size) : -EINVAL;

	if (!err)
		*q = table_query(&k->segment, key, key_size);
	return err;
}

int kreg_await(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms,
	       struct kreg_found *found)
{
	UNCANCELLABLE;
	struct kreg_found own = { 0 };
	struct query q;
	ssize_t got = found && !found->value && found->capacity ? -EINVAL
								: await_query(k, key, key_size, &q);

	if (!got)
		got = wait_until(k, &q, timeout_ms,
				 &(struct wait_for){ .look = look_for_holder,
						     .is_in_vain = is_without_holder,
						     .data = found ? found : &own });
	return got < 0 ? (int)got : 0;
}

/* @data: the owner whose name it is no more to be, or 0: nobody's. */
static ssize_t look_for_gone(struct kreg *k, const struct query *q, void *data)
{
	const owner_t *owner = data;
	struct kreg_found found = { 0 };
	ssize_t got = lookup_surely(k, q, &found);

	if (got == -ENOENT)
		return 0;
	if (got < 0)
		return got;
	/* With duplicate keys it may not be the first. */
	if (*owner && found.owner.token != *owner) {
		KREG_PATTERN(his, .key = q->key, .key_size = q->key_size,
			     .owner = &(struct kreg_owner){ .token = *owner });
		int64_t count = count_surely(k, &his);

		if (k->segment.unique || count <= 0)
			return count < 0 ? (ssize_t)count : 0;
	}
	return -EAGAIN;
}

static bool is_not_gone(struct kreg *k, const struct line_view *view, const void *data,
			owner_t *in_the_way)
{
	owner_t owner = *(const owner_t *)data, holder = holder_in(k, view);

	*in_the_way = owner ? owner : holder;
	if (!owner)
		return holder;
	return k->segment.unique ? holder == owner : view->has_whose_name;
}

int kreg_await_gone(struct kreg *k, const void *key, size_t key_size,
		    const struct kreg_owner *owner, int64_t timeout_ms)
{
	UNCANCELLABLE;
	owner_t who = owner ? owner->token : 0;
	struct query q;
	ssize_t got = owner && !who ? -EINVAL : await_query(k, key, key_size, &q);

	if (!got)
		got = wait_until(k, &q, timeout_ms,
				 &(struct wait_for){ .look = look_for_gone,
						     .is_in_vain = is_not_gone,
						     .data = &who,
						     .whose = who });
	return (int)got;
}

/* Is the first in line the caller? Those who have reserved the name are in front of it too. */
static ssize_t look_for_turn(struct kreg *k, const struct query *q, void *data)
{
	struct query line = *q;
	struct found found;
	int err;

	(void)data;
	line.kinds = KINDS_OF_NAMES;
	line.owner = k->self.owner;
	err = wait_find(k, &line, &found);
	line.owner = 0;
	if (!err)
		err = wait_find(k, &line, &found);
	if (err || found.owner == k->self.owner)
		return err;
	return -EAGAIN;
}

static bool is_not_ones_turn(struct kreg *k, const struct line_view *view, const void *data,
			     owner_t *in_the_way)
{
	(void)data;
	*in_the_way = view->first.owner;
	return view->has_self && view->first.owner != k->self.owner;
}

int kreg_await_turn(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms)
{
	UNCANCELLABLE;
	struct query q;
	ssize_t got = await_query(k, key, key_size, &q);

	/* Nobody waits for anybody under a key of many. */
	if (!got && !k->segment.unique)
		got = -EINVAL;
	if (!got)
		got = wait_until(k, &q, timeout_ms,
				 &(struct wait_for){ .look = look_for_turn,
						     .is_in_vain = is_not_ones_turn });
	return (int)got;
}
