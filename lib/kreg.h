/* SPDX-License-Identifier: MIT */
/*
 * kreg: a process registry for one Linux host.
 *
 * A process registers a name with a value; other processes look it up directly in shared
 * memory. When the process dies, for whatever reason, the kernel removes all its names
 * before any other process can learn of the death.
 *
 * The following holds for all calls, unless a call says otherwise.
 *
 * Errors    A call returns 0 or a count on success, a negative errno otherwise; errno itself
 *           is not used. kreg_strerror() has a sentence for each error. A call that fails
 *           has changed nothing.
 * Log       Which argument an -EINVAL is about, and why, is said to the log of the handle, if
 *           kreg_open() was given one, or to that of the process: kreg_set_log().
 * Keys      1 to KREG_KEY_MAX bytes of any kind. For a C string pass KREG_STRING as the size.
 * Values    0 to KREG_VALUE_MAX bytes of any kind, copied in and copied out. With
 *           KREG_STRING as the size a C string is the value, without its NUL.
 * Buffers   A value that is larger than the buffer for it is -ERANGE, also in
 *           kreg_found.size: nothing of it is copied, and the owner is filled in. NULL with a
 *           capacity of 0 asks for the size, and is not an error. A buffer of 0 bytes that is
 *           not NULL has room for the empty value only. After another error a buffer is
 *           undefined. No buffer may overlap another argument, such as the key.
 *           kreg_lookup_string() makes a C string of a value.
 * Threads   All threads of a process may use a handle at once. kreg_close() may run while
 *           other threads end, but not while they are in a call.
 * Lookups   take no lock and make no system call, except one mprotect(2) when the process
 *           first reaches what other processes have added to the registry; that happens fewer
 *           than a hundred times in a process.
 * Signals   These are async-signal-safe, and no other call is: kreg_lookup(),
 *           kreg_lookup_string(), kreg_ref_lookup(), kreg_service_lookup(),
 *           kreg_service_lookup_string(), kreg_service_ref(), kreg_service_pattern() and
 *           kreg_service_pool().
 * Cancel    No call is a cancellation point, not even one that waits. A thread that is
 *           cancelled inside a call, or in a function of the program that a call calls, ends
 *           after the call.
 * Locking   mlockall(2), before kreg_open() or afterwards, locks what is used of a registry,
 *           and an eighth and a MiB more; in a process that listens also the records of all
 *           seats in use, 128 KiB each. RLIMIT_MEMLOCK nevertheless has to admit the size of
 *           the file.
 * Fds       An open registry has no fd. A program may close fds that it does not know, and
 *           open its own under the same numbers: no call ever touches them. An fd that a call
 *           returns is above 2 and close-on-exec, and so are the two sockets of a listener,
 *           the one of a pending wait, and one to three that a handle keeps from its first
 *           pending wait on; if the program closes these, the listener or the wait only loses
 *           its wake-ups.
 * Fork      A child may look up through the handle that it inherited, and must kreg_close()
 *           it. Calls that need an owner or a read section fail with -EOWNERDEAD there. To
 *           take part, the child opens the registry itself. Never call kreg between vfork()
 *           and exec.
 * Exec      closes the handle. Under the guard the names stay, because the process does; in
 *           the fallback they are removed.
 * Death     of the calling process at any instruction blocks no other process and leaves
 *           nothing that is not recovered. The death of an owner makes its entries absent in
 *           all calls.
 * Stop      of a thread inside a call keeps at most four entries, with their values, from
 *           being reused, and blocks no other process.
 */
#ifndef KREG_H
#define KREG_H

#include <kreg/base.h>
#include <kreg/cluster.h>
#include <kreg/listen.h>
#include <kreg/many.h>
#include <kreg/meta.h>
#include <kreg/name.h>
#include <kreg/owner.h>
#include <kreg/peer.h>
#include <kreg/pending.h>
#include <kreg/pool.h>
#include <kreg/query.h>
#include <kreg/ref.h>
#include <kreg/registries.h>
#include <kreg/remote.h>
#include <kreg/service.h>
#include <kreg/service_name.h>
#include <kreg/service_state.h>
#include <kreg/version.h>
#include <kreg/wait.h>

#endif
