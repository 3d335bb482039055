// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The guard: what the kernel does for us.
 *
 *   program     when                                   what
 *   attach      a process reads the pinned file        gives it a seat, or finds the one it has
 *   on_exit     the last thread of a process exits     ends its life
 *   on_exec     a process has called exec              counts its image
 *   command     root runs it                           stops giving seats, ends all lives
 *
 * A seat's life word (life_layout.h) is changed by these programs alone:
 *
 *   word        becomes, by
 *   0, {n, O}   {n + 1, pid}, attach, whose seat it is since it was popped from the stack
 *   {n, pid}    {n, O}, end_life(), called by whoever deletes the process from owners: one of them
 *
 * owners is keyed by the process, not kept in task storage: that hangs on the leader, and is lost
 * when another thread calls exec. Several threads may see that none is left alive; the deletion picks
 * one. The seat goes back to the stack only when the word is over, so who pops it finds it so.
 *
 * sched_process_exit comes before exit_notify() in do_exit(), so the life is over before wait(2),
 * SIGCHLD or a pidfd can tell anyone. It is hooked as tp_btf, because a classic tracepoint program is
 * skipped while a bpf(2) call runs on the CPU. A program runs to its end, whatever signal is
 * pending; so no process is killed half-way through these.
 */
#include "bpf/core.bpf.h"
#include "bpf/life_layout.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define EUSERS 87
#define ESHUTDOWN 108
#define EAGAIN 11

#define COMMAND_STOP 1u
#define COMMAND_RESUME 2u
#define COMMAND_COUNT 3u
#define COMMAND_END 4u

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lives SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_seat);
} seats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1);
	__uint(key_size, 0);
	__uint(value_size, sizeof(__u32));
} free_seats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} deaths SEC(".maps");

static struct life_control *the_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* The word of a seat that is over. A full barrier on both sides. */
static void end_word(__u32 seat)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);

	if (word)
		__sync_lock_test_and_set(word, (*word & ~0xffffffffull) | LIFE_OVER);
}

/* The next life of a seat that has just been popped. */
static __u64 begin_word(__u32 seat, __u32 tgid)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	__u64 incarnation;

	if (!word)
		return 0;
	incarnation = ((*word >> LIFE_INCARNATION_SHIFT) + 1) & LIFE_INCARNATION_MASK;
	if (!incarnation)
		incarnation = 1;
	incarnation = incarnation << LIFE_INCARNATION_SHIFT | tgid;
	__sync_lock_test_and_set(word, incarnation);
	return incarnation;
}

static void write_facts(struct life_seat *fact, __u32 tgid)
{
	struct task_struct *leader =
		BPF_CORE_READ((struct task_struct *)bpf_get_current_task_btf(), group_leader);
	__u64 ids = bpf_get_current_uid_gid();

	fact->pid = tgid;
	fact->uid = (__u32)ids;
	fact->gid = (__u32)(ids >> 32);
	fact->image++;
	fact->start = BPF_CORE_READ(leader, start_boottime);
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &leader->comm);
}

static void give_back(struct life_control *c, __u32 seat)
{
	if (bpf_map_push_elem(&free_seats, &seat, BPF_ANY))
		count(&c->missed);
}

/* Takes a seat for @tgid; 0, or a positive error. */
static int take_seat(struct life_control *c, __u32 tgid)
{
	struct life_seat *fact;
	__u32 seat;

	if (bpf_map_pop_elem(&free_seats, &seat)) {
		count(&c->refused);
		return EUSERS;
	}
	fact = bpf_map_lookup_elem(&seats, &seat);
	if (!fact)
		return EUSERS;
	write_facts(fact, tgid);
	/* The life stands before the owner is found by it; so whoever finds it can reply it. */
	begin_word(seat, tgid);
	if (!bpf_map_update_elem(&owners, &tgid, &seat, BPF_NOEXIST)) {
		count(&c->attaches);
		return 0;
	}
	/* Another thread of the process was first, and its seat is the one. */
	end_word(seat);
	give_back(c, seat);
	return EAGAIN;
}

/* Ends the life of a process that holds a seat. One caller gets true. */
static bool end_life(__u32 tgid, __u32 *seat)
{
	__u32 *held = bpf_map_lookup_elem(&owners, &tgid);

	if (!held)
		return false;
	*seat = *held;
	if (bpf_map_delete_elem(&owners, &tgid))
		return false;
	end_word(*seat);
	return true;
}

static void fill_reply(struct life_reply *reply, struct life_control *c, __u32 tgid)
{
	__u32 *held = bpf_map_lookup_elem(&owners, &tgid);
	struct life_seat *fact;
	__u64 *word;

	reply->error = -ESHUTDOWN;
	if (!held)
		return;
	reply->seat = *held;
	word = bpf_map_lookup_elem(&lives, &reply->seat);
	fact = bpf_map_lookup_elem(&seats, &reply->seat);
	if (!word || !fact)
		return;
	reply->life = *word;
	reply->pid = tgid;
	reply->image = fact->image;
	reply->identity = c->identity;
	reply->error = 0;
}

SEC("iter/task")
int attach(struct bpf_iter__task *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct life_control *c = the_control();
	struct life_reply reply = {};
	__u32 seat;
	int err = 0;

	/* What it goes over does not matter: for each reader it comes once more, for the end. */
	if (ctx->task || !c)
		return 0;
	if (!bpf_map_lookup_elem(&owners, &tgid))
		err = c->stopping ? ESHUTDOWN : take_seat(c, tgid);
	/*
	 * A full barrier, the life and then the flag; command() sets the flag and looks at the lives
	 * then. One of us sees the other.
	 */
	if (__sync_fetch_and_add(&c->stopping, 0) && end_life(tgid, &seat))
		give_back(c, seat);
	if (err == EUSERS || err == ESHUTDOWN)
		reply.error = -err;
	else
		fill_reply(&reply, c, tgid);
	bpf_seq_write(ctx->meta->seq, &reply, sizeof(reply));
	return 0;
}

static void tell_death(struct life_control *c, struct task_struct *p, __u32 seat, __u32 tgid)
{
	struct life_death *record = bpf_ringbuf_reserve(&deaths, sizeof(*record), 0);
	struct life_seat *fact = bpf_map_lookup_elem(&seats, &seat);
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	int code;

	if (!record) {
		count(&c->missed);
		return;
	}
	code = BPF_CORE_READ(p, signal, group_exit_code);
	record->when = bpf_ktime_get_boot_ns();
	record->life = word ? *word : 0;
	record->seat = seat;
	record->pid = tgid;
	record->uid = fact ? fact->uid : 0;
	record->exit_code = code ? code : BPF_CORE_READ(p, exit_code);
	bpf_core_read_str(record->comm, sizeof(record->comm), &p->group_leader->comm);
	bpf_ringbuf_submit(record, 0);
}

/*
 * 6.16 moved the tracepoint before exit_mm() and gave it a second argument, group_dead (commit
 * 3e816361e94a). signal->live says the same on all kernels.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	struct life_control *c;
	__u32 tgid, seat;

	if (BPF_CORE_READ(p, signal, live.counter))
		return 0;
	tgid = BPF_CORE_READ(p, tgid);
	if (!end_life(tgid, &seat))
		return 0;
	c = the_control();
	if (!c)
		return 0;
	count(&c->deaths);
	tell_death(c, p, seat, tgid);
	give_back(c, seat);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	__u32 tgid = BPF_CORE_READ(p, tgid);
	__u32 *held = bpf_map_lookup_elem(&owners, &tgid);
	struct life_control *c = the_control();
	struct life_seat *fact;
	__u32 seat;

	if (!held || !c)
		return 0;
	seat = *held;
	fact = bpf_map_lookup_elem(&seats, &seat);
	if (!fact)
		return 0;
	__sync_fetch_and_add(&fact->image, 1);
	bpf_core_read_str(fact->comm, sizeof(fact->comm), &p->comm);
	count(&c->execs);
	return 0;
}

struct command_run {
	__u32 command;
	__u32 living;
};

/* At one seat: counts it if it is alive, after having ended its life if that is the command. */
static long at_seat(__u32 seat, struct command_run *run)
{
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	__u32 tgid, held;

	if (!word)
		return 1;
	tgid = *word & LIFE_PID_MASK;
	if (!tgid || (*word & LIFE_OVER))
		return 0;
	if (run->command == COMMAND_END && end_life(tgid, &held))
		return 0;
	run->living++;
	return 0;
}

/* A syscall program may not touch a stack on 6.1, so seats of ended lives do not go back. */
SEC("syscall")
int command(struct command_run *run)
{
	struct command_run own = { .command = run->command };
	struct life_control *c = the_control();

	if (!c)
		return ESHUTDOWN;
	if (own.command == COMMAND_STOP)
		__sync_lock_test_and_set(&c->stopping, 1);
	else if (own.command == COMMAND_RESUME)
		__sync_lock_test_and_set(&c->stopping, 0);
	bpf_loop(c->seats, at_seat, &own, 0);
	run->living = own.living;
	return 0;
}
