/* SPDX-License-Identifier: MIT */
/*
 * The log of a supervisor: prints its messages on standard error and keeps the first reason why a
 * service could not be started.
 *
 * Context   any thread.
 * Used by   cmd_up.c.
 */
#ifndef TOOLS_UP_SAY_H
#define TOOLS_UP_SAY_H

#include "tools/up_mark.h"

/* The log function of struct kreg_supervision. */
void up_say(const char *sentence, void *data);

/* Forgets the reason: the next one is kept. */
void up_forget_why(void);

/* "ROLE: " and the reason that is kept, or the text for @err. */
void up_say_why(char out[UP_WHY_BYTES], const char *role, int err);

#endif
