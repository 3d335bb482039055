/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Records of which registries a process has opened for writing, as the kernel sees it: by
 * the file behind its shared, writable mapping.
 *
 * A registry's own memory is writable by every participant, so it is no evidence of who
 * takes part.
 *
 * Promises  what is recorded for a seat was written in the context of the process that
 *           holds it, while it had that file mapped. So a process cannot make another one
 *           appear in a registry, whatever it writes into its memory.
 * Needs     join, run by the process after it has mapped the file and before anything
 *           names it as an owner there. attach clears a seat's records before a life
 *           begins in it.
 * Used by   bpf/guard.bpf.c.
 *
 *   device of a record   means                        becomes, by
 *   0                    free                         TAKEN, by join
 *   TAKEN                the inode is being written   {device, HERE}, by the same program
 *   {device, HERE}       it has that file open        0, by join with LEAVE, when the last handle
 *                                                     was closed
 *
 * Records survive exec, as names do. If all records of a seat are in use, `more` says so
 * for the rest of the life, and whether a registry that is not among them was joined is
 * unknown. All records of a seat belong to one process. If two of its threads run join at
 * once for different files, the result can only be wrong about that process.
 */
#ifndef KREG_JOINED_BPF_H
#define KREG_JOINED_BPF_H

#include "bpf/seat.bpf.h"

/* The kernel's flags of a mapping, which have had these values on all kernels. */
#define VM_WRITE 2ul
#define VM_SHARED 8ul

/* The records of each seat. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_joined);
} joined SEC(".maps");

struct seen_file {
	__u64 inode;
	__u64 device; /* 0: no shared, writable mapping of a file */
};

/*
 * Called by the kernel with the mapping at the address, while the address space is
 * locked, so the file cannot be unmapped during the call. A private or read-only mapping
 * proves nothing: any user that can read the file can make one.
 */
static long see_file(struct task_struct *task, struct vm_area_struct *vma, struct seen_file *seen)
{
	struct inode *inode;

	(void)task;
	if (~BPF_CORE_READ(vma, vm_flags) & (VM_WRITE | VM_SHARED))
		return 0;
	inode = BPF_CORE_READ(vma, vm_file, f_inode);
	if (!inode)
		return 0;
	seen->inode = BPF_CORE_READ(inode, i_ino);
	seen->device = LIFE_JOINED_HERE | BPF_CORE_READ(inode, i_sb, s_dev);
	return 0;
}

/* Whether the record is of that file. The device is read first, as it is written last. */
static bool record_is(struct life_registry *record, __u64 inode, __u64 device)
{
	return *(volatile __u64 *)&record->device == device &&
	       *(volatile __u64 *)&record->inode == inode;
}

/* Frees each record of the file: two threads that joined at once may have made two. */
static void leave_file(struct life_joined *seat, __u64 inode, __u64 device)
{
	__u32 i;

	for (i = 0; i < LIFE_JOINED; i++) {
		if (record_is(&seat->at[i], inode, device))
			__sync_bool_compare_and_swap(&seat->at[i].device, device, 0);
	}
}

/* Records the file, unless it is recorded already. */
static void join_file(struct life_joined *seat, __u64 inode, __u64 device)
{
	__u32 i;

	for (i = 0; i < LIFE_JOINED; i++) {
		if (record_is(&seat->at[i], inode, device))
			return;
	}
	/*
	 * A record is taken before the inode is written, and its device is written last:
	 * a reader that sees the device sees the inode that belongs to it.
	 */
	for (i = 0; i < LIFE_JOINED; i++) {
		if (!__sync_bool_compare_and_swap(&seat->at[i].device, 0, LIFE_JOINED_TAKEN))
			continue;
		*(volatile __u64 *)&seat->at[i].inode = inode;
		__sync_lock_test_and_set(&seat->at[i].device, device);
		return;
	}
	__sync_lock_test_and_set(&seat->more, 1);
}

/*
 * Clears the records of the seat @number. Called by attach, which has taken the seat and
 * has not begun a life in it: the files of the previous holder must not count as the next
 * one's.
 */
static void forget_files(__u32 number)
{
	struct life_joined *seat = bpf_map_lookup_elem(&joined, &number);

	if (seat)
		__builtin_memset(seat, 0, sizeof(*seat));
}

/*
 * Joins the file that the current process has mapped at run->address, or leaves one. 0,
 * or -errno. The process may leave a file that it has no longer mapped, so that one is
 * named by its numbers.
 */
static int change_files(struct life_join *run)
{
	struct task_struct *p = (struct task_struct *)bpf_get_current_task_btf();
	struct life_process process = process_of(p);
	__u64 *held = bpf_map_lookup_elem(&owners, &process), owner;
	struct seen_file file = {};
	struct life_joined *seat;
	__u32 number;
	long err;

	if (!held)
		return -ESRCH;
	owner = *(volatile __u64 *)held;
	number = (__u32)owner;
	seat = bpf_map_lookup_elem(&joined, &number);
	if (!seat || !is_alive(owner, process.pid))
		return -ESRCH;
	if (run->leave) {
		leave_file(seat, run->inode, run->device);
		return 0;
	}
	/* -EBUSY: another thread is changing the address space. */
	err = bpf_find_vma(p, run->address, see_file, &file, 0);
	if (err)
		return (int)err;
	if (!file.device)
		return -EBADF;
	join_file(seat, file.inode, file.device);
	return 0;
}

#endif
