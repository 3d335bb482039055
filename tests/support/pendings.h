/* SPDX-License-Identifier: MIT */
/*
 * Pending waits, and a process that makes what is waited for.
 */
#ifndef KREG_TESTS_SUPPORT_PENDINGS_H
#define KREG_TESTS_SUPPORT_PENDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kreg.h"
#include "tests/support/child.h"

/* Only a lost wake-up reaches this. */
#define PATIENCE_MS 60000
/* Names of MANY_NAMES, "many-0" and so on: more than there are bells. */
#define MANY 1500

bool is_readable(int fd, int timeout_ms);

/* As a program's loop: the first result that is not -EAGAIN; -ETIMEDOUT. */
int result_of(struct kreg_pending *pending, struct kreg_found *found);

/* These fail the test. */
struct kreg_pending *await_name(struct kreg *k, const char *key);
struct kreg_pending *await_gone(struct kreg *k, const char *key, const struct kreg_owner *owner);
/* It is not over, and the fd says so. */
void assert_waits(struct kreg_pending *pending);
/* It ends so, and is closed. */
void assert_ends(struct kreg_pending *pending, int result);

/* What the other process does with "name", or the lock "lock". HALT | how << 4: at its next ring. */
enum order { REGISTER = 1, UNREGISTER, CLOSE, EXEC, LOCK, MANY_NAMES, HALT };

/* With the registry "pending" open in that mode. */
struct child start_other(int mode);
void ask(struct child *child, int64_t order);

#endif
