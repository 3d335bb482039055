/* SPDX-License-Identifier: MIT */
/*
 * kreg: the registries of the host: which there are, whose, and how much is in them.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_REGISTRIES_H
#define KREG_REGISTRIES_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kreg_registry_state {
	/* Processes can take part in it. */
	KREG_REGISTRY_CURRENT = 1,
	/*
	 * Its life table is gone: it is of another boot, a copy, or made under a guard that
	 * cannot be reached; or it was replaced or destroyed, and the file has remained. Its
	 * user replaces it by opening it for writing, if no owner is alive.
	 */
	KREG_REGISTRY_LEFTOVER,
	/* Another version of the library, of another layout, has made it. */
	KREG_REGISTRY_OTHER_LAYOUT,
	/* The file is no registry, or is damaged: kreg_open() fails with -EPROTO. */
	KREG_REGISTRY_DAMAGED,
	/* The file is not that user's whose name it bears: kreg_open() fails with -EPERM. */
	KREG_REGISTRY_ANOTHERS,
	/* The caller may not read the file, or another process has a lease on it (F_SETLEASE). */
	KREG_REGISTRY_HIDDEN,
};

enum kreg_registries_flags {
	/* Only those that bear the name of the caller's effective user. */
	KREG_REGISTRIES_OWN = 1 << 0,
};

/* The pointers are valid until the visitor returns. */
struct kreg_registry {
	/* As kreg_open() of the caller takes it, "NAME", or "UID:NAME" of another user. */
	const char *name;
	/* As kreg_options.directory. */
	const char *directory;
	/* enum kreg_registry_state. */
	uint32_t state;
	/* Of the file. */
	uint32_t uid;
	uint32_t gid;
	uint32_t mode;
	/* The memory that the file takes from its file system. */
	uint64_t bytes;
	/*
	 * The rest is 0 if the state is DAMAGED, ANOTHERS or HIDDEN.
	 *
	 * KREG_LIFE_GUARD or KREG_LIFE_FALLBACK; and the layout.
	 */
	uint32_t life;
	uint32_t layout;
	/* enum kreg_keys; 0 also if the layout is another one. */
	uint32_t keys;
	uint32_t reserved;
	/*
	 * CURRENT: the living owners, and their entries, as kreg_count(). LEFTOVER and
	 * OTHER_LAYOUT: the processes that have opened it and may be alive, by what /proc
	 * shows, and 0.
	 */
	uint64_t owners;
	uint64_t entries;
};

/*
 * Visits the registries of all users in the folders where registries are: $KREG_DIR if it is
 * set; otherwise /run/kreg/UID of each user, if root has made /run/kreg, and /dev/shm. They
 * come in the order of user, name and folder. A user who has a registry of one name in both
 * finds the one in /run/kreg/UID.
 *
 * It creates nothing, takes no seat, and only reads. Files of other users cannot harm the
 * caller, whatever is in them and whatever happens to them meanwhile. The figures are not
 * read at the same instant; owners and entries are as the file says.
 *
 * @options: NULL for the defaults. The directory, the guard and the log count: registries made
 *         under another guard than that are leftovers.
 * @flags: KREG_REGISTRIES_*.
 * @visit: returns 0 to go on, another value to stop with it. May call kreg.
 * Context: any thread; needs no handle; not a signal handler. No fd is open while the visitor
 *          runs. Memory: a line for each registry; and up to 8 MiB for the one that is read.
 * Death: a process that is killed inside leaves nothing. Entries of dead owners do not count.
 * Return: 0, or what @visit returned, or an error:
 *   -EINVAL        a flag does not exist, @visit is NULL, or an option is not allowed
 *   -E2BIG         an option is set that this library does not know
 *   -ENOENT, -ENOTDIR, -EACCES  of the directory that was asked for
 *   -EOPNOTSUPP    that directory is not in a tmpfs
 *   -EPERM, -ENOSYS  a sandbox refuses a system call
 *   -EMFILE        the process has no free fd
 *   -ENFILE        the host has no free fd
 *   -ENOMEM        out of memory
 * Since: 1.0
 */
int kreg_registries_each(const struct kreg_options *options, uint32_t flags,
			 int (*visit)(const struct kreg_registry *registry, void *data),
			 void *data);

#ifdef __cplusplus
}
#endif
#endif
