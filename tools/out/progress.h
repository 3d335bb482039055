/* SPDX-License-Identifier: MIT */
/*
 * Progress: a line on the terminal while something takes long.
 *
 *   reading the dump  [############------------]  50%  3s
 *   sweeping  3s
 *
 * It is on standard error, if that is a terminal in whose foreground the process is; appears after
 * a second; and is erased at the end, by the signals that end the process, and before anything
 * else is written by stdio: other output never meets it. Nothing but the beginning of a line and
 * "erase to the end of the line" is asked of the terminal; where $TERM is "dumb" or not set there
 * is no line at all. It has no colours.
 *
 * Context   the thread that began it. One that is drawn has a thread of its own: a child of fork(2)
 *           must not use stdio, and stdout must not be given to ncurses afterwards.
 */
#ifndef TOOLS_OUT_PROGRESS_H
#define TOOLS_OUT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on there is none. */
void progress_forbid(void);

/* Whether a beginning has any effect: what only the line needs may be left out otherwise. */
bool progress_is_possible(void);

/*
 * Begins, or goes on with another part of the work, in the line that is there.
 *
 * @what: printable ASCII that stays.
 * @total: steps; 0: unknown, and only the steps so far and the time are shown.
 */
void progress_begin(const char *what, uint64_t total);

/* The same, with the time as the steps. */
void progress_wait(const char *what, uint64_t ms);

void progress_step(uint64_t steps);

/* May be called in any case. */
void progress_end(void);

#endif
