/* SPDX-License-Identifier: MIT */
#include "tests/support/pendings.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/halt.h"

bool is_readable(int fd, int timeout_ms)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };

	return poll(&at, 1, timeout_ms) == 1;
}

int result_of(struct kreg_pending *pending, struct kreg_found *found)
{
	int got = -EAGAIN;

	while (got == -EAGAIN) {
		if (!is_readable(kreg_pending_fd(pending), PATIENCE_MS))
			return -ETIMEDOUT;
		got = kreg_pending_result(pending, found);
	}
	return got;
}

struct kreg_pending *await_name(struct kreg *k, const char *key)
{
	struct kreg_pending *pending = NULL;

	ck_assert_int_eq(kreg_await_begin(&pending, k, key, KREG_STRING), 0);
	ck_assert_int_gt(kreg_pending_fd(pending), STDERR_FILENO);
	return pending;
}

struct kreg_pending *await_gone(struct kreg *k, const char *key, const struct kreg_owner *owner)
{
	struct kreg_pending *pending = NULL;

	ck_assert_int_eq(kreg_await_gone_begin(&pending, k, key, KREG_STRING, owner), 0);
	return pending;
}

void assert_waits(struct kreg_pending *pending)
{
	ck_assert(!is_readable(kreg_pending_fd(pending), 0));
	ck_assert_int_eq(kreg_pending_result(pending, NULL), -EAGAIN);
	ck_assert(!is_readable(kreg_pending_fd(pending), 0));
}

void assert_ends(struct kreg_pending *pending, int result)
{
	ck_assert_int_eq(result_of(pending, NULL), result);
	kreg_pending_close(pending);
}

static int obey_once(struct kreg *own, int64_t order, struct kreg_lock *lock)
{
	int i, err = 0;

	switch (order & 15) {
	case REGISTER:
		return kreg_register(own, "name", KREG_STRING, "up", 2, NULL);
	case UNREGISTER:
		return kreg_unregister(own, "name", KREG_STRING) - 1;
	case CLOSE:
		kreg_close(own);
		return 0;
	case EXEC:
		execlp("cat", "cat", NULL);
		return -1;
	case LOCK:
		return kreg_lock(own, "lock", KREG_STRING, -1, lock);
	case HALT:
		halt_at((int)(order >> 4), 1);
		return 0;
	default:
		for (i = 0; i < MANY && !err; i++) {
			char key[16];

			snprintf(key, sizeof(key), "many-%d", i);
			err = kreg_register(own, key, KREG_STRING, NULL, 0, NULL);
		}
		return err;
	}
}

static int obey(int link, void *data)
{
	struct kreg *own = mode_open(*(int *)data, "pending");
	struct kreg_lock lock;
	int64_t order;

	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN)
		link_say(link, obey_once(own, order, &lock));
	return 0;
}

struct child start_other(int mode)
{
	return child_start_ready(obey, &mode);
}

void ask(struct child *child, int64_t order)
{
	ck_assert_int_eq(child_ask(child, order), 0);
}
