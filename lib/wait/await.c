/* SPDX-License-Identifier: MIT */
/*
 * Await: blocks until a name is there, until it is gone, or until it is the caller's
 * turn; or begins such a wait.
 */
#include <errno.h>

#include "lib/find/found.h"
#include "lib/find/lookup.h"
#include "lib/wait/pending.h"
#include "lib/wait/wait.h"
#include "shm/query.h"

/*
 * An overtaken lookup says nothing, so it is repeated: to wait_until(), -EAGAIN means to
 * sleep.
 */
#define LOOKS 4096

static ssize_t lookup_retry(struct kreg *k, const struct query *q, struct kreg_found *found)
{
	ssize_t got = -EAGAIN;
	int looks;

	for (looks = 0; got == -EAGAIN && looks < LOOKS; looks++)
		got = lookup_query(k, q, found);
	return got == -EAGAIN ? -EUCLEAN : got;
}

static int64_t count_retry(struct kreg *k, const struct kreg_pattern *pattern)
{
	int64_t count = -EAGAIN;
	int looks;

	for (looks = 0; count == -EAGAIN && looks < LOOKS; looks++)
		count = kreg_count_select(k, pattern);
	return count == -EAGAIN ? -EUCLEAN : count;
}

/*
 * The holder of the name in the line of @view; 0: none. A reserved entry hides those
 * behind it.
 */
static owner_t holder_in(const struct kreg *k, const struct line_view *view)
{
	return k->segment.unique && view->holder != view->first.owner ? 0 : view->holder;
}

static ssize_t look_for_holder(struct kreg *k, const struct query *q, void *data)
{
	struct kreg_found *found = data;

	found->size = lookup_retry(k, q, found);
	return found->size == -ENOENT ? -EAGAIN : found->size;
}

/* If the first entry is reserved, its owner's death may make the next in line the holder. */
static bool has_no_holder(struct kreg *k, const struct line_view *view, const void *data,
			  owner_t *blocker)
{
	(void)data;
	*blocker = view->first.owner;
	return !holder_in(k, view);
}

#define NO_TOKEN "owner has a token of 0: take an owner that a call has returned, or NULL for any"

static int await_query(struct kreg *k, const void *key, size_t key_size, struct query *q)
{
	int err = key_of_call(k, key, &key_size);

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
	ssize_t got = await_query(k, key, key_size, &q);

	if (!got)
		got = found_check(k, found);

	if (!got)
		got = wait_until(k, &q, timeout_ms,
				 &(struct wait_for){ .look = look_for_holder,
						     .must_wait = has_no_holder,
						     .data = found ? found : &own });
	return got < 0 ? (int)got : 0;
}

int kreg_await_begin(struct kreg_pending **out, struct kreg *k, const void *key, size_t key_size)
{
	UNCANCELLABLE;
	static const struct pending_kind kind = {
		.wait = { .look = look_for_holder, .must_wait = has_no_holder },
		.gives_found = true,
	};
	struct query q;
	int err = out ? await_query(k, key, key_size, &q) : refuse(k, OUT_IS_NULL);

	return err ? err : pending_begin(out, k, &q, &kind, NULL);
}

/* @data: the owner that is to lose the name; 0: any. */
static ssize_t look_for_gone(struct kreg *k, const struct query *q, void *data)
{
	const owner_t *owner = data;
	struct kreg_found found = { 0 };
	ssize_t got = lookup_retry(k, q, &found);

	if (got == -ENOENT)
		return 0;
	if (got < 0)
		return got;
	/* With duplicate keys the owner's entry need not be the first. */
	if (*owner && found.owner.token != *owner) {
		KREG_PATTERN(of_owner, .key = q->key, .key_size = q->key_size,
			     .owner = &(struct kreg_owner){ .token = *owner });
		int64_t count = count_retry(k, &of_owner);

		if (k->segment.unique || count <= 0)
			return count < 0 ? (ssize_t)count : 0;
	}
	return -EAGAIN;
}

static bool is_still_held(struct kreg *k, const struct line_view *view, const void *data,
			  owner_t *blocker)
{
	owner_t owner = *(const owner_t *)data, holder = holder_in(k, view);

	*blocker = owner ? owner : holder;
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
	ssize_t got = owner && !who ? refuse(k, NO_TOKEN) : await_query(k, key, key_size, &q);

	if (!got)
		got = wait_until(k, &q, timeout_ms,
				 &(struct wait_for){ .look = look_for_gone,
						     .must_wait = is_still_held,
						     .data = &who,
						     .whose = who });
	return (int)got;
}

int kreg_await_gone_begin(struct kreg_pending **out, struct kreg *k, const void *key,
			  size_t key_size, const struct kreg_owner *owner)
{
	UNCANCELLABLE;
	static const struct pending_kind kind = {
		.wait = { .look = look_for_gone, .must_wait = is_still_held },
		.of_owner = true,
	};
	const union pending_subject who = { .owner = owner ? owner->token : 0 };
	struct query q;
	int err = !out                  ? refuse(k, OUT_IS_NULL)
		  : owner && !who.owner ? refuse(k, NO_TOKEN)
					: await_query(k, key, key_size, &q);

	return err ? err : pending_begin(out, k, &q, &kind, &who);
}

/* Whether the caller is the first in line, reserved entries included. */
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

static bool is_not_our_turn(struct kreg *k, const struct line_view *view, const void *data,
			    owner_t *blocker)
{
	(void)data;
	*blocker = view->first.owner;
	return view->has_self && view->first.owner != k->self.owner;
}

/* With duplicate keys there is no line to wait in. */
static int turn_query(struct kreg *k, const void *key, size_t key_size, struct query *q)
{
	int err = await_query(k, key, key_size, q);

	if (!err && !k->segment.unique)
		err = refuse(k, "the registry has duplicate keys, and so no lines to wait in: "
				"kreg_await() waits for any owner of the key");
	return err;
}

int kreg_await_turn(struct kreg *k, const void *key, size_t key_size, int64_t timeout_ms)
{
	UNCANCELLABLE;
	struct query q;
	ssize_t got = turn_query(k, key, key_size, &q);

	if (!got)
		got = wait_until(
			k, &q, timeout_ms,
			&(struct wait_for){ .look = look_for_turn, .must_wait = is_not_our_turn });
	return (int)got;
}

int kreg_await_turn_begin(struct kreg_pending **out, struct kreg *k, const void *key,
			  size_t key_size)
{
	UNCANCELLABLE;
	static const struct pending_kind kind = {
		.wait = { .look = look_for_turn, .must_wait = is_not_our_turn },
	};
	struct query q;
	int err = out ? turn_query(k, key, key_size, &q) : refuse(k, OUT_IS_NULL);

	return err ? err : pending_begin(out, k, &q, &kind, NULL);
}
