/* SPDX-License-Identifier: MIT */
/*
 * A call is not a cancellation point: a thread that is cancelled inside a call ends after
 * it, so the call is complete and the other threads of the process go on.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

/* More than a slab, so that most of the calls make the kernel reserve land. */
#define LARGE 60000
#define SMALL 5000

static struct kreg *k;
static struct kreg_listener *listener;
static struct kreg_options options;
static char value[LARGE];

static int visit(const struct kreg_entry *entry, void *data)
{
	(void)entry, (void)data;
	/* A cancellation point of the program, within a call. */
	pthread_testcancel();
	return 0;
}

static int call_open(const char *key)
{
	struct kreg *own;
	int err = kreg_open(&own, key, &options);

	if (!err)
		kreg_close(own);
	return err;
}

static int call_register(const char *key)
{
	return kreg_register(k, key, KREG_STRING, value, sizeof(value), NULL);
}

/*
 * Small names, for which most calls go without a change of the cancel state. So many that the table grows, and for
 * so long that the registry's file is looked for.
 */
static int call_small(const char *key)
{
	uint64_t until = clock_after_ms(250);
	char name[32];
	int i, err = 0;

	for (i = 0; !err && (i % SMALL || clock_now() < until); i++) {
		snprintf(name, sizeof(name), "%s-%d", key, i % SMALL);
		err = i / SMALL % 2 ? kreg_unregister(k, name, KREG_STRING) - 1
				    : kreg_register(k, name, KREG_STRING, "", 0, NULL);
	}
	return err;
}

static int call_update(const char *key)
{
	int err = call_register(key);

	return err ? err : (int)kreg_update(k, key, KREG_STRING, value, LARGE / 2, NULL, 0);
}

static int call_unregister(const char *key)
{
	int err = call_register(key);

	return err ? err : kreg_unregister_match(k, key, KREG_STRING, visit, NULL);
}

static int call_lock(const char *key)
{
	struct kreg_lock lock;
	int err = kreg_lock(k, key, KREG_STRING, -1, &lock);

	return err ? err : kreg_unlock(k, &lock);
}

static int call_await(const char *key)
{
	int err = kreg_await(k, key, KREG_STRING, 1, NULL);

	return err == -ETIMEDOUT ? 0 : err;
}

static int call_listen(const char *key)
{
	struct kreg_event event;
	int err = kreg_listen(&listener, k, NULL, 0);

	if (!err)
		err = call_register(key);
	if (!err)
		err = kreg_listener_next(listener, &event) < 0 ? -EIO : 0;
	kreg_listener_close(listener);
	return err;
}

static int call_meta(const char *key)
{
	int err = kreg_meta_put(k, key, KREG_STRING, value, sizeof(value));

	return err ? err : kreg_meta_delete(k, key, KREG_STRING);
}

static int call_each(const char *key)
{
	int err = call_register(key);

	return err ? err : kreg_each(k, NULL, 0, visit, NULL);
}

static int call_sweep(const char *key)
{
	(void)key;
	return kreg_sweep(k) < 0 ? -EIO : 0;
}

/* The test closes it, because close() is a cancellation point. */
static int pidfd;

static int call_owner(const char *key)
{
	struct kreg_owner self;
	int err = kreg_self(k, &self);

	(void)key;
	pidfd = err ? err : kreg_owner_pidfd(k, &self);
	return pidfd;
}

static int call_destroy(const char *key)
{
	int err = call_open(key);

	return err ? err : kreg_destroy(key, &options, 0);
}

static const struct call {
	const char *name;
	int (*make)(const char *key);
} calls[] = {
	{ "open", call_open },       { "register", call_register },     { "small", call_small },
	{ "update", call_update },   { "unregister", call_unregister }, { "lock", call_lock },
	{ "await", call_await },     { "listen", call_listen },         { "meta", call_meta },
	{ "each", call_each },       { "sweep", call_sweep },           { "owner", call_owner },
	{ "destroy", call_destroy },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

struct cancelled {
	const struct call *call;
	int result;
	bool returned;
};

static void *be_cancelled(void *data)
{
	struct cancelled *c = data;

	/*
	 * It takes effect at the first cancellation point from here on, and no call may
	 * be one.
	 */
	pthread_cancel(pthread_self());
	c->result = c->call->make(c->call->name);
	c->returned = true;
	pthread_testcancel();
	return NULL;
}

START_TEST(a_thread_cancelled_inside_a_call_ends_after_it_and_leaves_nothing_locked)
{
	struct cancelled c;
	pthread_t thread;
	void *end;
	size_t i;

	KREG_OPTIONS(own, .directory = tmp_directory(), .guard = mode_guard(_i));
	options = own;
	k = mode_open(_i, "cancel");
	for (i = 0; i < CALLS; i++) {
		c = (struct cancelled){ .call = &calls[i] };
		ck_assert_int_eq(pthread_create(&thread, NULL, be_cancelled, &c), 0);
		ck_assert_int_eq(pthread_join(thread, &end), 0);
		ck_assert_msg(c.returned, "kreg_%s() was left in the middle", c.call->name);
		ck_assert_msg(c.result >= 0, "%s: %s", c.call->name, kreg_strerror(c.result));
		ck_assert_ptr_eq(end, PTHREAD_CANCELED);
	}
	close(pidfd);
	/* All their locks are free, and all that they registered is there. */
	for (i = 0; i < CALLS; i++) {
		int held = kreg_unregister(k, calls[i].name, KREG_STRING);

		ck_assert_int_ge(held, 0);
		ck_assert_int_eq(kreg_register(k, calls[i].name, KREG_STRING, "", 0, NULL), 0);
	}
	kreg_close(k);
}
END_TEST

/* A call does not change the caller's cancel state. */
START_TEST(the_cancel_state_of_the_caller_is_restored)
{
	int state;

	k = mode_open(_i, "cancel");
	ck_assert_int_eq(kreg_register(k, "a", 1, "", 0, NULL), 0);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
	ck_assert_int_eq(kreg_unregister(k, "a", 1), 1);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_DISABLE);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_thread_cancelled_inside_a_call_ends_after_it_and_leaves_nothing_locked,
		the_cancel_state_of_the_caller_is_restored,
		NULL,
	};

	return modes_run(suite_create("cancel"), tcase_create("both"), both, NULL, NULL);
}
