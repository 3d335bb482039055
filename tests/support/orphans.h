/* SPDX-License-Identifier: MIT */
/*
 * The end of what a case has started: a case that fails leaves nothing that bars the next.
 *
 * Promises  before a case begins, and when orphans_end() returns, no process is left that an earlier case has started,
 *           whatever session, parent or environment it has given itself: Check's own process, the runner, becomes the
 *           parent of its orphans, and reaps them.
 *           Where that cannot be, in an emulator of system calls, it says so and does nothing.
 * Needs     orphans_adopt() in the runner, which forks for each case and for nothing else, before the first case.
 * Death     with the runner the cases die (mark.c); their orphans, if they are services, are killed by the next test
 *           (tmp.h).
 * Used by   unit.c.
 */
#ifndef KREG_TESTS_SUPPORT_ORPHANS_H
#define KREG_TESTS_SUPPORT_ORPHANS_H

void orphans_adopt(void);
void orphans_end(void);

#endif
