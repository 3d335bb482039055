/* SPDX-License-Identifier: MIT */
/*
 * kreg: a program that was started, for as long as it runs: what it says by sd_notify(3).
 *
 * Use <kreg-services.h>; <kreg.h> says what holds for all calls.
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
	uint32_t says;  /* enum kreg_program_says */
	pid_t main_pid; /* MAINPID=, if that is a process of the program; else the program's pid */
	int32_t published; /* 0: its name is found; -EINPROGRESS: it is not ready yet; else why it is not found */
	uint32_t watchdog_ms; /* 0: none */
	char status[KREG_STATUS_MAX +
		    1]; /* STATUS=, as it was said; it may have any bytes but NUL and newline */
};

/*
 * An fd for poll(2), readable when kreg_program_hear() has something to do; -1: it will have nothing, because the program
 * has closed its end. It is the program's, and may become -1 in kreg_program_hear().
 * Since: 1.0
 */
int kreg_program_fd(const struct kreg_program *program);

/*
 * Hears what the program says, without waiting, one message a call: publishes its name when it is ready, shows its
 * state to kreg_service_health(), sends SIGABRT if it has missed its watchdog and SIGKILL 5 s later, passes messages on
 * to the caller's own $NOTIFY_SOCKET if KREG_START_PASS_ON was set, and closes the fds that came with them.
 *
 * Context: one thread at a time. To be called whenever the fd is readable, for as long as the program runs: a
 *          program that sends more messages than the kernel keeps (net.unix.max_dgram_qlen) waits until they are read.
 * Return: 0; or, once, why its name could not be published: errors of kreg_publish(), -ECHILD it has ended.
 * Since: 1.0
 */
int kreg_program_hear(struct kreg_program *program);

/* Return: 0; -EINVAL. Since: 1.0 */
int kreg_program_state(const struct kreg_program *program, struct kreg_program_state *state);

/*
 * Hears no more; the program goes on. One that is not ready keeps its name reserved, and whoever starts that name next
 * ends it. NULL is allowed. To be called before kreg_close().
 * Since: 1.0
 */
void kreg_program_close(struct kreg_program *program);

#ifdef __cplusplus
}
#endif
#endif
