/* SPDX-License-Identifier: MIT */
/*
 * The foster parent of a program, in the fallback.
 *
 * Promises  its life stands for the program's: it ends when the program has, and the program
 *           ends when it does.
 * Needs     to be called in the child of a start.
 * Context   as start_child.h.
 * Used by   start_child.c.
 */
#ifndef KREG_LIB_START_FOSTER_H
#define KREG_LIB_START_FOSTER_H

#include "lib/services/start/start_child.h"

#pragma GCC visibility push(hidden)

/* Starts the program as a child of the caller, which becomes its foster parent. */
void start_foster(const struct start_plan *plan) __attribute__((noreturn));

#pragma GCC visibility pop

#endif
