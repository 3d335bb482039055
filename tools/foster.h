/* SPDX-License-Identifier: MIT */
/*
 * A parent that lets its child seem to be in its place: signals go down, the end comes up.
 *
 * Promises  the child dies with its parent, however the parent dies, whatever it makes of its credentials; but for
 *           what may not be signalled, because it has changed its real user id by set-user-ID bits.
 * Context   one child in a process, started by the thread that waits for it.
 * Used by   cmd_run.c.
 */
#ifndef TOOLS_FOSTER_H
#define TOOLS_FOSTER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct foster {
	pid_t child;
	bool exec_failed;
	sigset_t taken;  /* signals that foster_wait() takes */
	sigset_t before; /* the mask to give back */
	struct sigaction child_action;
};

/* For a child that is started otherwise: signals are kept for foster_wait() from here on. */
void foster_take_signals(struct foster *foster);

/* All is 0. Return: 0 once the child runs @command; a negative errno, of exec if @exec_failed. */
int foster_start(struct foster *foster, char **command);

/*
 * Forwards signals until the child's end, and hears what @program says, if it is not NULL. Return: the status of
 * waitpid(2).
 */
struct kreg_program;
int foster_wait(struct foster *foster, struct kreg_program *program);

/* Return: the exit status; or ends the process by the signal that ended the child. */
int foster_end_alike(int end);

#endif
