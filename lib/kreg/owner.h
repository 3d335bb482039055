/* SPDX-License-Identifier: MIT */
/*
 * kreg: owners and figures: which processes take part, whether they are alive, and what the
 * registry consists of.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_OWNER_H
#define KREG_OWNER_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Returns 1 if @owner is alive, otherwise 0: the very process that it was taken from, never
 * another one with its pid. Under the guard an owner is alive until its process ends. In the
 * fallback exec ends it too, and so does closing the process's last handle of the registry.
 *
 * Context: any thread, a read-only handle, a child of fork(2). No system call.
 * Death: once any process can learn of the death, the owner is not alive.
 * Since: 1.0
 */
int kreg_owner_is_alive(struct kreg *k, const struct kreg_owner *owner);

/*
 * Opens a pidfd, close-on-exec, of the very process that @owner was taken from, never of
 * another one with its pid, nor of one that has not opened the registry.
 *
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler.
 * Return: the fd, which the caller closes, or an error:
 *   -ESRCH         the owner is dead, or has not opened the registry
 *   -EACCES        in the fallback: /proc does not show whether the process has opened the
 *                  registry, and the caller could signal it
 *   -EREMOTE       its pid is of another PID namespace
 *   -EINVAL        an argument is NULL
 *   others of pidfd_open(2), such as -EMFILE, -ENFILE, -ENOSYS
 * Since: 1.0
 */
int kreg_owner_pidfd(struct kreg *k, const struct kreg_owner *owner);

/* The values of siginfo_t's si_code, CLD_EXITED and so on. */
enum kreg_end_code {
	/* Why the owner ended is not known. */
	KREG_END_UNKNOWN,
	/* It has called exit(3); @status is the exit status, 0 to 255. */
	KREG_END_EXITED,
	/* A signal has killed it; @status is its number. */
	KREG_END_KILLED,
	/* The same, and it has dumped core. */
	KREG_END_DUMPED,
};

/* How the process of an owner ended, as waitid(2) reports it to its parent. */
struct kreg_end {
	/* enum kreg_end_code. */
	int32_t code;
	/* The exit status or the signal; 0 if it is not known. */
	int32_t status;
};

/*
 * How @owner ended, which any process may ask, not only its parent: after kreg_await_gone(),
 * say, or a lookup that no longer finds it.
 *
 * Under the guard the kernel has noted it before the owner was dead for anybody. The notes of
 * the last two deaths in each seat are kept, and seats are given again soon. So it is known
 * for a while: until the second later owner has died that had the same seat. It is unknown
 * in the fallback, for an owner whose guard was stopped by force or has missed the death, and
 * on older kernels for a process that has not called exit(3) and whose last threads end in
 * the same instant. Under the guard exec does not end an owner, and what is reported is how its last
 * program ended.
 *
 * @end: set on success.
 * Context: any thread, a read-only handle, a child of fork(2). No system call.
 * Death: this is about nothing else.
 * Return: 0, also if it is unknown; or an error:
 *   -EBUSY         the owner is alive; if it no longer has a name, it has given it up
 *   -EINVAL        an argument is NULL, or no owner of the registry has had this token
 * Since: 1.0
 */
int kreg_owner_end(struct kreg *k, const struct kreg_owner *owner, struct kreg_end *end);

#define KREG_ID_UNKNOWN ((uint32_t)-1)

/* A process that has opened the registry for writing. */
struct kreg_owner_facts {
	/* Its pid and token. */
	struct kreg_owner owner;
	/* Its entries, including those that wait in line. */
	uint64_t entries;
	/* When the process started, in nanoseconds since boot; 0: unknown. */
	uint64_t start;
	/* Its current effective ids, from /proc; KREG_ID_UNKNOWN if that does not show them. */
	uint32_t uid;
	uint32_t gid;
	/* The name of the process, at most 15 bytes. */
	char comm[16];
	/* Its real ids when it took its seat; it may be another user's by now. */
	uint32_t attach_uid;
	uint32_t attach_gid;
	/*
	 * 0: only the registry itself says that the process has opened it; see
	 * kreg_each_owner().
	 */
	uint32_t certain;
	uint32_t reserved;
	/* The registry's memory that counts for it; see kreg_options.owner_bytes. */
	uint64_t bytes;
	/*
	 * What follows is written by the processes that take part, each of which could write
	 * anything: figures to look at.
	 */

	/* Its records for listeners, and those of earlier owners of its seat. */
	uint64_t log_bytes;
	/* Its threads that have written, waited or read in sections; of kreg_stat.slots. */
	uint32_t slots;
	/* Of these, how many are in a read section now. */
	uint32_t readers;
	/*
	 * For how many milliseconds one of these sections has kept memory from being reused: since a
	 * process that wanted to reuse some has met it. -1: none does, or none has met it.
	 */
	int64_t held_up_ms;
	/*
	 * How often it was expelled from a read section, and how many milliseconds ago the last
	 * time; 0 and -1: never, or 16 other owners were since.
	 */
	uint32_t expelled;
	uint32_t reserved1;
	int64_t expelled_ms;
	/*
	 * How often the owners of its seat have replaced an entry by another one, as
	 * kreg_update() does: the difference of two looks at an owner is its own.
	 */
	uint64_t updates;
};

/*
 * Visits the living owners that have opened the registry for writing, with entries or
 * without.
 *
 * A process that may write a registry can write into it that any process takes part. So a
 * process that is known not to have opened it is left out. Under the guard the kernel has
 * recorded which processes have, and all facts except uid and gid are the guard's. In the
 * fallback /proc/PID/maps shows it: to root of all processes, to other users of their own.
 * There start, uid, gid and comm are from /proc, and attach_uid and attach_gid are what the
 * owner wrote. Where /proc hides a process, all facts are what the registry says, and
 * @certain is 0.
 *
 * @visit: returns 0 to go on, another value to stop with it. May call kreg.
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. It reads
 *          /proc for each owner. The time is proportional to the owners, slots and memory.
 * Death: dead owners are not visited. An owner may die while the visitor runs.
 * Return: 0, or what the visitor returned, or an error:
 *   -EINVAL        an argument is NULL
 *   -ENOMEM        out of memory, or a part of the registry is beyond what this process could
 *                  map; reopen it
 * Since: 1.0
 */
int kreg_each_owner(struct kreg *k, int (*visit)(const struct kreg_owner_facts *, void *),
		    void *data);

/*
 * The caller as an owner in this registry, by which it can tell its entries from those of
 * other processes.
 *
 * Context: any thread; not in a child of fork(2).
 * Return: 0, or an error:
 *   -EROFS         the handle is read-only, and so is not an owner
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -EINVAL        an argument is NULL
 * Since: 1.0
 */
int kreg_self(struct kreg *k, struct kreg_owner *self);

/* Figures of a registry. The caller sets @size; fields that both sides know are filled. */
struct kreg_stat {
	size_t size;
	uint32_t life;           /* KREG_LIFE_GUARD or KREG_LIFE_FALLBACK */
	uint32_t keys;           /* enum kreg_keys */
	uint64_t entries;        /* as kreg_count() */
	uint64_t owners;         /* alive, and have the registry open for writing */
	uint64_t seats;          /* for owners at once */
	uint64_t slots;          /* for threads that write, wait or read in sections */
	uint64_t slots_used;     /* of these */
	uint64_t buckets;        /* of the table now */
	uint64_t epoch;          /* grace periods so far */
	uint64_t bytes_reserved; /* taken from the file system */
	uint64_t bytes_used;     /* slabs of living owners, and of meta */
	uint64_t bytes_dead;     /* slabs of dead owners, which wait for a sweep */
	uint64_t bytes_waiting;  /* slabs that wait for a grace period */
	uint64_t bytes_max;      /* for entries and values */
	/*
	 * The pid of a process that keeps memory from being reused, by being in a read
	 * section, for the registry's patience at most; or 0.
	 */
	pid_t held_up_by;
	/* Over which the entries of one key are spread. */
	uint32_t partitions;
	/*
	 * 1: membarrier(2) was refused to a process that has or had the registry open, so
	 * each section executes its own fence, which costs some ten nanoseconds.
	 */
	uint32_t fences;
	uint32_t reserved;
	/* What one owner may take, see kreg_options.owner_bytes; 0: all. */
	uint64_t bytes_owner_max;
	/* What the owner with the most memory has, and its pid; 0: no owner has any. */
	uint64_t bytes_owner_most;
	pid_t owner_most;
	/* The pid of the process that was expelled from a read section last; 0: unknown, or none. */
	pid_t expelled_last;
	/* Read sections that were expelled so far, as kreg_read_leave() reports by -ESTALE. */
	uint64_t expelled;
	/* Milliseconds since the last of these; -1: none. */
	int64_t expelled_ms;
	/*
	 * For how many milliseconds held_up_by has done so: since a process that wanted to
	 * reuse memory has met it there; -1: none has.
	 */
	int64_t held_up_ms;
	/* Threads that are in a read section now. */
	uint64_t readers;
	/* Memory of dead owners that was reclaimed so far. */
	uint64_t bytes_swept;
	/* Of bytes_reserved: records for listeners, and buckets with their lines. */
	uint64_t bytes_log;
	uint64_t bytes_table;
};

/*
 * Fills @stat with figures of the registry, which are not read at the same instant. It also
 * checks, at most ten times a second, whether the registry's file and its guard are still there.
 *
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. The time
 *          is proportional to owners, slots and memory.
 * Return: 0, or an error:
 *   -EINVAL        an argument is NULL, or @size is not set
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or a part of the registry is beyond what this process could
 *                  map; reopen it
 * Since: 1.0
 */
int kreg_stat(struct kreg *k, struct kreg_stat *stat);

/*
 * Sweeps: unlinks what dead owners left, and reclaims its memory. This is never necessary,
 * because registering does the same in passing. It is for a program that needs the memory
 * now.
 *
 * Context: any thread. May wait for read sections of other processes, for about a second.
 * Death: a process that dies while it sweeps leaves the rest to the next sweep.
 * Return: how many bytes belonged to dead owners, 0 included, or an error:
 *   -EINVAL        @k is NULL
 *   -EROFS         the handle is read-only
 *   -ENOBUFS       no slot is free for this thread
 *   -ENOSPC        the file system is full, and this thread needs a slot that nobody has used
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -ESHUTDOWN     the registry was destroyed or replaced, or its guard is gone; reopen it
 *   -ENOMEM        out of memory
 * Since: 1.0
 */
int64_t kreg_sweep(struct kreg *k);

/*
 * Checks the invariants of the registry's memory while other processes use it: the list of
 * entries, whose memory they are in, the counts, the slots of threads, and the records for
 * listeners. A fault counts only if several looks in a row find it. What processes left that
 * were killed or stopped inside a call is no fault.
 *
 * @fault: may be NULL; called with a sentence for each fault, at most eight of each kind. It
 *         says what is affected, what is wrong and what to do. All faults are counted.
 * Context: any thread, a read-only handle, a child of fork(2). The time and memory are
 *          proportional to the registry. It blocks no other process.
 * Return: how many faults there are, 0 included, or an error:
 *   -EINVAL        @k is NULL
 *   -EAGAIN        no fault was found, but a part of the list changed too quickly to be
 *                  checked; retry
 *   -ENOMEM        out of memory, or a part of the registry is beyond what this process could
 *                  map; reopen it
 * Since: 1.0
 */
int64_t kreg_check(struct kreg *k, kreg_log_fn fault, void *data);

#ifdef __cplusplus
}
#endif
#endif
