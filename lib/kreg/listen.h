/* SPDX-License-Identifier: MIT */
/*
 * kreg: listening. Events for what is registered, updated and unregistered, and for what a
 * death removes.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_LISTEN_H
#define KREG_LISTEN_H

#include <kreg/base.h>
#include <kreg/owner.h>
#include <kreg/query.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_listener;

enum kreg_event_type {
	/* A process holds the name now, or an entry exists. */
	KREG_EVENT_REGISTER = 1,
	/* The owner gave it up. */
	KREG_EVENT_UNREGISTER,
	/* The owner gave it another value. */
	KREG_EVENT_UPDATE,
	/* The owner is dead. */
	KREG_EVENT_PURGE,
	/* @lost events of one owner were missed; 0: how many and whose is unknown. */
	KREG_EVENT_OVERRUN,
	/* The owner dumps core, and still holds the name; a purge event follows. */
	KREG_EVENT_DUMP,
	/* @from gave it to the owner, by kreg_give(). */
	KREG_EVENT_GIVEN,
	/* The owner took the name over from @from, which is next in line now. */
	KREG_EVENT_TAKEN,
};

/* The pointers are valid until the next call for the listener. */
struct kreg_event {
	/* enum kreg_event_type. */
	uint32_t type;
	/* Non-zero: the entry existed when the listener was opened. */
	uint32_t known;
	/*
	 * The entry; in unregister and purge events with the last value that was reported. In
	 * an overrun event only owner.pid is set; 0: that process is dead, or unknown.
	 */
	struct kreg_entry entry;
	uint64_t lost;
	/* In a purge event how the owner ended, as kreg_owner_end(); otherwise unknown. */
	struct kreg_end end;
	/* In given and taken events the owner until then; otherwise all 0. */
	struct kreg_owner from;
};

enum kreg_listen_flags {
	/* Begin with a register event for each entry that exists. */
	KREG_LISTEN_KNOWN = 1 << 0,
	/* Report core dumps too. */
	KREG_LISTEN_DUMPS = 1 << 1,
};

/*
 * Listens to the registry from now on.
 *
 * Each entry gives one register event and later one unregister or purge event, with updates
 * between, in order for each key. A name that is given away or taken over gives one event, which
 * names both owners, instead of an end and a beginning: nobody finds it free. It may give these
 * two where more is not known: the pattern has the owner, and only one of them matches; events
 * were missed; the giver was killed inside kreg_give(), and what it gave has changed since. Where
 * the holder unregisters or dies, the next in line gives its register event right behind that
 * end. An entry that existed when the listener was opened gives
 * only its end, unless KREG_LISTEN_KNOWN requests its register event too. With unique keys an
 * entry that waits in line gives its register event when it holds the name, a reserved name
 * when it is published. Locks, meta and additions to counters give no events. An entry that
 * is registered, and whose owner dies, within one call of kreg_register() may give none.
 *
 * Writers never wait for a listener. Each owner has room for 128 KiB of events, keys and
 * values included, and for 1 MiB if it makes them within some 50 ms; the oldest are
 * overwritten. A listener that is too slow then gets
 * KREG_EVENT_OVERRUN, and after it register, update and unregister events for the state of the table,
 * so that a copy made from the events is correct again.
 *
 * With KREG_LISTEN_DUMPS each entry whose owner dumps core gives one dump event, also if the
 * dump began before. This needs Linux 4.15, and an owner whose process is visible in /proc.
 * The listener looks while the program waits for events, ten times a second, at 256 owners
 * and at most 16 of them that have run. So the event comes some 0.1 seconds after the
 * beginning of the dump if there are not more, and later otherwise.
 *
 * @pattern: NULL matches all. Key, prefix, glob and owner are allowed. What it points to must
 *           not change until the listener is closed.
 * @flags: KREG_LISTEN_*.
 * Context: any thread. Starts two threads. A listener is for one thread at a time, and is
 *          closed before its registry. Not in a child of fork(2).
 * Memory: a copy of all entries that match the pattern; for each owner of one a pidfd, in a
 *         table of fds that is private to the two threads.
 * Death: a listener that dies, or whose program calls exec, leaves nothing. If a process is
 *        killed, is stopped or calls exec after a change and before it has woken the
 *        listeners, the event comes some tenths of a second later.
 * Return: 0, or an error:
 *   -EINVAL        the pattern has a value or a match function, or a flag does not exist
 *   -EINVAL        another argument is not allowed, as for kreg_select()
 *   -E2BIG         the pattern has something set that this library does not know
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EROFS         a read-only handle cannot listen, because writers have to see that it does
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -ENOBUFS       no slot is free for this thread
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -EAGAIN        the registry is changing too quickly, or a thread could not be created
 *   -ENOMEM        out of memory, or of the address space that the process may use
 *   -EMFILE        the process has no free fd
 *   -ENFILE        the host has no free fd
 *   -EPERM, -ENOSYS  a sandbox refuses a system call with this error
 * Since: 1.0
 */
int kreg_listen(struct kreg_listener **out, struct kreg *k, const struct kreg_pattern *pattern,
		uint32_t flags);

/*
 * The listener's fd, for poll(2) or epoll(7) and nothing else. It is readable while
 * kreg_listener_next() may have an event. It belongs to the listener; if the program closes
 * it, it is no longer woken, and may still call kreg_listener_next() now and then.
 *
 * Return: the fd, or -EINVAL: @listener is NULL.
 * Since: 1.0
 */
int kreg_listener_fd(const struct kreg_listener *listener);

/*
 * Fetches the next event, without blocking. Call it until it returns 0, and then wait for the
 * fd: before that the fd stays readable.
 *
 * Return: 1; 0 if no event is left; or an error:
 *   -EINVAL        an argument is NULL
 *   -ENOMEM        out of memory; retry, the fd stays readable. What was missed follows after
 *                  KREG_EVENT_OVERRUN
 *   -EAGAIN        the registry is changing too quickly; retry, as for -ENOMEM
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; there will be
 *                  no events any longer
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life; there
 *                  will be no events any longer
 *   -EUCLEAN       another process has damaged the registry's memory
 * Since: 1.0
 */
int kreg_listener_next(struct kreg_listener *listener, struct kreg_event *event);

/*
 * Closes the listener. NULL is allowed. In a child of fork(2) it frees the child's copy.
 * Since: 1.0
 */
void kreg_listener_close(struct kreg_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
