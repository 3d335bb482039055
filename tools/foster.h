/* SPDX-License-Identifier: MIT */
/*
 * A parent process that stands in for its child: it passes signals down to the child and ends
 * as the child ends. It holds the name where exec would end the life that holds it.
 *
 * Promises  the child dies when its parent dies, however the parent dies and whatever the
 *           child does to its credentials. Exception: a child that may not be signalled,
 *           because set-user-ID bits have changed its real user id.
 * Context   one child per process, started by the thread that waits for it.
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
	sigset_t taken;  /* blocked: foster_wait() takes them */
	sigset_t before; /* the mask to restore */
	struct sigaction child_action;
};

/*
 * For a child that is started by other means: from here on signals are blocked and stay pending
 * for foster_wait().
 */
void foster_take_signals(struct foster *foster);

/*
 * @foster: all zero. Return: 0 once the child runs @command; a negative errno, that of exec if
 * @exec_failed is set.
 */
int foster_start(struct foster *foster, char **command);

/*
 * Forwards signals until the child ends, and receives the messages of @program unless it is NULL.
 * Return: the status of waitpid(2).
 */
struct kreg_program;
int foster_wait(struct foster *foster, struct kreg_program *program);

/* Return: the exit status. If a signal ended the child, ends this process by the same signal. */
int foster_end_alike(int end);

#endif
