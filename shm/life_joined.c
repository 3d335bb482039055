/* SPDX-License-Identifier: MIT */
/*
 * Joined: which registries an owner has opened, by the guard's word.
 *
 * A program in the kernel looks at the mapping of the process that runs it, and notes the
 * file in memory that nothing else writes (bpf/joined.bpf.h). What a registry's own
 * memory says of owners proves nothing here, because every process that may write the
 * registry may write it.
 *
 *   killed here        what is left
 *   before the run     no record; no process takes this one for an owner, and it is none
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

/*
 * How often another thread may be changing the address space just when the kernel looks.
 */
#define JOIN_TRIES 1000
/*
 * Later tries wait this long first: the other thread may have been preempted, by this one
 * if its priority is higher, and yielding would never let it run.
 */
#define JOIN_AT_ONCE 100
#define WAIT_NS 1000000

/*
 * The kernel's own encoding of a device number, 12 and 20 bits, which is not that of
 * dev_t in user space.
 */
static uint64_t kernel_device(dev_t device)
{
	return (uint64_t)major(device) << 20 | minor(device) | LIFE_JOINED_HERE;
}

/*
 * The caller has seen @owner alive. attach clears a seat's records before its life
 * begins, so what is found is of this life, or of a later one if it has ended meanwhile.
 */
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
	/*
	 * relaxed: it stays set; a process that finds no free record sets it before it
	 * becomes an owner
	 */
	more = load_relaxed(&seat->more);
	for (i = 0; i < (int)LIFE_JOINED; i++) {
		/*
		 * ORD[life_has_joined:A] acquire: the device, then the inode; pairs with
		 * kernel join_file() of bpf/joined.bpf.h, which exchanges the device last
		 */
		if (load_acquire(&seat->at[i].device) == wanted &&
		    load_relaxed(&seat->at[i].inode) == inode) /* relaxed: behind the device */
			return LIFE_JOINED_YES;
	}
	return more ? LIFE_JOINED_UNKNOWN : LIFE_JOINED_NO;
}

/*
 * Runs the pinned program in the context of the calling thread, which is how the kernel
 * knows whose record it is. Retried while the kernel says that the address space is
 * locked (-EBUSY), that the entry of this process is being changed (-EAGAIN), or that a
 * signal came (-EINTR).
 */
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

/*
 * The program is given an address, not a file number: it looks for itself what is mapped
 * there, so a process cannot claim a registry that it has not mapped for writing.
 */
int life_guard_join(const char *guard, const void *mapping)
{
	struct life_join join = { .address = (uintptr_t)mapping };

	return run(guard, &join);
}

/*
 * A failure leaves the record, which says that the process has the registry open. That is
 * what its life says anyway until it ends, and the record ends with it.
 */
void life_guard_leave(const char *guard, dev_t device, ino_t inode)
{
	struct life_join join = {
		.leave = 1,
		.device = kernel_device(device),
		.inode = inode,
	};

	run(guard, &join);
}
