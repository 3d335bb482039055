/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The end of a process that may have a life, as the programs at its exit bring it about.
 *
 * Promises  the life is over, by this compare-and-swap or another's, and told by whoever won it.
 * Needs     to run before anybody can be told of the exit, when no thread of the process can attach any more.
 * Used by   bpf/guard.bpf.c, whose head has what can fail.
 *
 * Two programs do it at each exit, because the kernel skips one that is at work on the CPU already. Where tracepoints can
 * be preempted (7.3, two CPUs, emulated) it skipped one of a hundred under load, and one of 2,500 where both are at the
 * tracepoint; with one of them where interrupts are off, none. bpf_preempt_disable() is no help, since what was
 * put off comes at bpf_preempt_enable(), which is still within the program.
 */
#ifndef KREG_END_BPF_H
#define KREG_END_BPF_H

#include "bpf/claim.bpf.h"
#include "bpf/user.bpf.h"

static void tell_death(struct life_control *c, struct task_struct *p, __u64 owner, __u32 pid,
		       __u32 uid)
{
	struct life_death *record = bpf_ringbuf_reserve(&deaths, sizeof(*record), 0);
	int code;

	if (!record) {
		count(&c->missed);
		return;
	}
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
	/* A process that was refused may have left a word that names no seat. */
	word = is_owner(owner) ? word_of(owner) : 0;
	/* The life ends here. */
	if (word)
		ended = end_seat(c, (__u32)owner, word, life_of(owner, process.pid), &uid);
	if (ended) {
		count(&c->deaths);
		tell_death(c, p, owner, process.pid, uid);
	}
	err = fails(LIFE_FAULT_DELETE) ? -EBUSY : (int)bpf_map_delete_elem(&owners, &process);
	/* Another of these programs, or another thread, may have removed it just now. */
	if (ended && err && err != -ENOENT)
		count(&c->stale);
}

#endif
