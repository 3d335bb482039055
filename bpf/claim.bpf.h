/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The claim: which thread of a process attaches it.
 *
 * The threads of a process that attach at once must not compete for seats, because a seat or a unit of the share that
 * one of them holds for a moment would be missing for another one, or for another process of that user. So the first
 * of them claims the process, by its word in owners; only the claimant takes anything, and the others answer -EAGAIN.
 *
 * Promises  a claim has one claimant, and ends within the program that made it. A process that is refused leaves no
 *           element, unless the kernel refuses to delete it; that one can be claimed again.
 * Needs     a program that runs to its end once it has claimed a process, be it preempted meanwhile.
 * Used by   bpf/guard.bpf.c, whose head has what can fail; bpf/end.bpf.h.
 *
 *   word in owners     means                   becomes, by
 *   no element         the process has no life {CLAIM, pid}, claim_process(), by an insertion that fails where
 *                                              there is an element
 *   {CLAIM, pid}       a thread is attaching   {n, seat}, enter_owner(), by compare-and-swap; no element, or
 *                                              {RELEASED, pid}, release_claim(); all by the claimant
 *   {n, seat}          its life, or one that   {CLAIM, pid}, claim_process(), by compare-and-swap, if the life is
 *                      is over                 over; no element, by the programs of its exit or the audit
 *   {RELEASED, pid}    it was refused          as {n, seat} whose life is over
 *
 * An element is deleted only while its word is a claim, by the claimant, or when the process is over. The memory of a
 * deleted element may be that of another process's at once. A compare-and-swap to claim that comes late fails there:
 * what it expects is a life of this process, which no other element has ever named, or {RELEASED, pid} with the pid of
 * this process, which is running; and the memory of a deleted element holds the claim until it is used again.
 *
 * Neither word is ever taken for a life: their top bit is 0 in every life word, so is_alive() is false for them.
 */
#ifndef KREG_CLAIM_BPF_H
#define KREG_CLAIM_BPF_H

#include "bpf/seat.bpf.h"

/* No owner word has the first bit; the second one tells CLAIM from RELEASED. */
#define OWNER_NONE (1ull << 63)
#define OWNER_RELEASED (OWNER_NONE | 1ull << 62)

/* Whether @owner names a seat. */
static bool is_owner(__u64 owner)
{
	return !(owner & OWNER_NONE);
}

/*
 * Makes this thread the claimant of @process. @held: the word that it has in owners, and @seen its value, which is no
 * living life; NULL: there is none. Returns the word, which is the claim, or NULL and a positive error in *err.
 */
static __u64 *claim_process(const struct life_process *process, __u64 *held, __u64 seen, int *err)
{
	__u64 claim = OWNER_NONE | process->pid;

	*err = EAGAIN;
	if (held)
		return seen != claim && __sync_bool_compare_and_swap(held, seen, claim) ? held : 0;
	/* Before 6.4 map operations return an int, and the register's upper half is not its sign. */
	switch (fails(LIFE_FAULT_INSERT) && (bpf_get_prandom_u32() & 1)
			? -EBUSY
			: (int)bpf_map_update_elem(&owners, process, &claim, BPF_NOEXIST)) {
	case 0:
		return bpf_map_lookup_elem(&owners, process);
	case -E2BIG:
		*err = EUSERS;
	}
	return 0;
}

/* The claimant's: @owner, whose life has begun, is the process's. 0, or a positive error. */
static int enter_owner(const struct life_process *process, __u64 *held, __u64 owner)
{
	return __sync_bool_compare_and_swap(held, OWNER_NONE | process->pid, owner) ? 0 : EAGAIN;
}

/* The claimant's: the process stays without a life, and may be claimed again. */
static void release_claim(const struct life_process *process, __u64 *held)
{
	if (fails(LIFE_FAULT_DELETE) || bpf_map_delete_elem(&owners, process))
		__sync_bool_compare_and_swap(held, OWNER_NONE | process->pid,
					     OWNER_RELEASED | process->pid);
}

#endif
