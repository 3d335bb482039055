/* SPDX-License-Identifier: MIT */
/*
 * kreg: owners and figures. Who holds what, whether alive, and what the registry is made of.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_OWNER_H
#define KREG_OWNER_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * 1 if the very process that @owner was taken from is alive, else 0; in the fallback, where each handle is an
 * owner, and exec ends it, if that handle is open. No system call.
 * Since: 1.0
 */
int kreg_owner_is_alive(struct kreg *k, const struct kreg_owner *owner);

/*
 * A pidfd (close-on-exec) of the very process that @owner was taken from, never of another one
 * with its pid.
 * Return: the fd; -ESRCH it is dead, or has not opened the registry; -EACCES in the fallback, of a process that the
 *         caller could signal and /proc hides; -EREMOTE its pid is of another PID namespace; other errors of
 *         pidfd_open(2).
 * Since: 1.0
 */
int kreg_owner_pidfd(struct kreg *k, const struct kreg_owner *owner);

#define KREG_ID_UNKNOWN ((uint32_t)-1)

/* One who has opened the registry for writing. */
struct kreg_owner_facts {
	struct kreg_owner owner;
	uint64_t entries;
	uint64_t start; /* nanoseconds since boot; 0 if not known */
	/* Its effective ids of now, from /proc; KREG_ID_UNKNOWN: that does not show them. */
	uint32_t uid;
	uint32_t gid;
	char comm[16];
	/* Those of when it took part first; it may have become another user since. */
	uint32_t attach_uid;
	uint32_t attach_gid;
	/* 0: that it has opened the registry is the registry's own word, see kreg_each_owner(). */
	uint32_t certain;
	uint32_t reserved;
	uint64_t
		bytes; /* of the registry's memory that count for it, see kreg_options.owner_bytes */
};

/*
 * Visits all living owners that have opened the registry. Who may write a registry can write into it that any process
 * takes part; so who is known not to have opened it is left out. Under the guard the kernel has noted who has. In
 * the fallback /proc/PID/maps says it of the caller's own processes, and of all to root; of others the facts are what
 * is written in the registry, and @certain is 0. attach_uid and attach_gid are the guard's; in the fallback what
 * the owner wrote. Reads /proc for each.
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
	pid_t held_up_by; /* keeps memory from coming back, by being in a read section; or 0 */
	uint32_t partitions;
	uint32_t
		fences; /* 1: membarrier was refused to a process, so all threads fence for themselves */
	uint32_t reserved;
	uint64_t bytes_owner_max;  /* that one owner may take; 0: all */
	uint64_t bytes_owner_most; /* what the owner that has most of them has ... */
	pid_t owner_most;          /* ... and which that is; 0: nobody has any */
	uint32_t reserved1;
};

int kreg_stat(struct kreg *k, struct kreg_stat *stat);

/*
 * Sweeps: unlinks what the dead left and gives its memory back. Nobody needs to call this; whoever
 * registers does it by the way. It is for those who want the memory now.
 * Return: bytes that were the dead's, >= 0; -EINVAL, -EROFS, -ENOBUFS, -EOWNERDEAD, -ESHUTDOWN, -ENOMEM.
 * Since: 1.0
 */
int64_t kreg_sweep(struct kreg *k);

/*
 * Checks the invariants of the registry's memory while others use it: the list of entries, whose memory they
 * lie in, the counts, the slots of threads, the records for listeners.
 *
 * @fault: may be NULL; called with a sentence for each fault, which says what is affected, what is wrong and
 *         what to do. Eight of each kind are told, all are counted.
 * Context: a read-only handle will do. Takes time and memory in proportion to the registry; blocks nobody.
 * Return: how many faults there are, 0 included; -EINVAL; -ENOMEM; -EAGAIN no fault was found, but a part of
 *         the list changed too quickly to be checked.
 * Since: 1.0
 */
int64_t kreg_check(struct kreg *k, void (*fault)(void *data, const char *sentence), void *data);

#ifdef __cplusplus
}
#endif
#endif
