/* SPDX-License-Identifier: MIT */
/*
 * Who has opened which registry, by the guard's word: a program in the kernel looks at the mapping of the process
 * that runs it, and notes the file in memory that nobody else writes (bpf/joined.bpf.h). What a registry's own memory
 * says of owners is worth nothing here, because all who may write the registry may write it.
 *
 *   killed here        what is left
 *   before the run     no record; nobody takes the process for an owner, and it is none
 *   inside or after    a record of this life, which ends with it
 */
#include "shm/life.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

/* How often another thread may be changing the address space just when the kernel looks. */
#define JOIN_TRIES 1000
/* All waits but those for the first are so long: the other thread may have been preempted, by us if we are of more urgency. */
#define JOIN_AT_ONCE 100
#define WAIT_NS 1000000

static uint64_t kernel_device(dev_t device)
{
	return (uint64_t)major(device) << 20 | minor(device) | LIFE_JOINED_HERE;
}

enum life_joined_word life_has_joined(const struct life_table *table, owner_t owner, dev_t device,
				      ino_t inode)
{
	const struct life_joined *seat;
	uint64_t wanted = kernel_device(device);
	bool more;
	int i;

	if (!table->joined || owner_seat(owner) >= table->seats)
		return LIFE_JOINED_UNKNOWN;
	seat = &table->joined[owner_seat(owner)];
	/* relaxed: it stays set; who finds no record because there was no room set it before he became an owner */
	more = load_relaxed(&seat->more);
	for (i = 0; i < (int)LIFE_JOINED; i++) {
		/*
		 * ORD[life_has_joined:A] acquire: the device, then the inode; pairs with kernel join_file() of
		 * bpf/joined.bpf.h, which exchanges the device last
		 */
		if (load_acquire(&seat->at[i].device) == wanted &&
		    load_relaxed(&seat->at[i].inode) == inode) /* relaxed: behind the device */
			return LIFE_JOINED_YES;
	}
	return more ? LIFE_JOINED_UNKNOWN : LIFE_JOINED_NO;
}

static int run(const char *guard, struct life_join *join)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };
	union bpf_attr attr;
	int fd = life_guard_pin(guard, LIFE_PIN_JOIN), tries = 0, err;

	if (fd < 0)
		return fd;
	do {
		if (tries > JOIN_AT_ONCE)
			nanosleep(&wait, NULL);
		else if (tries)
			sched_yield();
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (uint32_t)fd;
		attr.test.ctx_in = (uintptr_t)join;
		attr.test.ctx_size_in = sizeof(*join);
		err = syscall(SYS_bpf, BPF_PROG_RUN, &attr, sizeof(attr)) ? -errno : join->error;
	} while ((err == -EBUSY || err == -EAGAIN || err == -EINTR) && ++tries < JOIN_TRIES);
	close(fd);
	return err == -EBUSY ? -EAGAIN : err;
}

int life_guard_join(const char *guard, const void *mapping)
{
	struct life_join join = { .address = (uintptr_t)mapping };

	return run(guard, &join);
}

void life_guard_leave(const char *guard, dev_t device, ino_t inode)
{
	struct life_join join = {
		.leave = 1,
		.device = kernel_device(device),
		.inode = inode,
	};

	run(guard, &join);
}
