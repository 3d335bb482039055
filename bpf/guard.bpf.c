// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The guard: BPF programs that give each process a seat and end its life when it exits.
 *
 * They run in the kernel, because only the kernel sees each exit before anybody else
 * does, and because no process can then forge its own life or keep a dead one's.
 *
 *   program     when                                   what
 *   attach      a process reads the pinned file        gives it a seat, or finds the one it has
 *   on_exit     the last thread of a process exits     ends its life
 *   in_exit     the same, in exit_mm()                 the same, where on_exit was skipped
 *   on_exec     a process has called exec              counts its image
 *   in_exec     the same, in exec_mmap()               the same, where on_exec was skipped
 *   exit_again  as on_exit                             replaces in_exit where that is refused
 *   exec_again  as on_exec                             replaces in_exec likewise
 *   join        a process runs it                      records a registry it has mapped or left
 *   command     root runs it                           stops giving seats, ends lives, sets shares
 *
 * Promises  a life ends once, before wait(2), SIGCHLD or a pidfd can report the death; a
 *           process gets only a life of its own, whatever an earlier process with its pid
 *           has left behind.
 * Needs     compare-and-swap in BPF (-mcpu=v3), so Linux 5.19 or later with bpf_loop().
 *
 * The life word (life_layout.h) decides everything, by compare-and-swap:
 *
 *   word          becomes, by
 *   0, {n, O}     {n, O, pid}, take_seat(): the process owns the seat, and writes its facts
 *   {n, O, pid}   {n + 1, pid}, begin_life(), by the same program
 *   {n, pid}      {n, O}, end_life(): on_exit, command, or attach that is refused after all;
 *                 one of them wins
 *
 * So a seat is free if its word is 0 or {n, O}, and there is no list of free seats that
 * could lose one.
 *
 * owners maps a process to its seat. It is only a hint: its value is an owner word, which
 * counts only while the seat's life word is that very life, or a claim (claim.bpf.h), by
 * which one thread of the process keeps the others from attaching it too. The key
 * contains the start time of the process beside its pid, so what is left of a process is
 * never found by the next one with that pid, and can be removed at any time after the
 * process has ended. The entry is not kept in task storage, because that belongs to the
 * leader and is lost when another thread calls exec. A process without an entry, as nearly
 * all on the machine, is recognized without a search (pids.bpf.h).
 *
 * Two versions of a program may run at the same event, one after the other, while one
 * replaces the other (guard_upgrade.c). The compare-and-swap picks one, and only that one
 * does what follows the end of a life. So all programs of one LIFE_LAYOUT work in any
 * mixture, and a program that would not needs another layout.
 *
 * A program runs to its end, whatever signal is pending. So no process is killed half-way
 * through one, and no process is over, or has completed an exec, while one of its threads
 * is in one. But on a preemptible kernel another task may run on the CPU in the middle of
 * a program, for any time: in attach, join and command on every such kernel, at
 * tracepoints on newer ones (seen on 7.3, not on 6.18). Other tasks then find:
 *
 *   preempted in      where                            others
 *   attach            {CLAIM, pid} in owners           threads of the process retry (claim.bpf.h);
 *                                                      other processes lack one seat and one unit
 *                                                      of the share, which this process gets,
 *                                                      unless it is refused (see below)
 *   attach            the image is being counted       threads of the process retry (image.bpf.h)
 *   on_exit           the life is over                 may have the seat already; the user is
 *                                                      refused more than its share until the
 *                                                      program continues, before wait(2) can report
 *   user_leave()      {uid, leaving}                   processes of that user retry (user.bpf.h)
 *   join              TAKEN                            threads of the process use another record
 *                                                      (joined.bpf.h)
 *   command           between two seats                nothing: each seat is examined separately
 *
 * And the kernel skips a program, when it is called, that is already running on that CPU:
 * so it skips on_exit where another exit was preempted in it. in_exit cannot be skipped
 * like that. exit_mm() calls that function with interrupts off, from before the kernel
 * records that the program runs until after it. Each thread calls it once, after it was
 * subtracted from signal->live and before its files are closed; so the call of the last
 * thread sees the end, before anybody can be notified. in_exec runs below task_lock(),
 * which keeps others from the CPU, but not on PREEMPT_RT. The kernel does not count runs
 * of attach, join and command, so these are never skipped.
 *
 *   step that can fail                 when                           what follows
 *   attach: the process is claimed     another thread is attaching it -EAGAIN, the reader retries
 *     (claim.bpf.h)                    no element (-E2BIG)            -EUSERS; -EAGAIN if others
 *                                                                     are claims
 *                                      no memory (never yet)          -ENOMEM
 *                                      the bucket's lock is refused   -EAGAIN
 *   attach: the user's count is raised the user holds its share       the claim is released;
 *     (user.bpf.h)                                                    -EDQUOT
 *                                      others are changing it         the claim is released;
 *                                                                     -EAGAIN
 *   attach: a seat is sought           all are taken, or the rest is  the count is lowered, the
 *                                      root's                         claim is released; -EUSERS
 *                                      some changed hands meanwhile   the same; -EAGAIN
 *   attach: the claim is released      the bucket's lock is refused   the element stays, can be
 *                                                                     claimed again, and is removed
 *                                                                     by on_exit or the audit
 *   attach: the life is entered        never                          the seat is given up; -EAGAIN
 *   attach: seq_write                  the buffer is full (never yet) the reader gets 0 bytes; the
 *                                                                     seat is found by its next
 *                                                                     read, and by on_exit
 *   on_exit: its pid's count           it is 0                        nothing: it took no part
 *   on_exit: lookup in owners          the process has no seat        the same
 *   on_exit: compare-and-swap          another program ended the life nothing is left to do
 *   on_exit: delete from owners        the bucket's lock is refused   counted; an element is in
 *                                                                     use until in_exit or the
 *                                                                     audit removes it
 *   on_exit: reserve in deaths         the ring is full               counted; the death is not
 *                                                                     reported there
 *   on_exit does not run at all        it is skipped                  in_exit ends the life
 *   neither does exit_again, which     both are skipped               the life goes on until the
 *     replaces in_exit                                                audit ends it (guard_audit.c)
 *   on_exec does not run at all        it is skipped                  in_exec counts; the seat has
 *                                                                     the previous program's name
 *   neither does exec_again or in_exec both are skipped               what the previous program
 *                                                                     held is held until attach
 *                                                                     sees the kernel's count
 *   command: end one life              the word has changed           nothing: it was another life
 *
 * An element of owners is written only by its own process. It is deleted by the thread
 * that claims the process, while no other thread may change it, and otherwise only when
 * no thread of the process can be in attach any longer: by the programs of its exit, or
 * by the audit for a process that is gone. So the compare-and-swap of a value never hits
 * the element of another process. A seat passes to another process only when the life in
 * it is over. command alone ends the life of a process that still runs, after it has
 * stopped giving seats.
 *
 * A refusal holds for one moment during the call. -EUSERS: between two searches with the
 * same result all seats were taken (seat.bpf.h). -EDQUOT: the user's count is one word.
 * Each unit of it is a seat, or one that a process of that user has claimed (never two),
 * or a life that is over and of which nobody can have been notified. Two things are
 * inexact. A process for which no seat is left holds a unit while it looks for one, so
 * another process of that user may be refused with -EDQUOT where -EUSERS is the reason.
 * And -EUSERS also reports that owners or users has no element left, although each has
 * twice as many as there are seats: as many elements as there are seats could not be
 * deleted, or, in users, processes of as many users attach at that moment.
 *
 * sched_process_exit comes before exit_notify() in do_exit(), so the life is over before
 * anyone can be notified. It is hooked as tp_btf, because a classic tracepoint program is
 * skipped while any bpf(2) call runs on the CPU.
 */
#include "bpf/claim.bpf.h"
#include "bpf/end.bpf.h"
#include "bpf/image.bpf.h"
#include "bpf/joined.bpf.h"
#include "bpf/pids.bpf.h"
#include "bpf/user.bpf.h"

/* How many steps of a loop LIFE_FAULT_LINGER makes: some milliseconds. */
#define LINGER (1u << 20)

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/*
 * Records in @fact which process takes the seat. Runs between take_seat() and
 * begin_life(), when no life word admits a reader to the facts: written later, a reader
 * could take those of the previous holder for those of this life. The image is
 * incremented too, so that slots which a program of the previous holder left behind are
 * not mistaken for this program's.
 */
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

/*
 * For tests: delays attach in the middle for some milliseconds, as if it had been
 * preempted.
 */
static void linger(void)
{
	if (fails(LIFE_FAULT_LINGER))
		bpf_loop(LINGER, do_nothing, 0, 0);
}

/*
 * Takes a seat for the process that the caller has claimed, and begins a life in it. 0,
 * or a positive error, and then nothing is held.
 *
 * The unit of the share comes before the seat: in the other order a user that holds its
 * share could take the last free seat for a moment, and processes of other users would be
 * refused.
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
	/*
	 * The verifier wants these checks; the seat was found in the maps, so they
	 * succeed.
	 */
	word = err ? 0 : bpf_map_lookup_elem(&lives, seat);
	fact = err ? 0 : bpf_map_lookup_elem(&seats, seat);
	if (!word || !fact) {
		user_leave(uid);
		return err ? err : ESHUTDOWN;
	}
	write_facts(fact, (struct task_struct *)bpf_get_current_task_btf(), process, ids);
	forget_files(*seat);
	/*
	 * The life begins before it is entered, so a thread that finds it there can
	 * return it.
	 */
	*owner = begin_life(word, *seat, process->pid);
	return 0;
}

/*
 * Ends the life of @owner, which this program has begun and not entered. on_exit would
 * not find it, so nobody else would end it.
 */
static void end_unentered(struct life_control *c, __u64 owner, __u32 pid)
{
	__u64 *word = word_of(owner);
	__u32 uid;

	if (word)
		end_seat(c, (__u32)owner, word, life_of(owner, pid), &uid);
}

/*
 * Gives the process a life. @held is its word in owners, whose value @seen is not a
 * living life, or NULL if there is none. *owner is the owner word of the new life. 0, or
 * a positive error.
 */
static int attach_process(struct life_control *c, const struct life_process *process, __u64 *held,
			  __u64 seen, __u64 *owner)
{
	__u32 seat;
	int err;

	/*
	 * A process whose user holds its share takes nothing, not even an element of
	 * owners for a moment: many such processes could fill that map. If the count was
	 * raised by another thread of this process, that thread made its claim first, and
	 * the second lookup sees it.
	 */
	if (!held && holds_share(c, (__u32)bpf_get_current_uid_gid()))
		return bpf_map_lookup_elem(&owners, process) ? EAGAIN : EDQUOT;
	held = claim_process(c, process, held, seen, &err);
	if (!held)
		return err;
	err = begin_in_seat(c, process, &seat, owner);
	if (err) {
		release_claim(process, held);
		return err;
	}
	/*
	 * A full barrier: the life is stored, then the flag is read, while command() sets
	 * the flag and then reads the lives. At least one of them sees the other, so a
	 * stop never succeeds while a life is entered that it has not seen.
	 */
	if (__sync_fetch_and_add(&c->stopping, 0)) {
		end_unentered(c, *owner, process->pid);
		release_claim(process, held);
		return ESHUTDOWN;
	}
	err = enter_owner(process, held, *owner);
	/* The word is not ours then, so it stays. */
	if (err)
		end_unentered(c, *owner, process->pid);
	else
		count(&c->attaches);
	return err;
}

/*
 * Fills in what the reader learns about the life of @owner. 0, or a positive error.
 *
 * The image is read after count_exec() has compared the kernel's count of execs: a
 * program that got the image of its predecessor would hold locks in the name of a program
 * that is over.
 */
static int fill_reply(struct life_reply *reply, struct life_control *c, __u64 owner, __u32 pid)
{
	struct task_struct *p = (struct task_struct *)bpf_get_current_task_btf();
	__u32 seat = (__u32)owner;
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);

	if (!fact)
		return ESHUTDOWN;
	/* An exec at which the kernel skipped both programs. */
	if (!count_exec(c, fact, BPF_CORE_READ(p, self_exec_id)))
		return EAGAIN;
	reply->seat = seat;
	reply->life = life_of(owner, pid);
	reply->pid = pid;
	reply->image = *(volatile __u32 *)&fact->image;
	reply->identity = c->identity;
	return 0;
}

/*
 * Read by the process itself: the iterator runs in the context of read(2), so the current
 * task is the reader, and the identity that is entered cannot be forged by what it
 * passes.
 */
SEC("iter/task")
int attach(struct bpf_iter__task *ctx)
{
	struct life_control *c = the_control();
	struct life_process process;
	struct life_reply reply = {};
	__u64 *held, owner = 0;
	int err = 0;

	/*
	 * Which tasks are iterated over is irrelevant: the program is called once more
	 * for each reader, without a task, at the end of the iteration.
	 */
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
 * Whether @p is of a process without a running thread.
 *
 * 6.16 moved the tracepoint before exit_mm() and gave it a second argument, group_dead
 * (commit 3e816361e94a). signal->live gives the same answer on all kernels. Several
 * threads that exit at once may all see 0; the compare-and-swap in end_life() picks one
 * of them.
 */
static bool is_over(struct task_struct *p)
{
	return !p->signal->live.counter;
}

_Static_assert(!(__builtin_offsetof(struct life_control, exits) % 64) &&
		       sizeof(struct life_exits) == 64,
	       "the counters of two CPUs would share a line");

/*
 * The counters of this CPU. Those of all exits are in one line of the cache per CPU, or for
 * a few CPUs: a line that each exit on the machine writes would pass from CPU to CPU.
 */
static struct life_exits *counts_here(struct life_control *c)
{
	return &c->exits[bpf_get_smp_processor_id() % LIFE_EXITS];
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	struct life_control *c = the_control();

	if (!c || !is_over(p) || fails(LIFE_FAULT_SKIP))
		return 0;
	count(&counts_here(c)->exits);
	if (may_be_owner(p) && !fails(LIFE_FAULT_EXIT))
		end_process(c, p);
	return 0;
}

/* What the second program does at an exit, whichever of the two it is. */
static int see_exit_again(struct task_struct *p)
{
	struct life_control *c = the_control();

	if (!c || !is_over(p))
		return 0;
	count(&counts_here(c)->exits_again);
	if (may_be_owner(p) && !fails(LIFE_FAULT_AGAIN))
		end_process(c, p);
	return 0;
}

/*
 * In exit_mm(), with interrupts off. Kernel threads call the function too, when they take
 * up an address space; they are not over then.
 */
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

/*
 * In exec_mmap(), below a spin lock. All steps of exec that can fail and return to the
 * old program are behind it; counted earlier, a program that goes on would lose its
 * locks.
 */
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

/*
 * Run by any process, about itself alone; the error is in @run, because run errors are
 * the kernel's.
 */
SEC("syscall")
int join(struct life_join *run)
{
	run->error = change_files(run);
	return 0;
}

/*
 * Counts the seat if its life goes on, after having ended that life if the command says
 * so. A seat that is being taken has no life yet; the program that takes it checks the
 * flag afterwards.
 */
static long visit_living(__u32 seat, struct life_command *run)
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

/*
 * Ends the life of a process that is gone. @life is the very word that the audit has
 * judged: if the seat has another life by now, the compare-and-swap fails, and a living
 * process keeps its seat. How many lives were ended.
 */
static __u32 end_one(struct life_control *c, __u32 seat, __u64 life)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	__u32 uid;

	if (!word || !(__u32)life || (life & LIFE_OVER) || !end_seat(c, seat, word, life, &uid))
		return 0;
	count(&c->late);
	return 1;
}

/*
 * Sets the share of each user and root's reserve. Seats that are held already stay held.
 */
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
	/* bpf_loop() passes a pointer into the stack; the context would be refused. */
	struct life_command own = { .command = run->command };
	struct life_control *c = the_control();

	if (!c)
		return ESHUTDOWN;
	if (own.command == LIFE_COMMAND_END_ONE) {
		run->living = end_one(c, run->seat, run->life);
		return 0;
	}
	if (own.command == LIFE_COMMAND_FORGET) {
		own.process = run->process;
		run->living = !owners_delete(&own.process);
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
	/*
	 * An exchange, so a full barrier before the lives are read; see attach_process().
	 */
	if (own.command == LIFE_COMMAND_STOP)
		__sync_lock_test_and_set(&c->stopping, 1);
	else if (own.command == LIFE_COMMAND_RESUME)
		__sync_lock_test_and_set(&c->stopping, 0);
	bpf_loop(c->seats, visit_living, &own, 0);
	/* All seats are free: the next ones to be given are the first. */
	if (own.command == LIFE_COMMAND_END)
		c->free_from = 0;
	run->living = own.living;
	return 0;
}
