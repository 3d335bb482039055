/* SPDX-License-Identifier: MIT */
/*
 * kreg: a process registry for one Linux host.
 *
 * A process registers a name with a value; other processes look it up straight from shared
 * memory. When the process dies, however it dies, the kernel makes all its names vanish before
 * anyone can be told of the death.
 *
 * The same for all calls, unless one says otherwise:
 *
 * Errors    0 or a count on success, a negative errno otherwise; errno itself is not used.
 *           kreg_strerror() has the sentence for each. A call that fails has changed nothing.
 * Keys      1 to KREG_KEY_MAX bytes, any bytes. Pass KREG_STRING as the size of a C string.
 * Values    0 to KREG_VALUE_MAX bytes, any bytes. A value is copied in and copied out. Its size is
 *           always a number: KREG_STRING is for keys.
 * Threads   a handle may be used by all threads of the process at once. Calls that look up
 *           take no lock and make no system call, but for an mprotect(2) at the first look at what
 *           others have added to the registry, fewer than a hundred times for a process. None is safe in a signal handler except
 *           kreg_lookup(). No call is a cancellation point, those that wait included: a thread
 *           that is cancelled inside one, or in a function of the program that one calls, ends
 *           after it. kreg_close() may run while other threads end, but not while they are in a call.
 * Locking   mlockall(2), before kreg_open() or afterwards, locks what is used of a registry, and an eighth and
 *           a MiB more; who listens also the records of all seats in use, 128 KiB each. The limit on locked
 *           memory has to admit the size of the file all the same.
 * Fds       an open registry is none. A program may close fds that it does not know, and open its own under
 *           the same numbers: no call ever touches them. What a call returns as an fd is above 2 and
 *           close-on-exec, and so are the two sockets of a listener, whose loss costs the wake-up alone.
 * Fork      the child may look up through the handle that it inherited, and must kreg_close()
 *           it; everything that needs an owner or a read section is -EOWNERDEAD there. Open
 *           anew in the child to take part. Never call between vfork() and exec.
 * Exec      closes the handle. Under the guard the names stay, because the process does; in
 *           the fallback they go.
 * Death     of the calling process at any instruction blocks nobody and leaves nothing that
 *           is not recovered. Death of an owner makes its entries absent in all calls.
 * Stop      of a thread inside a call keeps at most four entries, with their values, from being used
 *           again, and blocks nobody.
 */
#ifndef KREG_H
#define KREG_H

#include <kreg/base.h>
#include <kreg/listen.h>
#include <kreg/many.h>
#include <kreg/meta.h>
#include <kreg/name.h>
#include <kreg/owner.h>
#include <kreg/peer.h>
#include <kreg/query.h>
#include <kreg/service.h>
#include <kreg/wait.h>

#endif
