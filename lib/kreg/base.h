/* SPDX-License-Identifier: MIT */
/*
 * kreg: what all parts share: keys, owners, options, errors; open, close, destroy.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_BASE_H
#define KREG_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KREG_KEY_MAX 255
#define KREG_VALUE_MAX 65536
#define KREG_NAME_MAX 64
#define KREG_STRING ((size_t)-1)

/* An open registry. */
struct kreg;

/*
 * Who holds an entry, as found by a lookup. It stays good for kreg_owner_is_alive() and
 * kreg_owner_pidfd() for ever: a token is never given to a second process.
 */
struct kreg_owner {
	uint64_t token;
	pid_t pid;
	uint32_t reserved;
};

/* An owner and its value. The caller sets @value and @capacity; 0 is allowed for both. */
struct kreg_found {
	struct kreg_owner owner;
	void *value; /* room for @capacity bytes */
	size_t capacity;
	ssize_t size; /* the value's; larger than @capacity: it was not copied. -ENOENT: none, the
			    name is reserved */
};

enum kreg_open_flags {
	KREG_OPEN_READONLY = 1 << 0,  /* look up only; never creates; needs read permission alone */
	KREG_OPEN_EXISTING = 1 << 1,  /* -ENOENT where there is none; the default creates it */
	KREG_OPEN_EXCLUSIVE = 1 << 2, /* -EEXIST where there is one */
};

enum kreg_life {
	KREG_LIFE_AUTO,     /* the guard where it runs, the fallback elsewhere */
	KREG_LIFE_GUARD,    /* -ENODEV where no guard runs */
	KREG_LIFE_FALLBACK, /* the kernel's robust futex list, without privilege */
};

enum kreg_keys {
	KREG_KEYS_UNIQUE,    /* one owner for a key */
	KREG_KEYS_DUPLICATE, /* any number of entries under a key; with partitions spread by owner, for
				few keys with many entries */
	KREG_KEYS_DUPLICATE_BY_KEY, /* the same, all of a key in one partition, for many keys with few */
};

/*
 * Options grow at the end and never shrink. @size is sizeof the struct that the caller was
 * compiled with; KREG_OPTIONS sets it. A caller newer than the library may pass a larger struct
 * as long as the part that the library does not know is zero, otherwise -E2BIG.
 */
struct kreg_options {
	size_t size;
	uint32_t flags; /* KREG_OPEN_*; other bits: -EINVAL */
	uint32_t life;  /* enum kreg_life */
	uint32_t keys;  /* enum kreg_keys; decided at creation. Afterwards the default takes what is
			  there; who asks for duplicate keys is refused unique ones: -EINVAL */
	uint32_t mode;  /* file mode at creation; 0: 0600 */
	uint32_t set_group; /* non-zero: @group is given to the file at creation */
	uint32_t group;
	uint32_t slots; /* threads that write or read in sections at once; 0: 8192 */
	uint32_t seats; /* owners at once in the fallback; 0: 4096, at most 65536 */
	uint64_t
		max_bytes; /* for entries and values; 0: 16 GiB of address space, or as much as fits into
			       half of what RLIMIT_AS leaves the process */
	uint32_t patience_ms; /* until a read section is expelled; 0: 1000 */
	uint32_t partitions; /* 1 to 64, 0: 1. Decided at creation. Each owner's entries, memory and
				 events are its own anyway; with KREG_KEYS_DUPLICATE those who register
				 under one key meet in n places instead of one, and a lookup looks
				 into n. For other keys it is 1 */
	const char *directory; /* a tmpfs; NULL: $KREG_DIR, else /run/kreg/UID where root has made
				    /run/kreg, else /dev/shm */
	const char *guard;     /* the guard's folder; NULL: $KREG_GUARD, else /sys/fs/bpf/kreg;
				    "none": as if no guard ran */
	void (*log)(void *data, const char *sentence); /* why a call failed and what to do */
	void *log_data;
	uint64_t
		owner_bytes; /* that one owner may take of max_bytes, rounded up to slabs of 16 KiB; 0: all. Decided at
				 creation. What is more is refused it: -EDQUOT, see kreg(7) */
};

#define KREG_OPTIONS(name, ...)                                                                    \
	struct kreg_options name = { .size = sizeof(struct kreg_options), __VA_ARGS__ }

/* One entry, as handed to a visitor. The pointers are good until the visitor returns. */
struct kreg_entry {
	const void *key;
	size_t key_size;
	const void *value;
	size_t value_size;
	struct kreg_owner owner;
	uint32_t
		position; /* with unique keys: how many are ahead in the line; 0: it holds the name */
	uint32_t reserved; /* for the library */
};

/* Return 0 to go on, anything else to stop with that result. May call kreg functions. */
typedef int (*kreg_visit_fn)(const struct kreg_entry *entry, void *data);

/* Whether an entry is meant. */
typedef int (*kreg_match_fn)(const struct kreg_entry *entry, void *data);

/*
 * Opens the registry @name, creating it at first use, private to the user.
 *
 * @name: 1 to KREG_NAME_MAX of [A-Za-z0-9._-], not starting with a dot. "UID:NAME" is the
 *        registry NAME of another user, for those whom its file mode admits; only that user
 *        can create it.
 * @options: NULL for the defaults.
 * The owner is the process: all handles that it opens for writing in one registry are the same owner, with
 * or without a guard. Each may change what was registered through another one.
 *
 * Context: may block on the file system; starts one thread in the fallback, for the first handle. Open
 *          before the program starts many threads if you can: the kernel then registers for fences faster.
 * Death: who is killed or stopped while creating, replacing or destroying is in nobody's way.
 * Return: 0; -EINVAL a name or option that is not allowed; -E2BIG an option this library does
 *         not know; -ENOENT, -EEXIST as the flags ask; -EACCES the file's mode does not admit
 *         you; -EPERM the file is not the named user's, or is left over from another life
 *         table and only its user can replace it, or a system call is refused; -EPROTO not a registry of that
 *         name, or damaged, or of another version's layout and somebody may live in it;
 *         -EOPNOTSUPP not in a tmpfs; -EBUSY left over from another life table with owners
 *         alive in it, or not to be seen from here; -ENODEV no guard runs and one is needed; -EUSERS no seat is free;
 *         -EDQUOT the user holds its share of the guard's seats; -ESHUTDOWN it is being stopped or started: open again;
 *         -ENOSPC the file system is full; -EFBIG the file would be larger than RLIMIT_FSIZE allows;
 *         -ENOSYS the kernel refuses set_robust_list(2), and there is no guard; -EAGAIN others replaced the file over and over,
 *         or no thread or locked memory is to be had; -ENOMEM, also if what is in use of the registry does not fit into the
 *         process's limits on address space or locked memory; -EMFILE the process has no fd left, or 65534 handles of
 *         the registry; -ENFILE the host has none; -ENAMETOOLONG the folder's path.
 * Since: 1.0
 */
int kreg_open(struct kreg **out, const char *name, const struct kreg_options *options);

/*
 * Closes the handle: what this process registered through it is unregistered first: names, reserved ones,
 * places in lines, locks, whoever has updated them since. What was registered through other handles
 * stays. What others gave to the process, or started it under, and what it had under the guard when it called
 * execve(2), is no one handle's: it goes with the last.
 * NULL is allowed. No other thread may use the handle any more. In a child of fork() it frees the
 * child's copy and leaves the parent's names alone.
 * Since: 1.0
 */
void kreg_close(struct kreg *k);

/*
 * Removes the registry @name of this user.
 *
 * @force: non-zero to do so although owners are alive; they get -ESHUTDOWN from then on.
 * Return: 0; -ENOENT there is none; -EBUSY owners are alive, or cannot be seen from here, and nobody can
 *         tell that it was tried; -EPROTO, -EOPNOTSUPP as kreg_open();
 *         -EPERM it is another user's; -EINVAL, -EACCES; -EAGAIN others were quicker over and over.
 * Since: 1.0
 */
int kreg_destroy(const char *name, const struct kreg_options *options, int force);

/* The sentence for a negative errno of these calls. Never NULL. Since: 1.0 */
const char *kreg_strerror(int error);

/* The library's version, as "1.0.0". Since: 1.0 */
const char *kreg_version(void);

#ifdef __cplusplus
}
#endif
#endif
