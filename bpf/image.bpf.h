/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which program's image a life is in: it is counted up by each exec.
 *
 * Promises  one exec counts the image up once, whatever programs see it; who is told an image is told the one that
 *           the exec has made.
 * Needs     nothing: the kernel's own count of a process's execs says which one is meant.
 * Used by   bpf/guard.bpf.c, whose head has what can fail.
 *
 *   execs of a seat     becomes, by
 *   n                   {n', COUNTING}, count_exec(), by compare-and-swap: this one counts the image
 *   {n', COUNTING}      n', by the same program, after it has counted the image
 *
 * At an exec the process has one thread, but at its next attach it may have many, and the one that counts may be
 * preempted in between: the others are told "again" then, because the image is not theirs to count, and the old one
 * is that of a program that is over.
 */
#ifndef KREG_IMAGE_BPF_H
#define KREG_IMAGE_BPF_H

#include "bpf/seat.bpf.h"

/* False: another thread is at it. */
static bool count_exec(struct life_control *c, struct life_seat *fact, __u64 execs)
{
	__u64 seen = *(volatile __u64 *)&fact->execs;

	if (seen == execs)
		return true;
	if (seen & LIFE_EXECS_COUNTING ||
	    !__sync_bool_compare_and_swap(&fact->execs, seen, execs | LIFE_EXECS_COUNTING))
		return false;
	__sync_fetch_and_add(&fact->image, 1);
	__sync_lock_test_and_set(&fact->execs, execs);
	count(&c->execs);
	return true;
}

/* The facts of the life that process @p has; NULL: it has none. */
static struct life_seat *facts_of(struct task_struct *p)
{
	struct life_process process = process_of(p);
	__u64 *held = bpf_map_lookup_elem(&owners, &process), owner;
	__u32 seat;

	if (!held)
		return 0;
	owner = *(volatile __u64 *)held;
	if (!is_alive(owner, process.pid))
		return 0;
	seat = (__u32)owner;
	return bpf_map_lookup_elem(&seats, &seat);
}

/* After exec: the kernel has counted it, and the process has its new name. */
static void see_exec(struct task_struct *p)
{
	struct life_seat *fact = facts_of(p);
	struct life_control *c = the_control();

	if (!fact || !c)
		return;
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &p->comm);
	count_exec(c, fact, BPF_CORE_READ(p, self_exec_id));
}

/* In exec, where there is no way back: the kernel counts it next. */
static void foresee_exec(struct task_struct *p)
{
	struct life_seat *fact = facts_of(p);
	struct life_control *c = the_control();

	if (fact && c)
		count_exec(c, fact, BPF_CORE_READ(p, self_exec_id) + 1);
}

#endif
