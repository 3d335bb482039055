/* SPDX-License-Identifier: MIT */
/*
 * A process that does one thing after the other with "name", as the test orders it, for listeners.
 */
#ifndef KREG_TESTS_SUPPORT_OBEDIENT_H
#define KREG_TESTS_SUPPORT_OBEDIENT_H

#include "tests/support/child.h"

/* Registers with value "a", publishes with "b", updates to "c". */
enum order { REGISTER, RESERVE, QUEUE, ALLOW, REPLACE, PUBLISH, UPDATE, UNREGISTER, CLOSE, MANY };

/* MANY: so many events, more than a log has room for, of names "many-0" to "many-999", which are registered in the end. */
#define MANY_EVENTS 21000

/* It has opened the registry @name in @mode. */
struct child obedient_start(int mode, const char *name);

/* Fails the test if the call does not return @result. */
void obedient_does(struct child *child, enum order order, int64_t result);

#endif
