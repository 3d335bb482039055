// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The guard: what the kernel does for us.
 *
 *   program     when                                   what
 *   attach      a process reads the pinned file        gives it a seat, or finds the one it has
 *   on_exit     the last thread of a process exits     ends its life
 *   in_exit     the same, in exit_mm()                 the same, where on_exit was skipped
 *   on_exec     a process has called exec              counts its image
 *   in_exec     the same, in exec_mmap()               the same, where on_exec was skipped
 *   exit_again  as on_exit                             in the place of in_exit, where the kernel refuses that
 *   exec_again  as on_exec                             in the place of in_exec
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
 *   {n, O, pid}   {n + 1, pid}, begin_life(), by the same program
 *   {n, pid}      {n, O}, end_life(): on_exit, command, or attach, which gives up a second seat; one wins
 *
 * So a seat is free if its word is 0 or {n, O}, and there is no list of free seats that could lose one.
 *
 * owners leads from a process to its seat. It is a hint: its value is an owner word, which counts only
 * while the seat's life word is that very life, or a claim (claim.bpf.h), with which one thread of the process keeps the
 * others from attaching it, too. The key has the start of the process beside its pid, so what is left of a process is
 * never found by the next one with its pid, and can be removed at any time after the end of the process. An entry
 * is not kept in task storage, because that hangs on the leader, and is lost when another thread calls exec.
 *
 * Two versions of a program may run at the same event, one after the other, while one takes the other's place
 * (guard_upgrade.c): the compare-and-swap picks one, and what follows the end of a life is done by that one alone.
 * So all programs of one LIFE_LAYOUT go together in any mixture, and one that would not needs another layout.
 *
 * A program runs to its end, whatever signal is pending. So no process is killed half-way through one, and none is
 * over, or has called exec, while a thread of it is in one. But on a preemptible kernel another task may run on the
 * CPU in the middle of it, for any time: in attach, join and command on every such kernel, at tracepoints
 * on newer ones (seen on 7.3, not on 6.18). What others find then:
 *
 *   preempted in      where                            others
 *   attach            {CLAIM, pid} in owners           threads of the process are told to come again (claim.bpf.h);
 *                                                      other processes have a seat and a unit of the share less, which
 *                                                      this process gets, unless it is refused (see below)
 *   attach            the image is being counted       threads of the process are told to come again (image.bpf.h)
 *   on_exit           the life is over                 may have the seat already; the user is refused more than its
 *                                                      share until the program goes on, before wait(2) can tell
 *   user_leave()      {uid, leaving}                   processes of that user are told to come again (user.bpf.h)
 *   join              TAKEN                            threads of the process take another record (joined.bpf.h)
 *   command           between two seats                nothing: each seat is looked at for itself
 *
 * And the kernel skips a program, where it is called, that is at work on that CPU already: so where another exit
 * was preempted in on_exit. in_exit cannot be skipped so: exit_mm() calls that function with interrupts off, from before
 * the kernel notes that the program is at work until after it. Each thread calls it once, after it was taken from
 * signal->live and before its files are closed, so that of the last one tells, before anybody can be told. in_exec
 * runs below task_lock(), which keeps others from the CPU, but not on PREEMPT_RT. Nothing counts attach, join and
 * command; so these are never skipped.
 *
 *   step that can fail                   when                             what follows
 *   attach: the process is claimed       another thread is attaching it   -EAGAIN, the reader tries again
 *     (claim.bpf.h)                      no element (-E2BIG)              -EUSERS
 *                                        the bucket's lock is refused     -EAGAIN
 *   attach: the user's count is raised   the user holds its share         the claim is released; -EDQUOT
 *     (user.bpf.h)                       others are changing it           the claim is released; -EAGAIN
 *   attach: a seat is sought             all are taken, or the rest is    the count is lowered, the claim is released;
 *                                        root's                           -EUSERS
 *                                        some changed hands meanwhile     the same; -EAGAIN
 *   attach: the claim is released        the bucket's lock is refused     the element stays, may be claimed again, and
 *                                                                         is removed by on_exit or the audit
 *   attach: the life is entered          never                            our seat is given up; -EAGAIN
 *   attach: seq_write                    the buffer is full (never yet)   the reader gets 0 bytes; the seat is
 *                                                                         found by its next read, and by on_exit
 *   on_exit: lookup in owners            the process has no seat          nothing: it took no part
 *   on_exit: compare-and-swap            another program ended the life   nothing is left to do
 *   on_exit: delete from owners          the bucket's lock is refused     counted; an element is in use until
 *                                                                         in_exit or the audit removes it
 *   on_exit: reserve in deaths           the ring is full                 counted; the death is not told there
 *   on_exit does not run at all          it is skipped                    in_exit ends the life
 *   neither does exit_again, which is    both are skipped                 the life goes on until the audit ends
 *     there instead of in_exit                                            it (guard_audit.c)
 *   on_exec does not run at all          it is skipped                    in_exec counts; the seat shows the name
 *                                                                         of the program before
 *   neither does exec_again or in_exec   both are skipped                 what the program before held is held until
 *                                                                         attach sees that the kernel has counted
 *   command: end one life                the word has changed             nothing: it was not that life
 *
 * An element of owners is written only by its own process. It is deleted by the thread that claims the process, while no
 * other one may change it, and otherwise only when no thread of the process can be in attach any more: by the
 * programs of its exit, or by the audit for a process that is gone. So the compare-and-swap of a value never hits the
 * element of another process. A seat is another's only when the life in it is over; that of a process that is
 * not is ended by command alone, when no more seats are given.
 *
 * A refusal is true of one moment during the call. -EUSERS: between two searches that saw the same, all seats were taken
 * (seat.bpf.h). -EDQUOT: the count of the user is one word, and each unit of it is a seat, or one that a process of that
 * user has claimed, never two; or a life that is over and that nobody can have been told of. What is inexact: a process
 * for which no seat is left holds a unit while it looks for one, so another one of that user may be refused
 * with -EDQUOT where -EUSERS is the reason; and where owners has no element left, although it has twice as
 * many as there are seats, -EUSERS says that.
 *
 * sched_process_exit comes before exit_notify() in do_exit(), so the life is over before anyone can be
 * told. It is hooked as tp_btf, because a classic tracepoint program is skipped while any bpf(2) call runs on
 * the CPU.
 */
#include "bpf/claim.bpf.h"
#include "bpf/end.bpf.h"
#include "bpf/image.bpf.h"
#include "bpf/joined.bpf.h"
#include "bpf/user.bpf.h"

/* How many steps of a loop LIFE_FAULT_LINGER makes: some milliseconds. */
#define LINGER (1u << 20)

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

static long do_nothing(__u32 i, void *data)
{
	(void)i, (void)data;
	return 0;
}

/* For tests: stays in the middle for some milliseconds, as where it was preempted. */
static void linger(void)
{
	if (fails(LIFE_FAULT_LINGER))
		bpf_loop(LINGER, do_nothing, 0, 0);
}

/*
 * Takes a seat for the process that the caller has claimed, and begins a life in it. 0, or a positive error, and then
 * nothing is held.
 */
static int begin_in_seat(struct life_control *c, const struct life_process *process, __u32 *seat,
			 __u64 *owner)
{
	__u64 ids = bpf_get_current_uid_gid();
	__u32 uid = (__u32)ids;
	struct life_seat *fact;
	__u64 *word;
	int err;

	err = user_join(c, uid);
	if (err)
		return err;
	linger();
	err = take_seat(c, process->pid, uid, seat);
	linger();
	word = err ? 0 : bpf_map_lookup_elem(&lives, seat);
	fact = err ? 0 : bpf_map_lookup_elem(&seats, seat);
	if (!word || !fact) {
		user_leave(uid);
		return err ? err : ESHUTDOWN;
	}
	write_facts(fact, (struct task_struct *)bpf_get_current_task_btf(), process, ids);
	forget_files(*seat);
	/* The life stands before it is entered; so a thread that finds it there can reply it. */
	*owner = begin_life(word, *seat, process->pid);
	return 0;
}

/* Ends the life of @owner, which this program has begun and not entered. */
static void end_unentered(struct life_control *c, __u64 owner, __u32 pid)
{
	__u64 *word = word_of(owner);
	__u32 uid;

	if (word)
		end_seat(c, (__u32)owner, word, life_of(owner, pid), &uid);
}

/*
 * Gives the process a life. @held: its word in owners, whose value @seen is no living life; NULL: it has none. *owner
 * is that of the life; 0, or a positive error.
 */
static int attach_process(struct life_control *c, const struct life_process *process, __u64 *held,
			  __u64 seen, __u64 *owner)
{
	__u32 seat;
	int err;

	/*
	 * A user that holds its share takes nothing, be it for a moment, not even an element of owners. The thread
	 * that has brought it there may be one of this process: then its claim came before, so it is seen now.
	 */
	if (!held && holds_share(c, (__u32)bpf_get_current_uid_gid()))
		return bpf_map_lookup_elem(&owners, process) ? EAGAIN : EDQUOT;
	held = claim_process(process, held, seen, &err);
	if (!held)
		return err;
	err = begin_in_seat(c, process, &seat, owner);
	if (err) {
		release_claim(process, held);
		return err;
	}
	/*
	 * A full barrier, the life and then the flag; command() sets the flag and looks at the lives
	 * then. One of us sees the other: a life that is entered keeps the guard from being stopped.
	 */
	if (__sync_fetch_and_add(&c->stopping, 0)) {
		end_unentered(c, *owner, process->pid);
		release_claim(process, held);
		return ESHUTDOWN;
	}
	err = enter_owner(process, held, *owner);
	if (err)
		end_unentered(c, *owner, process->pid);
	else
		count(&c->attaches);
	return err;
}

/* 0, or a positive error. */
static int fill_reply(struct life_reply *reply, struct life_control *c, __u64 owner, __u32 pid)
{
	struct task_struct *p = (struct task_struct *)bpf_get_current_task_btf();
	__u32 seat = (__u32)owner;
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);

	if (!fact)
		return ESHUTDOWN;
	/* An exec that its programs were kept from. */
	if (!count_exec(c, fact, BPF_CORE_READ(p, self_exec_id)))
		return EAGAIN;
	reply->seat = seat;
	reply->life = life_of(owner, pid);
	reply->pid = pid;
	reply->image = *(volatile __u32 *)&fact->image;
	reply->identity = c->identity;
	return 0;
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
		__u64 seen = owner;

		err = c->stopping ? ESHUTDOWN : attach_process(c, &process, held, seen, &owner);
		if (err == EUSERS)
			count(&c->refused);
		else if (err == EDQUOT)
			count(&c->over_share);
	}
	if (!err)
		err = fill_reply(&reply, c, owner, process.pid);
	reply.error = -err;
	bpf_seq_write(ctx->meta->seq, &reply, sizeof(reply));
	return 0;
}

/*
 * 6.16 moved the tracepoint before exit_mm() and gave it a second argument, group_dead (commit
 * 3e816361e94a). signal->live says the same on all kernels. Several threads may see that none is left.
 */
static bool is_over(struct task_struct *p)
{
	return !BPF_CORE_READ(p, signal, live.counter);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	struct life_control *c = the_control();

	if (!c || !is_over(p) || fails(LIFE_FAULT_SKIP))
		return 0;
	count(&c->exits);
	if (!fails(LIFE_FAULT_EXIT))
		end_process(c, p);
	return 0;
}

static int see_exit_again(struct task_struct *p)
{
	struct life_control *c = the_control();

	if (!c || !is_over(p))
		return 0;
	count(&c->exits_again);
	if (!fails(LIFE_FAULT_AGAIN))
		end_process(c, p);
	return 0;
}

/* In exit_mm(), with interrupts off. Kernel threads call it, too, and are not over then. */
SEC("fentry/membarrier_update_current_mm")
int BPF_PROG(in_exit)
{
	return see_exit_again((struct task_struct *)bpf_get_current_task_btf());
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_again, struct task_struct *p)
{
	return see_exit_again(p);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	if (!fails(LIFE_FAULT_EXEC))
		see_exec(p);
	return 0;
}

/* In exec_mmap(), which holds a spin lock; the last of it that can fail is over. */
SEC("fentry/membarrier_exec_mmap")
int BPF_PROG(in_exec)
{
	if (!fails(LIFE_FAULT_EXEC_AGAIN))
		foresee_exec((struct task_struct *)bpf_get_current_task_btf());
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_again, struct task_struct *p)
{
	if (!fails(LIFE_FAULT_EXEC_AGAIN))
		see_exec(p);
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
