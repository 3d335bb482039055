/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The end of a process that may have a life, as performed by the programs at its exit.
 *
 * Promises  the life is over, by this compare-and-swap or another program's, and the
 *           program that has won reports it. How the process ended, if that is known, was
 *           recorded before.
 * Needs     to run before anybody can be notified of the exit, when no thread of the
 *           process can attach any longer.
 * Used by   bpf/guard.bpf.c, whose head has what can fail.
 *
 * Two programs do it at each exit, because the kernel skips a program that is already
 * running on the CPU. Where tracepoints can be preempted (7.3, two CPUs, emulated) it
 * skipped one of a hundred under load, and one of 2,500 where both programs are at the
 * tracepoint; with one of them where interrupts are off, none. bpf_preempt_disable() does
 * not help: a preemption that was put off happens at bpf_preempt_enable(), which is still
 * within the program.
 */
#ifndef KREG_END_BPF_H
#define KREG_END_BPF_H

#include "bpf/claim.bpf.h"
#include "bpf/user.bpf.h"

/*
 * How @p's process ends, as wait(2) will report it, with LIFE_END_KNOWN; 0: unknown.
 *
 * It is that of exit_group(2) or of a signal; for a process whose threads have exited one by
 * one, newer kernels (seen on 6.18) make it that of the last one, with the same flag.
 * On older ones it is the leader's. Several threads may be the last ones at once there; the
 * leader may be one that has not stored its code yet, and then nobody knows it here.
 */
static __u32 end_of(struct task_struct *p)
{
	struct task_struct *leader = p->group_leader;
	int code;

	if (p->signal->flags & SIGNAL_GROUP_EXIT)
		code = p->signal->group_exit_code;
	else if (p->pid == p->tgid || leader->exit_state)
		code = leader->exit_code;
	else
		return 0;
	return LIFE_END_KNOWN | ((__u32)code & LIFE_END_CODE);
}

/*
 * Records the end of the life @life of @owner before it is over. Another program may have
 * ended it by now, and others may live in the seat: then the record of one of them is at
 * worst replaced, and its end becomes unknown.
 */
static void record_end(__u64 owner, __u64 *word, __u64 life, __u32 end)
{
	__u32 seat = (__u32)owner, which = (owner >> LIFE_INCARNATION_SHIFT) % LIFE_ENDS;
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);

	if (fact && end && *(volatile __u64 *)word == life)
		*(volatile __u64 *)&fact->ends[which] = (owner & ~0xffffffffull) | end;
}

/* Writes a record of the death into the ring, or counts it where the ring is full. */
static void report_death(struct life_control *c, struct task_struct *p, __u64 owner, __u32 pid,
			 __u32 uid, __u32 end)
{
	struct life_death *record = bpf_ringbuf_reserve(&deaths, sizeof(*record), 0);

	if (!record) {
		count(&c->missed);
		return;
	}
	record->when = bpf_ktime_get_boot_ns();
	record->life = (owner & ~0xffffffffull) | LIFE_OVER;
	record->seat = (__u32)owner;
	record->pid = pid;
	record->uid = uid;
	record->exit_code = end ? (__s32)(end & LIFE_END_CODE) : -1;
	bpf_core_read_str(record->comm, sizeof(record->comm), &p->group_leader->comm);
	bpf_ringbuf_submit(record, 0);
}

/*
 * Ends the life of @p's process, if it has one, and removes the process from owners. Safe
 * to be run several times for one process, also by two versions of the programs: each
 * step but the first finds that it has been done.
 */
static void end_process(struct life_control *c, struct task_struct *p)
{
	struct life_process process = process_of(p);
	__u64 *held = bpf_map_lookup_elem(&owners, &process), *word, owner;
	__u32 uid, end = 0;
	bool ended = false;
	__u64 life;
	int err;

	if (!held)
		return;
	owner = *(volatile __u64 *)held;
	/*
	 * A process that was refused may have left a word that names no seat
	 * (claim.bpf.h).
	 */
	word = is_owner(owner) ? word_of(owner) : 0;
	life = life_of(owner, process.pid);
	if (word) {
		end = end_of(p);
		record_end(owner, word, life, end);
		/* The life ends here. */
		ended = end_seat(c, (__u32)owner, word, life, &uid);
	}
	if (ended) {
		count(&c->deaths);
		report_death(c, p, owner, process.pid, uid, end);
	}
	/*
	 * After the end: an element without a life can be removed by the audit, but the
	 * life of a process without an element could be ended by the audit alone.
	 */
	err = fails(LIFE_FAULT_DELETE) ? -EBUSY : owners_delete(&process);
	/*
	 * -ENOENT: the other program, or the same one in another thread, has removed it.
	 */
	if (ended && err && err != -ENOENT)
		count(&c->stale);
}

#endif
