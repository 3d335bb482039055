/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The image of a life: a counter that each exec increments.
 *
 * A life survives exec, but locks and reader slots belong to one program and must not.
 * Their words contain the image, so they are over when it changes.
 *
 * Promises  one exec increments the image once, whichever programs see it; a reader that
 *           is given an image is given that of its own program.
 * Needs     nothing: the kernel's own count of a process's execs identifies the exec.
 * Used by   bpf/guard.bpf.c, whose head has what can fail.
 *
 *   execs of a seat   becomes, by
 *   n                 {n', COUNTING}, count_exec(), by compare-and-swap: this thread increments
 *   {n', COUNTING}    n', by the same program, after it has incremented the image
 *
 * At an exec the process has one thread. But at its next attach it may have many, and the
 * one that increments may be preempted in between. The others retry then: the old image
 * is that of a program that is over, and a second increment would end what this program
 * has just taken.
 */
#ifndef KREG_IMAGE_BPF_H
#define KREG_IMAGE_BPF_H

#include "bpf/pids.bpf.h"

/*
 * Increments the image if the kernel's count @execs differs from the one that it was
 * incremented for. False if another thread is doing that.
 */
static bool count_exec(struct life_control *c, struct life_seat *fact, __u64 execs)
{
	__u64 seen = *(volatile __u64 *)&fact->execs;

	if (seen == execs)
		return true;
	if (seen & LIFE_EXECS_COUNTING ||
	    !__sync_bool_compare_and_swap(&fact->execs, seen, execs | LIFE_EXECS_COUNTING))
		return false;
	/* In this order: a thread that sees the new count reads the new image. */
	__sync_fetch_and_add(&fact->image, 1);
	__sync_lock_test_and_set(&fact->execs, execs);
	count(&c->execs);
	return true;
}

/* The facts of the life of @p's process; NULL if it has none. */
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

/* After an exec, when the kernel has counted it and the process has its new name. */
static void see_exec(struct task_struct *p)
{
	struct life_seat *fact = may_be_owner(p) ? facts_of(p) : 0;
	struct life_control *c = fact ? the_control() : 0;

	if (!c)
		return;
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &p->comm);
	count_exec(c, fact, BPF_CORE_READ(p, self_exec_id));
}

/*
 * In an exec that can no longer fail and that the kernel will count next, hence + 1.
 * on_exec finds the count already equal, and only copies the name.
 */
static void foresee_exec(struct task_struct *p)
{
	struct life_seat *fact = may_be_owner(p) ? facts_of(p) : 0;
	struct life_control *c = fact ? the_control() : 0;

	if (c)
		count_exec(c, fact, BPF_CORE_READ(p, self_exec_id) + 1);
}

#endif
