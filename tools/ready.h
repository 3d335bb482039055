/* SPDX-License-Identifier: MIT */
/*
 * Readiness: a program says that it is up, by a line on an fd or as systemd's services do.
 *
 * Promises  @tell is called once at most, and not after ready_end().
 * Context   one program; a thread hears it.
 * Used by   cmd_run.c.
 */
#ifndef TOOLS_READY_H
#define TOOLS_READY_H

#include <pthread.h>
#include <stdbool.h>

struct ready {
	int here;  /* we read */
	int there; /* the program writes, if it is not by NOTIFY_SOCKET; else -1 */
	int wanted_fd;
	void (*tell)(void *data);
	void *data;
	pthread_t thread;
	int stop;
};

/* Before the program is started. @fd: the one that it writes a line to; below 0: sd_notify(3). */
int ready_prepare(struct ready *ready, int fd);

/* In the program's process, before exec: @data is the struct ready. Async-signal-safe. */
void ready_hand_over(void *data);

/* Hears from now on. */
int ready_begin(struct ready *ready, void (*tell)(void *data), void *data);
void ready_end(struct ready *ready);

#endif
