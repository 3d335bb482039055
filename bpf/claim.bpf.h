/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The claim: which thread of a process attaches it.
 *
 * Threads of a process that attach at once must not compete for seats: a seat or a unit
 * of the share that one of them holds for a moment would be missing for another thread,
 * or for another process of that user. So the first of them claims the process, by its
 * word in owners. Only the claimant takes anything; the others answer -EAGAIN.
 *
 * Promises  a claim has one claimant, and ends within the program that made it. A process
 *           that is refused leaves no element, unless the kernel refuses to delete it;
 *           such an element can be claimed again.
 * Needs     a program that runs to its end once it has claimed a process, even if
 *           preempted.
 * Used by   bpf/guard.bpf.c, whose head has what can fail; bpf/end.bpf.h.
 *
 *   word in owners    means                becomes, by
 *   no element        no life              {CLAIM, pid}, claim_process(), by an insertion that
 *                                          fails if there is an element
 *   {CLAIM, pid}      a thread attaches    {n, seat}, enter_owner(), by compare-and-swap;
 *                     the process          no element, or {RELEASED, pid}, release_claim();
 *                                          all by the claimant
 *   {n, seat}         its life, or one     {CLAIM, pid}, claim_process(), by compare-and-swap, if
 *                     that is over         the life is over; no element, by the programs of its
 *                                          exit, or by the audit
 *   {RELEASED, pid}   it was refused       as {n, seat} whose life is over
 *
 * An element is deleted only while its word is a claim, by the claimant, or when the
 * process is over. The memory of a deleted element may be reused for another process at
 * once. A late compare-and-swap to the claim fails there: it expects a life of this
 * process, which no other element has ever named, or {RELEASED, pid} with the pid of this
 * process, which is running. And until it is reused, the memory of a deleted element
 * holds the claim.
 *
 * Neither word is ever mistaken for a life: their top bit is 0 in every life word, so
 * is_alive() is false for them.
 */
#ifndef KREG_CLAIM_BPF_H
#define KREG_CLAIM_BPF_H

#include "bpf/pids.bpf.h"

/* No owner word has the first bit; the second one tells CLAIM from RELEASED. */
#define OWNER_NONE (1ull << 63)
#define OWNER_RELEASED (OWNER_NONE | 1ull << 62)

/* Whether @owner names a seat. */
static bool is_owner(__u64 owner)
{
	return !(owner & OWNER_NONE);
}

static long count_settled(void *map, const void *key, __u64 *value, __u32 *settled)
{
	(void)map, (void)key;
	*settled += (*value & OWNER_RELEASED) != OWNER_NONE;
	return 0;
}

/*
 * The error of an insertion into owners that found no element left. EUSERS: lives and
 * elements that the kernel refused to delete fill the map, until processes end or the
 * audit finds them. EAGAIN: the rest are claims, which end with the program that made
 * them, often refused. Where a program can be preempted there may be any number of them,
 * so no size of the map would do.
 *
 * What is no claim is counted, because claims begin and end during the walk. An element
 * that an exit is about to delete counts as one that it could not delete.
 */
static int no_element_left(struct life_control *c)
{
	__u32 settled = 0;

	bpf_for_each_map_elem(&owners, count_settled, &settled, 0);
	return settled >= c->seats * LIFE_OWNERS_PER_SEAT ? EUSERS : EAGAIN;
}

/*
 * Makes the calling thread the claimant of @process. @held is the word of the process in
 * owners, and @seen its value, which is not a living life; NULL if there is no element.
 * Returns the word, which now is the claim, or NULL and a positive error in *err.
 */
static __u64 *claim_process(struct life_control *c, const struct life_process *process, __u64 *held,
			    __u64 seen, int *err)
{
	__u64 claim = OWNER_NONE | process->pid;

	*err = EAGAIN;
	/*
	 * A claim is never replaced by another one: two threads would believe to be the
	 * claimant.
	 */
	if (held)
		return seen != claim && __sync_bool_compare_and_swap(held, seen, claim) ? held : 0;
	switch (fails(LIFE_FAULT_MEMORY) ? -ENOMEM
		: fails(LIFE_FAULT_INSERT) && (bpf_get_prandom_u32() & 1)
			? -EBUSY
			: owners_insert(process, &claim)) {
	case 0:
		return bpf_map_lookup_elem(&owners, process);
	case -E2BIG:
		*err = no_element_left(c);
		break;
	case -ENOMEM:
		/* Never where the map's memory is allocated with it, as now. */
		*err = ENOMEM;
	}
	return 0;
}

/*
 * Ends the claim by entering @owner, whose life has begun, as the life of the process.
 * Called by the claimant. 0, or a positive error. A compare-and-swap, so that a version
 * of this program that does not respect the claim would make it fail, rather than have
 * its own living entry overwritten.
 */
static int enter_owner(const struct life_process *process, __u64 *held, __u64 owner)
{
	return __sync_bool_compare_and_swap(held, OWNER_NONE | process->pid, owner) ? 0 : EAGAIN;
}

/*
 * Ends the claim without a life. Called by the claimant. The element is deleted, because
 * refused processes that run on could otherwise fill the map.
 */
static void release_claim(const struct life_process *process, __u64 *held)
{
	if (fails(LIFE_FAULT_DELETE) || owners_delete(process))
		__sync_bool_compare_and_swap(held, OWNER_NONE | process->pid,
					     OWNER_RELEASED | process->pid);
}

#endif
