/* SPDX-License-Identifier: MIT */
/*
 * The end of a registry: what keeps it in use, whether a lookup finds it or not, and
 * which processes are notified when it is destroyed by force.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

static struct kreg *k;
static int mode;

static int destroy(int force)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode));

	return kreg_destroy("end", &options, force ? KREG_DESTROY_FORCE : 0);
}

static void open_mode(int in)
{
	mode = in;
	k = mode_open(in, "end");
}

enum kept_by { A_NAME, A_RESERVATION, A_LOCK, KINDS };

/* Holds @data, an enum kept_by, and releases it on request. */
static int have(int link, void *data)
{
	struct kreg *own = mode_open(mode, "end");
	enum kept_by kind = *(enum kept_by *)data;
	struct kreg_lock lock;

	if (kind == A_NAME || kind == A_RESERVATION)
		link_say(link,
			 kreg_register_with(own, "key", KREG_STRING, NULL, 0,
					    kind == A_NAME ? 0 : KREG_REGISTER_RESERVED, NULL));
	else
		link_say(link, kreg_lock(own, "key", KREG_STRING, -1, &lock));
	link_hear(link);
	link_say(link, kind == A_NAME || kind == A_RESERVATION
			       ? kreg_unregister(own, "key", KREG_STRING) - 1
			       : kreg_unlock(own, &lock));
	link_hear(link);
	return 0;
}

START_TEST(anything_that_a_living_process_has_in_it_keeps_a_registry)
{
	struct child child;
	enum kept_by kind;
	int kill;

	open_mode(_i);
	kreg_close(k);
	for (kind = 0; kind < KINDS; kind++) {
		for (kill = 0; kill < 2; kill++) {
			kreg_close(mode_open(mode, "end"));
			child = child_start(have, &kind);
			ck_assert_int_eq(link_hear(child.link), 0);
			ck_assert_int_eq(destroy(0), -EBUSY);
			if (!kill) {
				link_say(child.link, 0);
				ck_assert_int_eq(link_hear(child.link), 0);
			} else {
				child_kill(&child);
			}
			ck_assert_int_eq(destroy(0), 0);
			if (!kill)
				child_kill(&child);
		}
	}
}
END_TEST

START_TEST(a_gift_keeps_a_registry_while_its_new_owner_lives)
{
	enum kept_by nothing = A_LOCK;
	struct kreg_owner owner;
	struct child child;

	open_mode(_i);
	child = child_start(have, &nothing);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, NULL, 0, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "gift", KREG_STRING, NULL, 0, NULL), 0);
	link_say(child.link, 0);
	ck_assert_int_eq(link_hear(child.link), 0);
	ck_assert_int_eq(kreg_unregister(k, "mine", KREG_STRING), 1);
	ck_assert_int_eq(kreg_self(k, &owner), 0);
	ck_assert_int_eq(kreg_give(k, "gift", KREG_STRING, &owner), 0);
	ck_assert_int_eq(destroy(0), -EBUSY);
	kreg_close(k);
	ck_assert_int_eq(destroy(0), 0);
	child_kill(&child);
}
END_TEST

/*
 * Closing also removes what no lookup finds, even if the process has another handle on
 * the registry.
 */
START_TEST(closing_gives_up_reservations_and_locks)
{
	struct kreg *other;
	struct kreg_lock lock;

	open_mode(_i);
	other = mode_open(mode, "end");
	ck_assert_int_eq(kreg_register_with(other, "key", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_lock(other, "key", KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(kreg_lock(k, "mine", KREG_STRING, 0, &lock), 0);
	kreg_close(other);
	ck_assert_int_eq(destroy(0), -EBUSY);
	ck_assert_int_eq(kreg_unlock(k, &lock), 0);
	ck_assert_int_eq(destroy(0), 0);
	kreg_close(k);
}
END_TEST

/* Waits for a name, for a lock, for an event; reports what ended the wait. */
static int wait_for_name(int link, void *data)
{
	struct kreg *own = mode_open(mode, "end");

	(void)data;
	link_say(link, 0);
	link_say(link, kreg_await(own, "nobody's", KREG_STRING, -1, NULL));
	return 0;
}

static int wait_for_lock(int link, void *data)
{
	struct kreg *own = mode_open(mode, "end");
	struct kreg_lock lock;

	(void)data;
	link_say(link, 0);
	link_say(link, kreg_lock(own, "lock", KREG_STRING, -1, &lock));
	return 0;
}

static int wait_for_event(int link, void *data)
{
	struct kreg *own = mode_open(mode, "end");
	struct kreg_listener *listener;
	struct kreg_event event;
	struct pollfd at;
	int got;

	(void)data;
	link_say(link, kreg_listen(&listener, own, NULL, 0));
	at = (struct pollfd){ .fd = kreg_listener_fd(listener), .events = POLLIN };
	while (!(got = kreg_listener_next(listener, &event)))
		poll(&at, 1, -1);
	link_say(link, got);
	kreg_listener_close(listener);
	kreg_close(own);
	return 0;
}

START_TEST(a_waiter_is_notified_when_the_registry_is_destroyed)
{
	int (*const bodies[])(int, void *) = { wait_for_name, wait_for_lock, wait_for_event };
	struct child children[3];
	struct kreg_lock lock;
	int i;

	open_mode(_i);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	for (i = 0; i < 3; i++) {
		children[i] = child_start(bodies[i], NULL);
		ck_assert_int_eq(link_hear(children[i].link), 0);
	}
	ck_assert_int_eq(destroy(0), -EBUSY);
	ck_assert_int_eq(destroy(1), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(link_hear(children[i].link), -ESHUTDOWN);
		ck_assert_int_eq(child_end(&children[i]), 0);
	}
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), -ESHUTDOWN);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		anything_that_a_living_process_has_in_it_keeps_a_registry,
		a_gift_keeps_a_registry_while_its_new_owner_lives,
		closing_gives_up_reservations_and_locks,
		a_waiter_is_notified_when_the_registry_is_destroyed,
		NULL,
	};

	return modes_run(suite_create("end"), tcase_create("both"), both, NULL, NULL);
}
