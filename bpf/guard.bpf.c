// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The guard: what the kernel does for us.
 *
 *   program     when                                   what
 *   attach      a process reads the pinned file        gives it a seat, or finds the one it has
 *   on_exit     the last thread of a process exits     ends its life
 *   exit_again  the same                               the same, where on_exit was skipped
 *   on_exec     a process has called exec              counts its image
 *   join        a process runs it                      notes which registry it has mapped, or has left
 *   command     root runs it                           stops giving seats, ends lives, sets the shares
 *
 * Promises  a life has one end, and it is over before wait(2), SIGCHLD or a pidfd can tell of the death;
 *           a process gets no life but its own, whatever an earlier one with its pid has left.
 * Needs     compare-and-swap in BPF (-mcpu=v3), so Linux 5.19 or later with bpf_loop().
 *
 * The life word (life_layout.h) decides everything, by compare-and-swap:
 *
 *   word          becomes, by
 *   0, {n, O}     {n, O, pid}, take_seat(): the process owns the seat, and writes its facts
 *   {n, O, pid}   {n + 1, pid}, begin_life(), by the same program, which nothing interrupts
 *   {n, pid}      {n, O}, end_life(): on_exit, command, or attach, which gives up a second seat; one wins
 *
 * So a seat is free if its word is 0 or {n, O}, and there is no list of free seats that could lose one.
 *
 * owners leads from a process to its seat. It is a hint: its value is an owner word, which counts only
 * while the seat's life word is that very life. The key has the start of the process beside its pid, so what
 * is left of a process is never found by the next one with its pid, and can be removed at any time after
 * the end of the process. An entry is not kept in task storage, because that hangs on the leader, and is
 * lost when another thread calls exec.
 *
 * Two versions of a program may run at the same event, one after the other, while one takes the other's place
 * (guard_upgrade.c): the compare-and-swap picks one, and what follows the end of a life is done by that one alone.
 * So all programs of one LIFE_LAYOUT go together in any mixture, and one that would not needs another layout.
 *
 *   step that can fail                   when                             what follows
 *   attach: the user's count is raised   the user holds its share         -EDQUOT
 *     (user.bpf.h)                       others are at it just now        -EAGAIN, the reader tries again
 *   attach: a seat is sought             all are taken, or the rest is    -EUSERS; the count is lowered
 *                                        root's
 *   attach: insert into owners           another thread was first         our seat is given up; its is the one
 *                                        no element (-E2BIG)              our seat is given up; -EUSERS
 *                                        the bucket's lock is refused     our seat is given up; -EAGAIN, and
 *                                                                         the reader tries again
 *   attach: replace a value that is      another thread was first         our seat is given up; its is the one
 *     over, by compare-and-swap
 *   attach: seq_write                    the buffer is full (never yet)   the reader gets 0 bytes; the seat is
 *                                                                         found by its next read, and by on_exit
 *   on_exit: lookup in owners            the process has no seat          nothing: it took no part
 *   on_exit: compare-and-swap            another program ended the life   nothing is left to do
 *   on_exit: delete from owners          the bucket's lock is refused     counted; an element is in use until
 *                                                                         exit_again or the audit removes it
 *   on_exit: reserve in deaths           the ring is full                 counted; the death is not told there
 *   on_exit does not run at all          the kernel skips a program that  exit_again ends the life
 *                                        runs on this CPU already, or was
 *                                        preempted there (seen on 7.3)
 *   neither does exit_again              both were preempted on this CPU  the life goes on until the audit ends
 *                                                                         it (guard_audit.c)
 *   on_exec does not run at all          the same                         the image stays until attach sees that
 *                                                                         the kernel has counted an exec
 *   command: end one life                the word has changed             nothing: it was not that life
 *
 * An element of owners is written only by its own process and deleted only when no thread of that can be in
 * attach any more: by on_exit, or by the audit for a process that is gone. So the compare-and-swap of a
 * value never hits the element of another process.
 *
 * sched_process_exit comes before exit_notify() in do_exit(), so the life is over before anyone can be
 * told. It is hooked as tp_btf, because a classic tracepoint program is skipped while a bpf(2) call runs on
 * the CPU. A program runs to its end, whatever signal is pending; so no process is killed half-way
 * through these.
 */
#include "bpf/end.bpf.h"
#include "bpf/joined.bpf.h"
#include "bpf/user.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static void write_facts(struct life_seat *fact, struct task_struct *p,
			const struct life_process *process, __u64 ids)
{
	fact->pid = process->pid;
	fact->uid = (__u32)ids;
	fact->gid = (__u32)(ids >> 32);
	fact->image++;
	fact->start = process->start;
	fact->execs = BPF_CORE_READ(p, self_exec_id);
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &p->group_leader->comm);
}

/* Enters @owner as the process's, where the entry was @held. 0, or a positive error. */
static int enter_owner(const struct life_process *process, __u64 *held, __u64 was, __u64 owner)
{
	/* Before 6.4 map operations return an int, and the register's upper half is not its sign. */
	int err;

	if (held)
		return __sync_bool_compare_and_swap(held, was, owner) ? 0 : EEXIST;
	err = fails(LIFE_FAULT_INSERT) && (bpf_get_prandom_u32() & 1)
		      ? -EBUSY
		      : (int)bpf_map_update_elem(&owners, process, &owner, BPF_NOEXIST);
	if (!err)
		return 0;
	if (err == -EEXIST)
		return EEXIST;
	return err == -E2BIG ? EUSERS : EAGAIN;
}

/*
 * Gives the process a life, where @held, whose value is @was, is none. *owner is whose it is; 0, or a
 * positive error.
 */
static int attach_process(struct life_control *c, const struct life_process *process, __u64 *held,
			  __u64 was, __u64 *owner)
{
	__u64 ids = bpf_get_current_uid_gid();
	__u32 seat, uid = (__u32)ids;
	struct life_seat *fact;
	__u64 *word;
	int err;

	err = user_join(c, uid);
	if (err)
		return err;
	word = take_seat(c, process->pid, uid, &seat);
	fact = word ? bpf_map_lookup_elem(&seats, &seat) : 0;
	if (!word || !fact) {
		user_leave(uid);
		return EUSERS;
	}
	write_facts(fact, (struct task_struct *)bpf_get_current_task_btf(), process, ids);
	forget_files(seat);
	/* The life stands before it is entered; so a thread that finds it can reply it. */
	*owner = begin_life(word, seat, process->pid);
	/*
	 * A full barrier, the life and then the flag; command() sets the flag and looks at the lives
	 * then. One of us sees the other: a life that is entered keeps the guard from being stopped.
	 */
	err = __sync_fetch_and_add(&c->stopping, 0) ? ESHUTDOWN
						    : enter_owner(process, held, was, *owner);
	if (!err) {
		count(&c->attaches);
		return 0;
	}
	end_seat(c, seat, word, life_of(*owner, process->pid), &uid);
	if (err != EEXIST)
		return err;
	/* Another thread of the process was first. */
	held = bpf_map_lookup_elem(&owners, process);
	if (!held)
		return EAGAIN;
	*owner = *(volatile __u64 *)held;
	return is_alive(*owner, process->pid) ? 0 : EAGAIN;
}

/*
 * By the kernel's count: so an exec is counted once, also where the on_exec of two versions run one after the
 * other, and one that on_exec was kept from is counted by the next attach. True: there was one.
 */
static bool recount_execs(struct life_seat *fact, struct task_struct *p)
{
	__u64 execs = BPF_CORE_READ(p, self_exec_id), seen = fact->execs;

	if (seen == execs || !__sync_bool_compare_and_swap(&fact->execs, seen, execs))
		return false;
	__sync_fetch_and_add(&fact->image, 1);
	return true;
}

static void fill_reply(struct life_reply *reply, struct life_control *c, __u64 owner, __u32 pid)
{
	__u32 seat = (__u32)owner;
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);

	reply->error = -ESHUTDOWN;
	if (!fact)
		return;
	recount_execs(fact, (struct task_struct *)bpf_get_current_task_btf());
	reply->seat = seat;
	reply->life = life_of(owner, pid);
	reply->pid = pid;
	reply->image = fact->image;
	reply->identity = c->identity;
	reply->error = 0;
}

SEC("iter/task")
int attach(struct bpf_iter__task *ctx)
{
	struct life_control *c = the_control();
	struct life_process process;
	struct life_reply reply = {};
	__u64 *held, owner = 0;
	int err = 0;

	/* What it goes over does not matter: for each reader it comes once more, for the end. */
	if (ctx->task || !c)
		return 0;
	process = process_of((struct task_struct *)bpf_get_current_task_btf());
	held = bpf_map_lookup_elem(&owners, &process);
	if (held)
		owner = *(volatile __u64 *)held;
	if (!held || !is_alive(owner, process.pid)) {
		__u64 was = owner;

		err = c->stopping ? ESHUTDOWN : attach_process(c, &process, held, was, &owner);
		if (err == EUSERS)
			count(&c->refused);
		else if (err == EDQUOT)
			count(&c->over_share);
	}
	if (err)
		reply.error = -err;
	else
		fill_reply(&reply, c, owner, process.pid);
	bpf_seq_write(ctx->meta->seq, &reply, sizeof(reply));
	return 0;
}

/*
 * 6.16 moved the tracepoint before exit_mm() and gave it a second argument, group_dead (commit
 * 3e816361e94a). signal->live says the same on all kernels. Several threads may see that none is left.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	struct life_control *c = the_control();

	if (!c || BPF_CORE_READ(p, signal, live.counter))
		return 0;
	count(&c->exits);
	if (!fails(LIFE_FAULT_EXIT))
		end_process(c, p);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_again, struct task_struct *p)
{
	struct life_control *c = the_control();

	if (c && !BPF_CORE_READ(p, signal, live.counter) && !fails(LIFE_FAULT_AGAIN))
		end_process(c, p);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	struct life_process process = process_of(p);
	__u64 *held = bpf_map_lookup_elem(&owners, &process);
	struct life_control *c = the_control();
	struct life_seat *fact;
	__u64 owner;
	__u32 seat;

	if (!held || !c || fails(LIFE_FAULT_EXEC))
		return 0;
	owner = *(volatile __u64 *)held;
	if (!is_alive(owner, process.pid))
		return 0;
	seat = (__u32)owner;
	fact = bpf_map_lookup_elem(&seats, &seat);
	if (!fact)
		return 0;
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &p->comm);
	if (recount_execs(fact, p))
		count(&c->execs);
	return 0;
}

SEC("syscall")
int join(struct life_join *run)
{
	run->error = change_files(run);
	return 0;
}

/* At one seat: counts it if it is alive, after having ended its life if that is the command. */
static long at_seat(__u32 seat, struct life_command *run)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	struct life_control *c = the_control();
	__u64 life;
	__u32 uid;

	if (!word || !c)
		return 1;
	life = *(volatile __u64 *)word;
	if (!(__u32)life || (life & LIFE_OVER))
		return 0;
	if (run->command != LIFE_COMMAND_END || !end_seat(c, seat, word, life, &uid))
		run->living++;
	return 0;
}

/* Ends the life of a process that is gone, by the very word that the audit has judged. */
static __u32 end_one(struct life_control *c, __u32 seat, __u64 life)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	__u32 uid;

	if (!word || !(__u32)life || (life & LIFE_OVER) || !end_seat(c, seat, word, life, &uid))
		return 0;
	count(&c->late);
	return 1;
}

/* How many seats who may hold. */
static void set_limits(struct life_control *c, const struct life_command *run)
{
	if (run->share)
		c->share = run->share;
	if (run->reserve != LIFE_KEEP)
		c->reserve = run->reserve;
}

SEC("syscall")
int command(struct life_command *run)
{
	struct life_command own = { .command = run->command };
	struct life_control *c = the_control();

	if (!c)
		return ESHUTDOWN;
	if (own.command == LIFE_COMMAND_END_ONE) {
		run->living = end_one(c, run->seat, run->life);
		return 0;
	}
	if (own.command == LIFE_COMMAND_SET) {
		set_limits(c, run);
		return 0;
	}
	if (own.command == LIFE_COMMAND_UPGRADED) {
		count(&c->upgrades);
		return 0;
	}
	if (own.command == LIFE_COMMAND_STOP)
		__sync_lock_test_and_set(&c->stopping, 1);
	else if (own.command == LIFE_COMMAND_RESUME)
		__sync_lock_test_and_set(&c->stopping, 0);
	bpf_loop(c->seats, at_seat, &own, 0);
	if (own.command == LIFE_COMMAND_END)
		c->free_from = 0;
	run->living = own.living;
	return 0;
}
