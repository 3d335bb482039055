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
 *           take no lock and make no system call. None is safe in a signal handler except
 *           kreg_lookup().
 * Fork      the child may look up through the handle that it inherited, and must kreg_close()
 *           it; everything that needs an owner or a read section is -EOWNERDEAD there. Open
 *           anew in the child to take part. Never call between vfork() and exec.
 * Exec      closes the handle. Under the guard the names stay, because the process does; in
 *           the fallback they go.
 * Death     of the calling process at any instruction blocks nobody and leaves nothing that
 *           is not recovered. Death of an owner makes its entries absent in all calls.
 */
#ifndef KREG_H
#define KREG_H

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
	KREG_KEYS_DUPLICATE, /* any number of entries under a key */
};

/*
 * Options grow at the end and never shrink. @size is sizeof the struct that the caller was
 * compiled with; KREG_OPTIONS sets it. A caller newer than the library may pass a larger struct
 * as long as the part that the library does not know is zero, otherwise -E2BIG.
 */
struct kreg_options {
	size_t size;
	uint32_t flags;     /* KREG_OPEN_*; other bits: -EINVAL */
	uint32_t life;      /* enum kreg_life */
	uint32_t keys;      /* enum kreg_keys; decided at creation, ignored afterwards */
	uint32_t mode;      /* file mode at creation; 0: 0600 */
	uint32_t set_group; /* non-zero: @group is given to the file at creation */
	uint32_t group;
	uint32_t slots;       /* threads that write or read in sections at once; 0: 8192 */
	uint32_t seats;       /* owners at once in the fallback; 0: 4096, at most 65536 */
	uint64_t max_bytes;   /* for entries and values; 0: 16 GiB of address space */
	uint32_t patience_ms; /* until a read section is expelled; 0: 1000 */
	uint32_t reserved;
	const char *directory; /* a tmpfs; NULL: $KREG_DIR, else /dev/shm */
	const char *guard;     /* the guard's folder; NULL: $KREG_GUARD, else /sys/fs/bpf/kreg;
				    "none": as if no guard ran */
	void (*log)(void *data, const char *sentence); /* why a call failed and what to do */
	void *log_data;
};

#define KREG_OPTIONS(name, ...)                                                                    \
	struct kreg_options name = { .size = sizeof(struct kreg_options), __VA_ARGS__ }

/*
 * Opens the registry @name, creating it at first use, private to the user.
 *
 * @name: 1 to KREG_NAME_MAX of [A-Za-z0-9._-], not starting with a dot. "UID:NAME" is the
 *        registry NAME of another user, for those whom its file mode admits; only that user
 *        can create it.
 * @options: NULL for the defaults.
 * Context: may block on the file system; starts one thread in the fallback. Open before the
 *          program starts many threads if you can: the kernel then registers for fences faster.
 * Death: a creator killed midway leaves nothing in the way.
 * Return: 0; -EINVAL a name or option that is not allowed; -E2BIG an option this library does
 *         not know; -ENOENT, -EEXIST as the flags ask; -EACCES the file's mode does not admit
 *         you; -EPERM the file is not the named user's, or is left over from another life
 *         table and only its user can replace it; -EPROTO not a registry, or another
 *         version's layout, or truncated; -EBUSY left over from another life table with owners
 *         alive in it; -ENODEV no guard runs and one is needed; -EUSERS no seat is free;
 *         -ENOSPC the file system is full; -EAGAIN others replaced the file over and over;
 *         -ENOMEM.
 * Since: 1.0
 */
int kreg_open(struct kreg **out, const char *name, const struct kreg_options *options);

/*
 * Closes the handle: what this process registered through it is unregistered first. NULL is
 * allowed. No other thread may use the handle any more. In a child of fork() it frees the
 * child's copy and leaves the parent's names alone.
 * Since: 1.0
 */
void kreg_close(struct kreg *k);

/*
 * Removes the registry @name of this user.
 *
 * @force: non-zero to do so although owners are alive; they get -ESHUTDOWN from then on.
 * Return: 0; -ENOENT there is none; -EBUSY owners are alive; -EINVAL, -EACCES, -EPERM.
 * Since: 1.0
 */
int kreg_destroy(const char *name, const struct kreg_options *options, int force);

/*
 * Registers @key with @value for the calling process.
 *
 * @holder: may be NULL; at -EEXIST it is filled with who holds the key, which may be the
 *          caller itself.
 * Context: lock-free between processes; waits for no other process.
 * Death: killed inside, the entry is not there.
 * Return: 0; -EEXIST taken (unique keys); -EINVAL empty key; -ENAMETOOLONG; -EMSGSIZE the value
 *         is too large; -EROFS; -ENOSPC the registry or its file system is full; -ENOBUFS no
 *         slot is free for this thread; -EOWNERDEAD the handle is a parent's, or the guard has
 *         ended this life; -ESHUTDOWN the registry was destroyed or taken over: open it again;
 *         -EUCLEAN another process has damaged the memory; -ENOMEM.
 * Since: 1.0
 */
int kreg_register(struct kreg *k, const void *key, size_t key_size, const void *value,
		  size_t value_size, struct kreg_owner *holder);

/*
 * Unregisters all of the caller's entries under @key.
 * Return: how many there were, 0 included; errors as kreg_register(), but never -EEXIST and
 *         never -ENOSPC.
 * Since: 1.0
 */
int kreg_unregister(struct kreg *k, const void *key, size_t key_size);

/*
 * Looks @key up and copies its value out.
 *
 * @value: room for @capacity bytes; may be NULL if @capacity is 0.
 * @owner: may be NULL.
 * Context: no lock, no system call, no slot, nothing written; async-signal-safe.
 * Death: an owner that is dead is not found.
 * Return: the size of the value, >= 0. If that is larger than @capacity, nothing was copied.
 *         -ENOENT nobody holds the key; -EINVAL; -ENAMETOOLONG; -EAGAIN memory was reused
 *         under this read many times in a row, which takes an extraordinary rate of changes;
 *         -EUCLEAN.
 * Since: 1.0
 */
ssize_t kreg_lookup(struct kreg *k, const void *key, size_t key_size, void *value, size_t capacity,
		    struct kreg_owner *owner);

/*
 * A read section: between kreg_read_enter() and kreg_read_leave() what kreg_read() returned stays
 * as it is. Sections nest. A section that lasts longer than the registry's patience while memory is
 * wanted is expelled: its pointers stay readable, what they point to may change, and
 * kreg_read_leave() says so.
 *
 * Context: of the calling thread alone. Keep it short, and do not sleep inside.
 * Return: kreg_read_enter: 0; -ENOBUFS no slot is free; -EROFS a read-only handle has none;
 *         -EOWNERDEAD. kreg_read_leave: 0; -ESTALE expelled: what was read since the outermost
 *         enter may be wrong, read it again; -EINVAL not inside a section. kreg_read: as
 *         kreg_lookup(), and -EINVAL outside a section.
 * Since: 1.0
 */
int kreg_read_enter(struct kreg *k);
ssize_t kreg_read(struct kreg *k, const void *key, size_t key_size, const void **value,
		  struct kreg_owner *owner);
int kreg_read_leave(struct kreg *k);

/* 1 if the very process that @owner was taken from is alive, else 0. No system call. Since: 1.0 */
int kreg_owner_is_alive(struct kreg *k, const struct kreg_owner *owner);

/*
 * A pidfd (close-on-exec) of the very process that @owner was taken from, never of another one
 * with its pid.
 * Return: the fd; -ESRCH it is dead; other errors of pidfd_open(2).
 * Since: 1.0
 */
int kreg_owner_pidfd(struct kreg *k, const struct kreg_owner *owner);

/* One entry, as handed to a visitor. The pointers are good until the visitor returns. */
struct kreg_entry {
	const void *key;
	size_t key_size;
	const void *value;
	size_t value_size;
	struct kreg_owner owner;
};

/* Return 0 to go on, anything else to stop with that result. May call kreg functions. */
typedef int (*kreg_visit_fn)(const struct kreg_entry *entry, void *data);

/*
 * Visit all entries; all whose key starts with @prefix; all under one key, in order of
 * registration; all of one owner. An entry that is there during the whole call is visited exactly
 * once, one that comes or goes meanwhile at most once, and one of the dead never. kreg_each_of_owner
 * takes time by the owner's entries, the others by all entries, kreg_each_of_key() by that key's.
 *
 * Context: no slot is taken, no section is open while the visitor runs.
 * Return: 0, or what the visitor returned; -ENOMEM, -EAGAIN, -EUCLEAN as kreg_lookup().
 * Since: 1.0
 */
int kreg_each(struct kreg *k, const void *prefix, size_t prefix_size, kreg_visit_fn visit,
	      void *data);
int kreg_each_of_key(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		     void *data);
int kreg_each_of_owner(struct kreg *k, const struct kreg_owner *owner, kreg_visit_fn visit,
		       void *data);

/* How many entries living owners have; takes time by owners, not by entries. Since: 1.0 */
int64_t kreg_count(struct kreg *k);

/* One who is attached to the registry. */
struct kreg_owner_facts {
	struct kreg_owner owner;
	uint64_t entries;
	uint64_t start; /* nanoseconds since boot; 0 if not known */
	uint32_t uid;
	uint32_t gid;
	char comm[16];
};

/*
 * Visit all living owners that are attached. Under the guard the facts are the kernel's own; in the
 * fallback uid, gid and comm are what the owner wrote down when it attached.
 * Since: 1.0
 */
int kreg_each_owner(struct kreg *k, int (*visit)(const struct kreg_owner_facts *, void *),
		    void *data);

/* Who the caller is in this registry. -EROFS, -EOWNERDEAD. Since: 1.0 */
int kreg_self(struct kreg *k, struct kreg_owner *self);

/* What a registry is and holds. The caller sets @size; what both sides know is filled. */
struct kreg_stat {
	size_t size;
	uint32_t life; /* KREG_LIFE_GUARD or KREG_LIFE_FALLBACK */
	uint32_t keys; /* enum kreg_keys */
	uint64_t entries;
	uint64_t owners;
	uint64_t seats;
	uint64_t slots;
	uint64_t slots_used;
	uint64_t buckets;
	uint64_t epoch;          /* grace periods so far */
	uint64_t bytes_reserved; /* taken from the file system */
	uint64_t bytes_used;     /* slabs that belong to living owners */
	uint64_t bytes_dead;     /* slabs that wait for a sweep */
	uint64_t bytes_waiting;  /* slabs that wait for a grace period */
	uint64_t bytes_max;
	pid_t held_up_by; /* who keeps memory from coming back, by being inside a call; or 0 */
	uint32_t reserved;
};

int kreg_stat(struct kreg *k, struct kreg_stat *stat);

/*
 * Sweeps: unlinks what the dead left and gives its memory back. Nobody needs to call this; whoever
 * registers does it by the way. It is for those who want the memory now.
 * Return: bytes that were the dead's, >= 0; -EROFS, -ENOBUFS, -EOWNERDEAD.
 * Since: 1.0
 */
int64_t kreg_sweep(struct kreg *k);

/* The sentence for a negative errno of these calls. Never NULL. Since: 1.0 */
const char *kreg_strerror(int error);

/* The library's version, as "1.0.0". Since: 1.0 */
const char *kreg_version(void);

#ifdef __cplusplus
}
#endif
#endif
