/* SPDX-License-Identifier: MIT */
/*
 * What a supervisor tells its log, on standard error; and of that, why a service could not be started.
 *
 * Context   any thread.
 * Used by   cmd_up.c.
 */
#ifndef TOOLS_UP_SAY_H
#define TOOLS_UP_SAY_H

#include "tools/up_mark.h"

/* A log for struct kreg_supervision. */
void up_say(void *data, const char *sentence);

/* What is said from here on counts. */
void up_forget_why(void);

/* "ROLE: cannot be started: WHY", or what @err means. */
void up_say_why(char out[UP_WHY_BYTES], const char *role, int err);

#endif
