/* SPDX-License-Identifier: MIT */
#include "tests/support/events.h"

#include <check.h>
#include <poll.h>

struct kreg_event event_wait(struct kreg_listener *listener)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;
	int got;

	while (!(got = kreg_listener_next(listener, &event)))
		ck_assert_int_eq(poll(&at, 1, 60000), 1);
	ck_assert_int_eq(got, 1);
	return event;
}

void event_none(struct kreg_listener *listener)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;

	do {
		ck_assert_int_eq(kreg_listener_next(listener, &event), 0);
	} while (poll(&at, 1, 0));
}
