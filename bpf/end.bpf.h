/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The end of a process that may have a life, as performed by the programs at its exit.
 *
 * Promises  the life is over, by this compare-and-swap or another program's, and the
 *           program that has won reports it.
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

/* Writes a record of the death into the ring, or counts it where the ring is full. */
static void report_death(struct life_control *c, struct task_struct *p, __u64 owner, __u32 pid,
			 __u32 uid)
{
	struct life_death *record = bpf_ringbuf_reserve(&deaths, sizeof(*record), 0);
	int code;

	if (!record) {
		count(&c->missed);
		return;
	}
	/*
	 * Set by a signal or exit_group(2); a process whose threads exited one by one has
	 * none.
	 */
	code = BPF_CORE_READ(p, signal, group_exit_code);
	record->when = bpf_ktime_get_boot_ns();
	record->life = (owner & ~0xffffffffull) | LIFE_OVER;
	record->seat = (__u32)owner;
	record->pid = pid;
	record->uid = uid;
	record->exit_code = code ? code : BPF_CORE_READ(p, exit_code);
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
	bool ended = false;
	__u32 uid;
	int err;

	if (!held)
		return;
	owner = *(volatile __u64 *)held;
	/*
	 * A process that was refused may have left a word that names no seat
	 * (claim.bpf.h).
	 */
	word = is_owner(owner) ? word_of(owner) : 0;
	/* The life ends here. */
	if (word)
		ended = end_seat(c, (__u32)owner, word, life_of(owner, process.pid), &uid);
	if (ended) {
		count(&c->deaths);
		report_death(c, p, owner, process.pid, uid);
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
