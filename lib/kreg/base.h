/* SPDX-License-Identifier: MIT */
/*
 * kreg: keys, owners, options and errors, which all parts share; open, close, destroy.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_BASE_H
#define KREG_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kreg/struct.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_KEY_MAX 255
#define KREG_VALUE_MAX 65536
#define KREG_NAME_MAX 64
#define KREG_STRING ((size_t)-1)

/* An open registry. */
struct kreg;

/* Gets a sentence without a newline, valid until it returns. */
typedef void (*kreg_log_fn)(const char *sentence, void *data);

/*
 * The owner of an entry, as a lookup returns it. kreg_owner_is_alive() and
 * kreg_owner_pidfd() accept it for ever: a token is never given to a second process.
 */
struct kreg_owner {
	uint64_t token;
	pid_t pid;
	uint32_t reserved;
};

/*
 * An owner and its value. The caller sets @value and @capacity; NULL and 0 only ask for the
 * size. So initialize it, as by = { 0 }.
 */
struct kreg_found {
	struct kreg_owner owner;
	/* Room for @capacity bytes. */
	void *value;
	size_t capacity;
	/*
	 * The size of the value. -ERANGE: it is larger than @capacity, and was not copied.
	 * -ENOENT: the name is reserved and has no value yet.
	 */
	ssize_t size;
};

enum kreg_open_flags {
	/* Look up only: never create, and need only read permission. */
	KREG_OPEN_READONLY = 1 << 0,
	/* Do not create: -ENOENT if there is no such registry. */
	KREG_OPEN_EXISTING = 1 << 1,
	/* Create: -EEXIST if the registry exists. Not together with the others. */
	KREG_OPEN_EXCLUSIVE = 1 << 2,
};

enum kreg_life {
	KREG_LIFE_AUTO,     /* the guard if it can be reached, otherwise the fallback */
	KREG_LIFE_GUARD,    /* the guard; -ENODEV if none runs */
	KREG_LIFE_FALLBACK, /* the kernel's robust futex list, without privilege */
};

enum kreg_keys {
	/* One owner for a key. */
	KREG_KEYS_UNIQUE,
	/*
	 * Any number of entries under a key; with partitions, spread by owner. For few keys
	 * with many entries.
	 */
	KREG_KEYS_DUPLICATE,
	/*
	 * The same, but all entries of a key are in one partition. For many keys with few
	 * entries.
	 */
	KREG_KEYS_DUPLICATE_BY_KEY,
};

/*
 * Options of kreg_open(). Fields that are 0 or NULL have their defaults. Fields marked
 * "creation" are ignored if the registry exists already.
 *
 * The struct grows at the end and never shrinks. @size is the size with which the caller
 * was compiled; KREG_OPTIONS sets it. A caller newer than the library may pass a larger
 * struct if the part that the library does not know is zero; otherwise: -E2BIG.
 */
struct kreg_options {
	size_t size;
	/* KREG_OPEN_*. Other bits: -EINVAL. */
	uint32_t flags;
	/* enum kreg_life. */
	uint32_t life;
	/*
	 * enum kreg_keys; creation. The default opens an existing registry of any kind; if
	 * duplicate keys are requested and the registry has unique ones: -EINVAL.
	 */
	uint32_t keys;
	/* Creation: the file's mode. Default: 0600. */
	uint32_t mode;
	/* Creation: if @set_group is not 0, the file gets the group @group. */
	uint32_t set_group;
	uint32_t group;
	/*
	 * Creation: threads that write, wait or read in sections at once. Default: 8192, at
	 * most 1048576.
	 */
	uint32_t slots;
	/*
	 * Creation: owners at once in the fallback. Default: 4096, at most 65536. The guard
	 * has a number of its own.
	 */
	uint32_t seats;
	/*
	 * Creation: bytes of address space for entries and values. Default: 16 GiB, or as much
	 * as fits into half of what RLIMIT_AS leaves the process.
	 */
	uint64_t max_bytes;
	/* Creation: milliseconds until a read section is expelled. Default: 1000. */
	uint32_t patience_ms;
	/*
	 * Creation, with KREG_KEYS_DUPLICATE only: 1 to 64. Default: 1. Writers under one key
	 * then contend in as many places instead of one, and a lookup searches all of them.
	 * Each owner's entries, memory and events are its own anyway. With other kinds of keys
	 * there is one partition.
	 */
	uint32_t partitions;
	/*
	 * A folder in a tmpfs. Default: $KREG_DIR, otherwise /run/kreg/UID if root has made
	 * /run/kreg, otherwise /dev/shm.
	 */
	const char *directory;
	/*
	 * The guard's folder. Default: $KREG_GUARD, otherwise /sys/fs/bpf/kreg. "none": as if
	 * no guard ran.
	 */
	const char *guard;
	/*
	 * Called with a sentence that says why a call failed and what to do: kreg_open(), and then
	 * the calls of the handle, so @log_data has to stay valid until kreg_close() has returned.
	 * NULL: what kreg_set_log() has set. See there.
	 */
	kreg_log_fn log;
	void *log_data;
	/*
	 * Creation: the bytes of @max_bytes that one owner may take, rounded up to slabs of
	 * 1 KiB. Default: all. A call that would take more fails with -EDQUOT; see Shares in
	 * kreg(7).
	 */
	uint64_t owner_bytes;
};

/* KREG_OPTIONS(name, .field = value, ...) */
#define KREG_OPTIONS(...) KREG_STRUCT(kreg_options, __VA_ARGS__, )

/* One entry, as a visitor gets it. The pointers are valid until the visitor returns. */
struct kreg_entry {
	const void *key;
	size_t key_size;
	const void *value;
	size_t value_size;
	struct kreg_owner owner;
	/* Unique keys: how many are ahead in the line; 0: the entry holds the name. */
	uint32_t position;
	/* KREG_REGISTER_*, as kreg_get_flags() tells its owner. Of meta and in events: 0. */
	uint32_t flags;
	/* For the library. */
	uint64_t reserved;
};

/* A visitor. Returns 0 to go on, another value to stop with it. May call kreg. */
typedef int (*kreg_visit_fn)(const struct kreg_entry *entry, void *data);

/* Returns non-zero if @entry matches. */
typedef int (*kreg_match_fn)(const struct kreg_entry *entry, void *data);

/*
 * Opens the registry @name. If it does not exist it is created, private to the user.
 *
 * @name: 1 to KREG_NAME_MAX of [A-Za-z0-9._-], not starting with a dot. "UID:NAME" is the
 *        registry NAME of another user, for users whom its file mode admits; only that user
 *        can create it.
 * @options: NULL for the defaults.
 *
 * The owner is the process: all handles that it has opened for writing in one registry are
 * one owner, with or without a guard. Each may change what was registered through another.
 *
 * Context: may block on the file system. In the fallback the first handle of a process that
 *          is not read-only starts a thread. If possible, open before the program starts
 *          many threads: the kernel then registers the process for fences faster. A program
 *          ends by exit(3) or a return from main(): if its last own thread calls
 *          pthread_exit(3) while the library has one, the process stays, with its names.
 * Death: a process that is killed or stopped while it creates, replaces or destroys a
 *        registry blocks no other process.
 * Return: 0, or an error, and *out is unchanged:
 *   -EINVAL        the name or an option is not allowed
 *   -EINVAL        duplicate keys were requested, and the registry has unique ones
 *   -E2BIG         an option is set that this library does not know
 *   -ENOENT        there is no such registry, and the flags say not to create it
 *   -ENOENT        there is none, and only another user can create it
 *   -EEXIST        KREG_OPEN_EXCLUSIVE, and the registry exists
 *   -EACCES        the file's mode does not admit the caller
 *   -EPERM         the file is not the named user's
 *   -EPERM         the registry is left over from another life table, and only its user can
 *                  replace it
 *   -EPERM         KREG_LIFE_GUARD, and the guard's folder is not to be trusted
 *   -EPERM         a sandbox refuses a system call
 *   -EPROTO        the file is no registry, is damaged, or is of another name
 *   -EPROTO        the registry has another layout, and a process may live in it
 *   -EOPNOTSUPP    the folder is not in a tmpfs
 *   -EBUSY         the registry is left over from another life table, and owners are alive
 *                  in it, or cannot be seen from here
 *   -ENODEV        KREG_LIFE_GUARD, and no guard runs
 *   -EUSERS        no seat is free
 *   -EDQUOT        the user has used up its share of the guard's seats
 *   -ESHUTDOWN     the guard is being stopped or started; retry
 *   -ENOSPC        the file system is full
 *   -EFBIG         the file would be larger than RLIMIT_FSIZE allows
 *   -ENOSYS        the kernel refuses set_robust_list(2), and no guard is used
 *   -ENOSYS        a filter refuses another system call with this error
 *   -EAGAIN        other processes replaced the file too often; retry
 *   -EAGAIN        another process has a lease on the file, by F_SETLEASE of fcntl(2), and was
 *                  asked to end it; retry. The kernel ends it after some time
 *                  (/proc/sys/fs/lease-break-time)
 *   -EAGAIN        a thread could not be created, or memory could not be locked
 *   -EAGAIN        too many processes, or threads of this one, attach to the guard; retry
 *   -ENOMEM        out of memory
 *   -ENOMEM        what is in use of the registry does not fit into the process's limits on
 *                  address space or locked memory
 *   -EMFILE        the process has no free fd, or 65534 handles of the registry
 *   -ENFILE        the host has no free fd
 *   -ENAMETOOLONG  the path of the folder is too long
 * Since: 1.0
 */
int kreg_open(struct kreg **out, const char *name, const struct kreg_options *options);

/*
 * Closes the handle. It first unregisters what this process registered through it: names,
 * reserved names, places in lines, and locks. What was registered through another handle
 * stays. An update through another handle does not change through which one an entry was
 * registered.
 *
 * What other processes gave to this one, what it was started under, and what it had under
 * the guard when it called execve(2), belongs to no single handle: the last one unregisters
 * it.
 *
 * @k: NULL is allowed. Close its listeners first. No other thread may use the handle any
 *     longer. In a child of fork() the call frees the child's copy and leaves the parent's
 *     names alone.
 * Since: 1.0
 */
void kreg_close(struct kreg *k);

enum kreg_destroy_flags {
	/*
	 * Also if owners are alive, or the file is damaged or of another layout. From then on
	 * the owners' changes and waits fail with -ESHUTDOWN.
	 */
	KREG_DESTROY_FORCE = 1 << 0,
};

/*
 * Removes the registry @name. Only its user and root can. Without KREG_DESTROY_FORCE
 * the call fails while an owner in it is alive: a process that has a name in it, a reserved
 * name, a place in a line or a lock, and whose life is not known to have been ended.
 *
 * @options: the directory, the guard and the log count.
 * @flags: KREG_DESTROY_*.
 * Death: as kreg_open().
 * Return: 0, or an error:
 *   -ENOENT        there is no such registry
 *   -EBUSY         owners are alive in it, or cannot be seen from here; other processes
 *                  cannot observe the attempt
 *   -EPERM         it is another user's
 *   -EACCES        the file or the folder denies access
 *   -EPROTO        as kreg_open()
 *   -EOPNOTSUPP    the folder is not in a tmpfs
 *   -EINVAL        the name, an option or a flag is not allowed
 *   -ENAMETOOLONG  the path of the folder is too long
 *   -EMFILE        the process has no free fd
 *   -ENFILE        the host has no free fd
 *   -ENOMEM        out of memory, or of the address space or locked memory that the process may use
 *   -EAGAIN        other processes replaced the file too often; retry
 *   -EAGAIN        another process has a lease on the file, as for kreg_open(); retry
 * Since: 1.0
 */
int kreg_destroy(const char *name, const struct kreg_options *options, uint32_t flags);

/*
 * Sets the log of the process, for calls without a handle and for handles opened without a
 * log of their own. NULL: none, as at the beginning: kreg never writes to stderr by itself.
 *
 * Each -EINVAL of a call is one sentence "CALL: ARGUMENT ...": which argument was refused and
 * why, or what to do. CALL is the one that the program has made. Bytes of arguments that are
 * not printable ASCII are written as \xNN; values and keys are not shown. kreg_open(),
 * kreg_destroy(), kreg_registries_each() and kreg_supervision_read() say also why they failed
 * otherwise, and kreg_cluster_register() that no bridge serves the namespace; for other calls the
 * other errors say it all.
 * kreg_service_parse() says nothing of a key that is not of a service.
 *
 * @log: is called by the thread that makes the call, before that returns, with no lock held, by
 *       several threads at once; so inside a signal handler, if that makes such a call with a
 *       wrong argument. It may call kreg; what these calls refuse is not said.
 * @data: for @log. It has to stay valid until another log is set and the calls that had begun
 *        before have returned.
 *
 * Context: any thread, at any time, but not in a signal handler. A child of fork() inherits the
 *          log; a program that execve(2) begins has none. Each different pair of @log and @data
 *          takes 24 bytes, which are not freed.
 * Return: 0, or:
 *   -ENOMEM        out of memory; the log is as before
 * Since: 1.0
 */
int kreg_set_log(kreg_log_fn log, void *data);

/*
 * The sentence for a negative errno of these calls; 0 is "no error". A positive number is no
 * error of these calls, so the sentence says that theirs are negative. Never NULL.
 * Since: 1.0
 */
const char *kreg_strerror(int error);

#ifdef __cplusplus
}
#endif
#endif
