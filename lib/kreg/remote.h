/* SPDX-License-Identifier: MIT */
/*
 * kreg: names of other hosts. A process that learns of them, as kreg-etcd does, registers them
 * here, and they are found as all others are.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_REMOTE_H
#define KREG_REMOTE_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_HOST_MAX 64

enum kreg_remote_flags {
	/* It was true when the process that tells of it was last in touch with the others. */
	KREG_REMOTE_STALE = 1 << 0,
};

/*
 * A process of another host that has a name there. The caller sets @size; KREG_REMOTE sets it, and
 * the others to 0. The process that registers it decides what it says.
 */
struct kreg_remote {
	size_t size;
	/*
	 * Which registration it is, to be passed on and compared: a later one of the name has a
	 * larger number. Of kreg-etcd the revision by which etcd has it. 0: none.
	 */
	uint64_t token;
	/* When the process started, in nanoseconds since the boot of its host; 0: unknown. */
	uint64_t start;
	/* Its pid and user there; 0 and KREG_ID_UNKNOWN: unknown. */
	uint32_t pid;
	uint32_t uid;
	/* KREG_REMOTE_STALE, or 0. */
	uint32_t flags;
	uint32_t reserved;
	/* The host, 1 to KREG_HOST_MAX bytes and a NUL. */
	char host[KREG_HOST_MAX + 8];
};

/* KREG_REMOTE(name, .field = value, ...) */
#define KREG_REMOTE(...) KREG_STRUCT(kreg_remote, __VA_ARGS__, )

/*
 * Registers @key as the name of the process @remote of another host. Unique keys only.
 *
 * kreg_lookup() and all other calls that find names find it, with @value and with the caller as
 * its owner: it lives as long as the caller. What needs the process itself fails with -EREMOTE:
 * kreg_monitor(), kreg_signal() and their forms for services. kreg_connect() connects if @value is
 * an address of TCP or vsock that leads to another host, as "tcp:192.0.2.7:8080".
 *
 * If the caller has @key registered as a remote name already, value and @remote are replaced in
 * one step, and @flags are not looked at: a lookup finds the old ones or the new ones, whole.
 * Calls that change an own entry otherwise, kreg_update(), kreg_give(), kreg_set_flags() and
 * kreg_counter_add() for instance, fail with -EREMOTE; kreg_unregister() ends it.
 *
 * @value: as for kreg_register().
 * @remote: with a host, and no unknown flags.
 * @flags: KREG_REGISTER_REPLACEABLE: it yields to names of this host. kreg_register() and all
 *         calls that register by other ways succeed as if the key was free, unless the caller
 *         itself has it. The entry is next in line then, until the caller unregisters it, and
 *         listeners get the events of a name that was taken over. Other processes' remote names
 *         take it over in the same way. 0: kreg_register() of another process fails with -EEXIST.
 * @holder: as for kreg_register().
 * Context: as kreg_register(). An entry takes some 40 bytes and its host more than one of this
 *          host; with KREG_REGISTER_REPLACEABLE a lookup takes some three times the instructions,
 *          as of every replaceable name (doc/performance.md).
 * Death: of the caller ends the name, for all who look it up.
 * Return: 0, also if an entry that waits in line was replaced; or an error as kreg_register(),
 *         and:
 *   -EEXIST        the key is taken; by the caller itself, if that has it as a name of this host
 *   -EINVAL        the host is empty, or a flag does not exist, or the registry has duplicate
 *                  keys
 *   -E2BIG         @remote has something set that this library does not know
 * Since: 1.0
 */
int kreg_register_remote(struct kreg *k, const void *key, size_t key_size, const void *value,
			 size_t value_size, const struct kreg_remote *remote, uint32_t flags,
			 struct kreg_found *holder);

/*
 * Of which host the name @key is, which kreg_lookup() finds.
 *
 * @remote: NULL, or filled in if it is of another host. The caller sets @size; fields that both
 *          sides know are filled.
 * Context: any thread, a read-only handle, a child of fork(2). No system call, except the
 *          mprotect(2) of kreg_lookup().
 * Death: as kreg_lookup().
 * Return: 1: it is of another host; 0: it is of this one; or an error as kreg_lookup(), but never
 *         -ERANGE.
 * Since: 1.0
 */
int kreg_remote_host(struct kreg *k, const void *key, size_t key_size, struct kreg_remote *remote);

#ifdef __cplusplus
}
#endif
#endif
