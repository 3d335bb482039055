/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How many elements owners has, by the low bits of their pids.
 *
 * The programs run at each exit and each exec on the machine, nearly always for a process
 * that has nothing to do with kreg. Such a process is recognized here, by one load from an
 * array, and is spared the search in owners, which hashes a key and touches two cold
 * lines.
 *
 * Promises  the count of a pid is not below the number of elements with its low bits. So a
 *           process whose count is 0 has no element, and no life.
 * Needs     each insertion into owners, and each deletion, to be made by the two functions
 *           below.
 * Used by   bpf/guard.bpf.c, bpf/claim.bpf.h, bpf/end.bpf.h, bpf/image.bpf.h.
 *
 *   count of a slot   becomes, by
 *   n                 n + 1, owners_insert(), before it inserts
 *                     n - 1, owners_insert(), if the kernel refused to insert; owners_delete(), after
 *                     it has deleted
 *
 * No count is missed. The thread that inserts the element of a process belongs to it, and
 * raises the count first. At the end of the process that thread has lowered signal->live,
 * and at an exec it was killed and is gone, both after its program has run to its end. The
 * programs of the exit and of the exec run after the last such step, which is a full
 * barrier; so they see the count of their own process, and its element.
 *
 * A count that is too high costs a search and is harmless: a program that was preempted
 * between the two steps, another process with these low bits, an element that the kernel
 * refused to delete. Pids are given in order, and there are at least twice as many slots as
 * seats, so few processes share one. Nothing in a process's memory is involved, and a
 * process that is killed leaves its element and its count to the programs of its exit, or
 * to the audit, which has the program command delete it.
 */
#ifndef KREG_PIDS_BPF_H
#define KREG_PIDS_BPF_H

#include "bpf/seat.bpf.h"

/* The number of slots, a power of two, less 1. Constant when the programs are loaded. */
const volatile __u32 pids_mask = 0;

/* The kernel gives each element of an array 8 bytes at least, so several slots are one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_pids);
} pids SEC(".maps");

/* Never NULL, but the verifier wants each caller to check. */
static __u32 *pids_slot(__u32 pid)
{
	__u32 slot = pid & pids_mask, line = slot / LIFE_PIDS;
	struct life_pids *at = bpf_map_lookup_elem(&pids, &line);

	return at ? &at->slots[slot % LIFE_PIDS] : 0;
}

/* False for a process without an element in owners: nearly all of them. */
static bool may_be_owner(struct task_struct *p)
{
	__u32 *slot = pids_slot(p->tgid);

	return !slot || *(volatile __u32 *)slot;
}

/* Inserts an element that was not there. 0, or a negative errno of the kernel. */
static int owners_insert(const struct life_process *process, const __u64 *word)
{
	__u32 *slot = pids_slot(process->pid);
	int err;

	if (!slot)
		return -EBUSY;
	__sync_fetch_and_add(slot, 1);
	/*
	 * Before 6.4 map operations return an int, and the register's upper half is not
	 * its sign.
	 */
	err = (int)bpf_map_update_elem(&owners, process, word, BPF_NOEXIST);
	if (err)
		__sync_fetch_and_add(slot, -1);
	return err;
}

/* Deletes an element. Of several callers one gets 0; the others a negative errno. */
static int owners_delete(const struct life_process *process)
{
	__u32 *slot = pids_slot(process->pid);
	int err = (int)bpf_map_delete_elem(&owners, process);

	if (!err && slot)
		__sync_fetch_and_add(slot, -1);
	return err;
}

#endif
