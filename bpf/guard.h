/* SPDX-License-Identifier: MIT */
/*
 * Controls a guard from user space: start, upgrade, stop, audit, and status. It needs no
 * daemon: its pins in bpffs keep it in the kernel.
 *
 * Promises  no process ever sees an incomplete guard. Starting where one runs replaces
 *           its programs, and no death is missed meanwhile. A guard that is reported to
 *           run does run. Stopping leaves no life that nobody would end. Only pins of a
 *           guard are removed, and no symbolic link is followed.
 * Needs     start and stop: root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN. Status: no
 *           rights.
 * Context   one thread; libbpf's messages go through one buffer.
 * Used by   tools/cmd_guard.c, tools/cmd_sweep.c, tools/doctor/guard.c and the tests.
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
	void (*log)(const char *sentence, void *data);
	void *log_data;
	uint32_t share; /* seats that each user but root may hold; 0: half of them, or as it is */
	/*
	 * The last so many seats are reserved for root. Without set_reserve: a sixteenth
	 * of them in a new guard, or as it is in one that runs.
	 */
	uint32_t reserve;
	gid_t group; /* with set_group: only its members may take part */
	bool set_reserve;
	bool set_group;
	bool only_look;  /* guard_status() makes no audit, also as root */
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
	uint64_t upgrades;   /* how often the programs were replaced */
	uint32_t share;
	uint32_t reserve;
	uint64_t missed; /* deaths that the ring had no room for */
	uint64_t late;   /* lives that guard_audit() has ended */
	/*
	 * Ends after which the kernel refused to remove the process from the owners at
	 * once.
	 */
	uint64_t stale;
	/* Known to root only. */
	bool recursion_known;
	/*
	 * Events for which the kernel skipped a program, because it was running on that
	 * CPU already.
	 */
	uint64_t recursion_misses;
	/*
	 * The second programs are in functions of the kernel, where it cannot skip them.
	 */
	bool is_sure;
	/*
	 * Events that were skipped there nevertheless: always 0, or guard.bpf.c is wrong.
	 */
	uint64_t sure_misses;
};

/*
 * Whether a guard can be started here. 0; -EPERM, -ENOTSUP, -ENOSYS, after logging the
 * reason.
 */
int guard_check(const struct guard_options *options);

/*
 * 0: started; 1: one was running, and now has these programs, and share, reserve and
 * group if they are given. In both cases it was verified afterwards that it sees a death.
 * -EINVAL; -EPERM: not allowed, or the path belongs to another user; -EPROTO: the guard
 * that runs has another layout, so these programs cannot use its maps, and nothing was
 * changed; -ENOTEMPTY: the folder holds something else; -ENOTSUP, and errors of the
 * kernel.
 */
int guard_start(const struct guard_options *options);

/* The same, but only where a guard runs. -ENOENT: none runs. */
int guard_upgrade(const struct guard_options *options);

/*
 * -ENOENT: none runs; -EBUSY: owners are alive, and @force is not set. With @force their
 * lives are ended first, so that no registry still shows their names.
 */
int guard_stop(const struct guard_options *options, bool force);

/*
 * Compares lives with processes, ends the lives of processes that are gone, and removes
 * such processes from the owners. Returns how many lives it ended; *removed, which may be
 * NULL, is how many entries it removed. Needs root in the initial PID namespace; -EPERM
 * elsewhere, where it cannot be decided which process is gone.
 */
int guard_audit(const struct guard_options *options, uint32_t *removed);

/*
 * How many lives that audit would end; nothing is changed. Needs no rights. -EPERM: in
 * another PID namespace than the initial one, as guard_audit().
 */
int guard_gone(const struct guard_options *options);

/*
 * Compares the pins, and what is beside them, with what guard_start() makes: which there
 * are, whose, and with which modes. @fault gets a sentence for each difference, which says
 * what to do. Returns how many there are; -ENOENT: there is no folder; others: it cannot be
 * looked at, with the reason logged.
 */
int guard_inspect(const struct guard_options *options,
		  void (*fault)(const char *sentence, void *data), void *data);

/* -ENOENT: none runs; -EPROTO: it has another layout. *out is the caller's to free. */
int guard_users(const struct guard_options *options, struct guard_user **out, size_t *count);
int guard_status(const struct guard_options *options, struct guard_status *out);

#endif
