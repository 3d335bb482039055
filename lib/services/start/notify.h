/* SPDX-License-Identifier: MIT */
/*
 * The socket that a service sends its sd_notify(3) messages to, and what it has said so far: ready, its status, its
 * watchdog. kreg_start(), the supervisor and regtool read it here.
 *
 * Promises  a message counts if a process of the service has sent it, whatever its user; fds that come with one
 *           are closed. A service that misses its watchdog is sent SIGABRT, and SIGKILL after some time.
 * Needs     notify_close() after a notify_open() that returned 0; notify_hear() whenever @fd is readable, and
 *           notify_settle() when what it said was acted upon.
 * Context   one thread.
 * Used by   readiness.c, start_run.c, start_found.c, start_program.c.
 */
#ifndef KREG_LIB_NOTIFY_H
#define KREG_LIB_NOTIFY_H

#include "lib/kreg-services.h"
#include "lib/services/start/notify_outer.h"
#include "lib/services/start/notify_sender.h"
#include "lib/services/start/notify_socket.h"

#pragma GCC visibility push(hidden)

/* The most fds that the kernel lets one message have. */
#define NOTIFY_FDS 253

/* What is new. */
enum notify_news {
	NOTIFY_NEWS_STATE = 1 << 0,  /* @state, @status, @main_pid or the watchdog */
	NOTIFY_NEWS_MISSED = 1 << 1, /* the watchdog was missed: SIGABRT was sent */
	NOTIFY_NEWS_KILLED = 1 << 2, /* and SIGKILL */
};

/* The watchdog that a service was told of, by somebody else. */
struct notify_watchdog {
	bool is_known;   /* it is not: the first WATCHDOG=1 says that there is one */
	uint64_t period; /* ns; 0: none */
};

enum notify_watch { NOTIFY_WATCH_OFF, NOTIFY_WATCH_ON, NOTIFY_WATCH_ABORTED, NOTIFY_WATCH_KILLED };

struct notify {
	int fd; /* to poll; -1: there is nothing to hear */
	int socket;
	int timer;                            /* -1: there was no need of it */
	char variable[NOTIFY_VARIABLE_BYTES]; /* NOTIFY_SOCKET=... */
	struct notify_service service;
	int program; /* its pidfd; -1: it does not run yet */
	/* what it has said */
	bool is_ready;
	bool was_found; /* started by somebody else: its watchdog begins with WATCHDOG=1, if it is not on yet */
	uint32_t state; /* enum kreg_program_says */
	pid_t main_pid; /* 0: it has named none */
	char status[KREG_STATUS_MAX + 1];
	bool has_value;
	size_t value_size;
	char value[NOTIFY_BYTES];
	uint64_t extended; /* it wants so much time, of clock_now(); 0: it has not said so */
	/* its watchdog; times in ns, of clock_now() */
	enum notify_watch watch;
	uint64_t period;     /* 0: none */
	uint64_t abort_time; /* from SIGABRT to SIGKILL */
	uint64_t due;        /* when it is missed, or SIGKILL is sent */
	uint64_t armed;      /* what @timer is set to; 0: to nothing */
	uint32_t late;       /* messages since it was looked at */
	/* the last message, until notify_settle() */
	size_t text_size;
	char text[NOTIFY_BYTES];
	int fds[NOTIFY_FDS];
	uint32_t fd_count;
	struct notify_outer outer;
};

/* As one that was closed. */
void notify_init(struct notify *out);

/*
 * @name: of the socket; NULL, or somebody has it: one that the kernel chooses. @period_ms: of the watchdog, which begins
 * with READY=1; 0: none. What socket(2), epoll_create1(2) fail with.
 */
int notify_open(struct notify *out, const char *name, uint32_t period_ms);
/* The same for a service that somebody else has started under @name. -EADDRINUSE: somebody has it. */
int notify_open_again(struct notify *out, const char *name, const struct notify_watchdog *told);
void notify_close(struct notify *n);

/* From now on @service is heard. @pidfd is the program's, and stays the caller's; it is duplicated. */
int notify_serve(struct notify *n, const struct notify_service *service, int pidfd);

/* Takes one message, and looks at the watchdog, without waiting. What is new: enum notify_news. */
uint32_t notify_hear(struct notify *n);

/* What the last message said was acted upon: passes it on, and closes the fds that came with it. */
void notify_settle(struct notify *n);

#pragma GCC visibility pop

#endif
