/* SPDX-License-Identifier: MIT */
/*
 * The socket to which a service sends its sd_notify(3) messages, and what it has said so
 * far: ready, its status, its watchdog. kreg_start(), the supervisor and regtool read it
 * here.
 *
 * Promises  a message counts if a process of the service sent it, whatever its user; fds
 *           that come with it are closed. A service that misses its watchdog is sent
 *           SIGABRT, and SIGKILL after some time.
 * Needs     notify_close() after a notify_open() that returned 0; notify_hear() whenever
 *           @fd is readable, and notify_settle() when its result was acted upon.
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

/* The most fds that the kernel allows in one message. */
#define NOTIFY_FDS 253

/* What has changed. */
enum notify_news {
	NOTIFY_NEWS_STATE = 1 << 0,  /* @state, @status, @main_pid or the watchdog */
	NOTIFY_NEWS_MISSED = 1 << 1, /* the watchdog was missed: SIGABRT was sent */
	NOTIFY_NEWS_KILLED = 1 << 2, /* and SIGKILL */
};

/* The watchdog that an earlier starter has announced to a service. */
struct notify_watchdog {
	bool is_known;   /* false: the first WATCHDOG=1 says that there is one */
	uint64_t period; /* ns; 0: none */
};

enum notify_watch { NOTIFY_WATCH_OFF, NOTIFY_WATCH_ON, NOTIFY_WATCH_ABORTED, NOTIFY_WATCH_KILLED };

struct notify {
	int fd; /* to poll; -1: nothing to receive */
	int socket;
	int timer;                            /* -1: not needed so far */
	char variable[NOTIFY_VARIABLE_BYTES]; /* NOTIFY_SOCKET=... */
	struct notify_service service;
	int program; /* its pidfd; -1: not running yet */
	/* what it has said */
	bool is_ready;
	bool was_found; /* not by this process: its watchdog begins with WATCHDOG=1 */
	uint32_t state; /* enum kreg_program_says */
	pid_t main_pid; /* 0: none was named */
	char status[KREG_STATUS_MAX + 1];
	bool has_value;
	size_t value_size;
	char value[NOTIFY_BYTES];
	uint64_t extended; /* it asks for time until then, of clock_now(); 0: it has not asked */
	/* its watchdog; times in ns, of clock_now() */
	enum notify_watch watch;
	uint64_t period;     /* 0: none */
	uint64_t abort_time; /* from SIGABRT to SIGKILL */
	uint64_t due;        /* when it is missed, or SIGKILL is sent */
	uint64_t armed;      /* what @timer is set to; 0: it is off */
	uint32_t late;       /* messages since the watchdog was checked */
	/* the last message, until notify_settle() */
	size_t text_size;
	char text[NOTIFY_BYTES];
	int fds[NOTIFY_FDS];
	uint32_t fd_count;
	struct notify_outer outer;
};

/* Like a closed one. */
void notify_init(struct notify *out);

/*
 * @name: of the socket; if it is NULL or taken, the kernel chooses one. @period_ms: of
 * the watchdog, which begins with READY=1; 0: none. Errors of socket(2) and
 * epoll_create1(2).
 */
int notify_open(struct notify *out, const char *name, uint32_t period_ms);
/*
 * The same for a service that was started earlier under @name. -EADDRINUSE: the name is
 * taken.
 */
int notify_open_again(struct notify *out, const char *name, const struct notify_watchdog *watchdog);
void notify_close(struct notify *n);

/*
 * From now on messages of @service count. @pidfd is the program's; it is duplicated and
 * stays the caller's.
 */
int notify_serve(struct notify *n, const struct notify_service *service, int pidfd);

/* Takes one message and checks the watchdog, without blocking. Returns an enum notify_news. */
uint32_t notify_hear(struct notify *n);

/* The last message was acted upon: passes it on, and closes the fds that came with it. */
void notify_settle(struct notify *n);

#pragma GCC visibility pop

#endif
