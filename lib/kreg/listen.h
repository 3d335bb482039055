/* SPDX-License-Identifier: MIT */
/*
 * kreg: listening. What is registered, updated, unregistered, and what goes with a death.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_LISTEN_H
#define KREG_LISTEN_H

#include <kreg/base.h>
#include <kreg/query.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_listener;

enum kreg_event_type {
	KREG_EVENT_REGISTER = 1, /* somebody holds a name, or an entry is there */
	KREG_EVENT_UNREGISTER,   /* its owner gave it up, or another one took it over */
	KREG_EVENT_UPDATE,       /* its owner gave it another value */
	KREG_EVENT_PURGE,        /* its owner is dead */
	KREG_EVENT_OVERRUN, /* @lost of one owner's events were missed; 0: it is not known how many */
	KREG_EVENT_DUMP,    /* its owner writes a core dump, and still has it; a purge follows */
};

/* The pointers are good until the next call for the listener. */
struct kreg_event {
	uint32_t type;  /* enum kreg_event_type */
	uint32_t known; /* non-zero: the entry was there when the listener was opened */
	struct kreg_entry
		entry; /* at an end, the last value that was told. Overrun: the owner's pid */
	uint64_t lost;
};

enum kreg_listen_flags {
	KREG_LISTEN_KNOWN = 1 << 0, /* begin with a register event for each entry that is there */
	KREG_LISTEN_DUMPS = 1 << 1, /* tell of core dumps as well */
};

/*
 * Listens to the registry from now on.
 *
 * Each entry gives one register event and later one unregister or purge event, in order for each key;
 * updates are in between. Entries that were there at the beginning give their end alone, unless
 * KREG_LISTEN_KNOWN asks for their beginning. With unique keys those who wait in line are not told before
 * they hold the name. An entry that comes and goes with its owner's death within one call of
 * kreg_register() may give no event at all.
 *
 * A listener that is too slow misses events, and is told so by KREG_EVENT_OVERRUN; what the table has
 * become meanwhile follows as register and unregister events, so a mirror that is made of the events is
 * right again. Writers wait for no listener. Reserved names and locks give no events.
 *
 * With KREG_LISTEN_DUMPS each entry whose owner dumps core gives one KREG_EVENT_DUMP: from Linux 4.15 on, where the owner's
 * process is to be seen in /proc. It comes some 100 ms after the beginning of the dump, if there are at most 256
 * owners of entries that are listened to, and at most 16 of them run; of more, the listener looks at so many ten times a
 * second, in turn. It looks while the program waits for events.
 *
 * @pattern: may be NULL; key, prefix, glob and owner are for the events as well, -EINVAL for the others.
 *           What it points to must stay as it is.
 * Context: starts two threads. A listener is for one thread at a time, and is closed before its registry.
 *          Not in a child of fork().
 * Memory: a copy of all entries that the pattern means; a pidfd for each owner of one, in a table of fds that is
 *         the threads' own.
 * Return: 0; -EINVAL; -EROFS a read-only handle cannot listen; -EOWNERDEAD; -ENOBUFS; -EAGAIN; -ENOMEM,
 *         -EMFILE and what threads may fail with.
 * Since: 1.0
 */
int kreg_listen(struct kreg *k, const struct kreg_pattern *pattern, uint32_t flags,
		struct kreg_listener **out);

/*
 * An fd for poll(2) or epoll(7), readable as long as kreg_listener_next() may have an event. For nothing
 * else; it is the listener's. Who has closed it is woken no more, and may ask kreg_listener_next() now and then.
 * Since: 1.0
 */
int kreg_listener_fd(const struct kreg_listener *listener);

/*
 * The next event, without waiting.
 * Return: 1; 0 none is left; -ENOMEM, -EAGAIN try again, the fd stays readable; -ESHUTDOWN the registry was
 *         destroyed or taken over, and there will be none; -EOWNERDEAD the same, as the guard was stopped by force; -EUCLEAN another process has damaged the
 *         memory.
 * Since: 1.0
 */
int kreg_listener_next(struct kreg_listener *listener, struct kreg_event *event);

/* NULL is allowed. Since: 1.0 */
void kreg_listener_close(struct kreg_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
