/* SPDX-License-Identifier: MIT */
/*
 * kreg: a running program that the caller has started, and the messages that it sends by
 * sd_notify(3).
 *
 * Include <kreg-services.h>; <kreg.h> states what holds for all calls.
 */
#ifndef KREG_PROGRAM_H
#define KREG_PROGRAM_H

#include <kreg/service.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_program;

/* The caller sets @size; what both sides know is filled. */
struct kreg_program_state {
	size_t size;
	uint32_t says; /* enum kreg_program_says */
	/* MAINPID= if that is a process of the program, otherwise the program's pid */
	pid_t main_pid;
	/* 0: its name is published; -EINPROGRESS: it is not ready; otherwise why publishing failed */
	int32_t published;
	uint32_t watchdog_ms; /* milliseconds; 0: no watchdog */
	/* STATUS= as it was sent; it can contain all bytes except NUL and newline */
	char status[KREG_STATUS_MAX + 1];
};

/*
 * An fd for poll(2), readable when kreg_program_hear() has something to do. It belongs to
 * @program: do not close it. kreg_program_hear() may close it.
 *
 * Return: the fd; -1 if nothing more can come, because the program has closed its end;
 *         -EINVAL @program is NULL.
 * Since: 1.0
 */
int kreg_program_fd(const struct kreg_program *program);

/*
 * Takes one message of the program, if there is one, and acts on it. It publishes the
 * program's name when the program is ready, shows its state to kreg_service_health(), sends
 * SIGABRT if the program has missed its watchdog and SIGKILL 5 s later, passes messages on
 * to the caller's own $NOTIFY_SOCKET if KREG_START_PASS_ON was set, and closes the fds that
 * came with them.
 *
 * Context: does not block; one thread at a time. Call it whenever the fd is readable, for
 *          as long as the program runs: a program that has sent more messages than the
 *          kernel queues (net.unix.max_dgram_qlen) blocks until they are read.
 * Death: of the caller leaves the program running, unless it dies with its starter; its
 *        messages are refused and its state is no longer shown.
 * Return: 0; or an error of kreg_publish(), once, if the name could not be published, also:
 *   -EINVAL        @program is NULL
 *   -ECHILD        the program has ended
 *   -ENOENT        the name is no longer reserved for the program
 * Since: 1.0
 */
int kreg_program_hear(struct kreg_program *program);

/*
 * Fills in what is known of the program's state.
 *
 * @state: the caller sets its size.
 * Context: one thread at a time, not during kreg_program_hear() in another one.
 * Return: 0; -EINVAL an argument is NULL, or the size is not set.
 * Since: 1.0
 */
int kreg_program_state(const struct kreg_program *program, struct kreg_program_state *state);

/*
 * Stops receiving messages and frees @program. The program goes on, and messages that it
 * sends are refused. If it is not ready, its name stays reserved, and the next kreg_start()
 * of that name ends it. NULL is allowed. Call it before kreg_close().
 * Since: 1.0
 */
void kreg_program_close(struct kreg_program *program);

#ifdef __cplusplus
}
#endif
#endif
