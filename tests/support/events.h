/* SPDX-License-Identifier: MIT */
/*
 * Events that a test waits for, by the listener's fd.
 */
#ifndef KREG_TESTS_SUPPORT_EVENTS_H
#define KREG_TESTS_SUPPORT_EVENTS_H

#include "lib/kreg.h"

/* The next event, which there has to be sooner or later: a minute's silence fails the test. */
struct kreg_event event_wait(struct kreg_listener *listener);

/* No event is left, and the fd says so, perhaps after one more ring for events already fetched. */
void event_none(struct kreg_listener *listener);

#endif
