/* SPDX-License-Identifier: MIT */
/*
 * Children that are brought to a certain instruction and stay, end or go on there: right after the shared
 * memory shows what the test waits for.
 *
 * Needs     a child that was started by child_start() with exec_at_will() in its body, and waits for its link.
 */
#ifndef KREG_TESTS_SUPPORT_TRACE_H
#define KREG_TESTS_SUPPORT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/child.h"

/* In the child: prepares it to call exec where the test wants it. */
void exec_at_will(void);

/*
 * Gives the child its order, and lets it take one instruction after the other until @is_there says so. False: it
 * has said what came of the order before, and waits for the next; it is on its own then.
 */
bool trace_until(struct child *child, int64_t order, bool (*is_there)(void *data), void *data);

/* What becomes of a child that stays. */
enum trace_end { TRACE_KILL, TRACE_EXEC, TRACE_GO_ON, TRACE_ENDS };

/*
 * Killed and not reaped; another program since, with the same pid; or as if nothing had been. Of the last one the
 * test hears what came of the order.
 */
void trace_end(struct child *child, enum trace_end end);

#endif
