/* SPDX-License-Identifier: MIT */
/*
 * The text of one sd_notify(3) datagram: what its lines say, and which are passed on to
 * another manager.
 *
 * Promises  accepts any bytes; reads nothing outside of them; skips unknown lines.
 * Context   any; does not allocate memory.
 * Used by   notify.c, notify_outer.c.
 */
#ifndef KREG_LIB_NOTIFY_TEXT_H
#define KREG_LIB_NOTIFY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* systemd's limit; longer datagrams are ignored. */
#define NOTIFY_BYTES 4096

enum notify_line {
	NOTIFY_READY = 1 << 0,
	NOTIFY_RELOADING = 1 << 1,
	NOTIFY_STOPPING = 1 << 2,
	NOTIFY_STATUS = 1 << 3,
	NOTIFY_ALIVE = 1 << 4,   /* WATCHDOG=1 */
	NOTIFY_TRIGGER = 1 << 5, /* WATCHDOG=trigger */
	NOTIFY_PERIOD = 1 << 6,  /* WATCHDOG_USEC= */
	NOTIFY_MAIN_PID = 1 << 7,
	NOTIFY_EXTEND = 1 << 8, /* EXTEND_TIMEOUT_USEC= */
	NOTIFY_VALUE = 1 << 9,  /* X_KREG_VALUE= */
	NOTIFY_BARRIER = 1 << 10,
};

/* Pointers lead into the text. Of several lines of one kind the last one counts. */
struct notify_words {
	uint32_t lines; /* enum notify_line; members of kinds that did not occur are 0 */
	const char *status, *value;
	size_t status_size, value_size;
	uint64_t period_us, extend_us;
	pid_t main_pid;
};

/* False: it has a NUL before its end, and is ignored. */
bool notify_text_read(const char *text, size_t size, struct notify_words *out);

/*
 * Copies the lines that are passed on to another manager, and returns their size, at most
 * @size. Lines about the main process and about fds are left out.
 */
size_t notify_text_pass_on(const char *text, size_t size, char *out);

#pragma GCC visibility pop

#endif
