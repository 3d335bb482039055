/* SPDX-License-Identifier: MIT */
/*
 * The guard from outside: start it, ask it, stop it. It needs no daemon: what keeps it in the kernel is
 * its pins in bpffs.
 *
 * Promises  no one ever sees half a guard; starting twice is harmless; stopping leaves no life
 *           that nobody would end.
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
	uint32_t faults; /* LIFE_FAULT_*: for tests, which steps of the programs fail */
};

struct guard_status {
	uint32_t layout;
	uint32_t seats;
	uint32_t seats_used;
	uint64_t identity;
	uint64_t attaches;
	uint64_t deaths;
	uint64_t execs;
	uint64_t refused; /* attaches that found no free seat */
	uint64_t missed;  /* deaths that the ring had no room for */
	uint64_t late;    /* lives that guard_audit() has ended */
	uint64_t
		stale; /* ends after which a process could not be removed from the owners at once */
	/* Events that the kernel kept from a program because it was running already. */
	bool recursion_known; /* only root may ask */
	uint64_t recursion_misses;
};

/* Why the guard can't start here: 0, or -EPERM, -ENOTSUP, -ENOSYS with a sentence. */
int guard_check(const struct guard_options *options);

/* 0: started; 1: one was running. -EINVAL, -EPERM, -ENOTSUP, and what the kernel has. */
int guard_start(const struct guard_options *options);

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
int guard_status(const struct guard_options *options, struct guard_status *out);

#endif
