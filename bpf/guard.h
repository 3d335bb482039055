/* SPDX-License-Identifier: MIT */
/*
 * The guard from outside: start it, ask it, stop it. It needs no daemon: what keeps it in the kernel is
 * its pins in bpffs.
 *
 * Promises  no one ever sees half a guard; starting where one runs gives it these programs, and no death is
 *           missed meanwhile; what is said to run does; stopping leaves no life that nobody would end; nothing
 *           is removed but a guard's own pins, and no symbolic link is followed.
 * Needs     start and stop: root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN. Status: nobody.
 * Context   one thread; libbpf's messages go through one buffer.
 * Used by   tools/cmd_guard.c, tools/cmd_sweep.c and the tests.
 */
#ifndef KREG_GUARD_H
#define KREG_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_SEATS_DEFAULT 8192u

struct guard_options {
	const char *path; /* NULL: LIFE_GUARD_DEFAULT */
	uint32_t seats;   /* 0: GUARD_SEATS_DEFAULT; at most LIFE_SEATS_MAX */
	void (*log)(void *data, const char *sentence);
	void *log_data;
	uint32_t share; /* seats that each user but root may hold; 0: half of them, or as it is */
	uint32_t
		reserve; /* the last so many are root's; without set_reserve: a sixteenth, or as it is */
	gid_t group; /* with set_group: who alone may take part */
	bool set_reserve;
	bool set_group;
	uint32_t faults; /* for tests: LIFE_FAULT_*, which steps of the programs fail */
	uint32_t die_at; /* for tests: after which step of guard_upgrade.c the caller is killed */
};

/* Seats that a user holds. */
struct guard_user {
	uint32_t uid;
	uint32_t seats;
};

struct guard_status {
	uint32_t layout;
	uint32_t seats;
	uint32_t seats_used;
	uint64_t identity;
	uint64_t attaches;
	uint64_t deaths;
	uint64_t execs;
	uint64_t refused;    /* attaches that found no free seat */
	uint64_t over_share; /* attaches of users who had their share */
	uint64_t upgrades;   /* how often other programs have taken over */
	uint32_t share;
	uint32_t reserve;
	uint64_t missed; /* deaths that the ring had no room for */
	uint64_t late;   /* lives that guard_audit() has ended */
	uint64_t
		stale; /* ends after which a process could not be removed from the owners at once */
	/* Only root is told. */
	bool recursion_known;
	uint64_t
		recursion_misses; /* events kept from a program, because it was at work on the CPU */
	bool is_sure;             /* the second programs are where the kernel cannot do so */
	uint64_t sure_misses;     /* those of them that it did keep from these, so 0 */
};

/* Why the guard can't start here: 0, or -EPERM, -ENOTSUP, -ENOSYS with a sentence. */
int guard_check(const struct guard_options *options);

/*
 * 0: started; 1: one was running, and has these programs now, and share, reserve and group if they are given. Either way
 * a death was seen by it afterwards. -EINVAL; -EPERM: not allowed, or the place is another user's; -EPROTO: one
 * of another version runs, whose maps these programs cannot use, and nothing was changed; -ENOTEMPTY: there is
 * something else in the folder; -ENOTSUP, and what the kernel has.
 */
int guard_start(const struct guard_options *options);

/* The same where one runs; -ENOENT: none does. */
int guard_upgrade(const struct guard_options *options);

/*
 * -ENOENT: none runs; -EBUSY: owners are alive, and @force is not set. With it their lives end
 * first, so that nothing stale can be found.
 */
int guard_stop(const struct guard_options *options, bool force);

/*
 * Compares lives with processes, ends the lives of processes that are gone, and removes such processes from
 * the owners. How many lives it ended, and *removed, which may be NULL, how many entries. Root, in the initial
 * PID namespace; -EPERM: elsewhere, where it cannot be told which process is gone.
 */
int guard_audit(const struct guard_options *options, uint32_t *removed);

/* -ENOENT: none runs; -EPROTO: one of another layout. */
int guard_users(const struct guard_options *options, struct guard_user **out, size_t *count);
int guard_status(const struct guard_options *options, struct guard_status *out);

#endif
