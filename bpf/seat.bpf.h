/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The guard's maps, and the operations of its programs on seats and life words.
 *
 * Promises  each change of a life word is one compare-and-swap, or an exchange by the
 *           program that has taken the seat. A seat whose word is 0 or {n, O} is free,
 *           and take_seat() finds it, whatever the hint says.
 * Needs     a program that runs to its end once it has taken a seat, even if it is
 *           preempted.
 * Used by   bpf/guard.bpf.c, whose head has the states and what can fail.
 */
#ifndef KREG_SEAT_BPF_H
#define KREG_SEAT_BPF_H

#include "bpf/core.bpf.h"
#include "bpf/life_layout.h"

/*
 * For tests: which steps fail. The value is constant when the programs are loaded, so the
 * verifier removes the code of all faults that are not set.
 */
const volatile __u32 faults = 0;

static bool fails(__u32 fault)
{
	return faults & fault;
}

/*
 * The sizes of all maps are set when they are created (guard_load.c); 1 is a placeholder.
 * Those that processes read can be mapped, so that a lookup reads a life word without a
 * system call.
 *
 * The life word of each seat. An array of its own, because it is the only one that
 * lookups read: 8 words share a cache line.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lives SEC(".maps");

/*
 * The facts of each seat's holder. They are those of a life if its word is the same
 * afterwards.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_seat);
} seats SEC(".maps");

/* One element: the guard's settings and counters. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct life_control);
} control SEC(".maps");

/*
 * From a process to its owner word, or a claim (claim.bpf.h). A program finds its own
 * process here without a search of all seats, which an exit could not afford.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct life_process);
	__type(value, __u64);
} owners SEC(".maps");

/* How many seats each user holds: {uid, count} (user.bpf.h). Root has no element. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} users SEC(".maps");

/*
 * Records of deaths for tracing. Nothing relies on them: a ring that nobody reads fills
 * up, and further deaths are only counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} deaths SEC(".maps");

/* Never NULL, but the verifier wants each caller to check. */
static struct life_control *the_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* Programs on several CPUs count at once, so a plain increment would lose some. */
static void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/*
 * The key of @p's process in owners. The fields of a task are loaded directly, as the kernel's
 * type information allows, because each call that reads one for the program takes longer than
 * all else that a bystander's exit costs. If another thread than the leader calls exec, it
 * becomes the leader and the kernel hands the start time of the old one on. So the key is
 * the same before and after, and a process keeps its seat.
 */
static struct life_process process_of(struct task_struct *p)
{
	struct life_process process = {
		.start = p->group_leader->start_boottime,
		.pid = p->tgid,
	};

	return process;
}

/* The life word of @owner, as it is while the process @pid lives. */
static __u64 life_of(__u64 owner, __u32 pid)
{
	return (owner & ~0xffffffffull) | pid;
}

/* The life word of @owner's seat; NULL: there is no such seat. */
static __u64 *word_of(__u64 owner)
{
	__u32 seat = (__u32)owner;

	return bpf_map_lookup_elem(&lives, &seat);
}

/*
 * Ends the life @life. One caller gets true, and does what has to be done once. A full
 * barrier on both sides: what the process did before its end is visible to a reader that
 * sees the life over, and so is nothing that the next holder of the seat does.
 */
static bool end_life(__u64 *word, __u64 life)
{
	return __sync_bool_compare_and_swap(word, life, (life & ~0xffffffffull) | LIFE_OVER);
}

/*
 * Whether the life of @owner goes on, and is that of process @pid. The pid is compared
 * too, so an element that was left in owners is never mistaken for the life of another
 * holder of the seat.
 */
static bool is_alive(__u64 owner, __u32 pid)
{
	__u64 *word = word_of(owner);

	return word && *(volatile __u64 *)word == life_of(owner, pid);
}

/*
 * How many of the seats @uid may take. The last ones are reserved for root by their
 * numbers. So they are free for root whatever others hold, and no counter has to be kept
 * right for that.
 */
static __u32 seats_of(struct life_control *c, __u32 uid)
{
	__u32 seats = c->seats, reserve = uid ? c->reserve : 0;

	return reserve < seats ? seats - reserve : 0;
}

struct search {
	__u32 first;
	__u32 pid;
	__u32 seat;
	__u32 found;
	__u64 changes; /* a sum that grows whenever one of the visited seats changes hands */
};

/*
 * Visits the @i-th seat from search->first on, and takes it if it is free. 1 ends the
 * search.
 *
 * The upper bits of a life word, the incarnation and LIFE_OVER below it, never decrease:
 * {n, pid}, {n, O}, {n, O, pid}, {n + 1, pid}. So if two searches that find nothing
 * compute the same sum of them, each of them is unchanged.
 */
static long visit_seat(__u32 i, struct search *search)
{
	__u32 seat = search->first + i;
	__u64 *word = bpf_map_lookup_elem(&lives, &seat);
	__u64 seen;

	if (!word)
		return 1;
	seen = *(volatile __u64 *)word;
	search->changes += seen >> LIFE_OVER_BIT;
	if ((__u32)seen && (__u32)seen != LIFE_OVER)
		return 0;
	/* If it fails another process was first, and the search goes on. */
	if (!__sync_bool_compare_and_swap(word, seen,
					  (seen & ~0xffffffffull) | LIFE_OVER | search->pid))
		return 0;
	search->seat = seat;
	search->found = 1;
	return 1;
}

/* Searches the seats from the first one on, with a new sum. */
static void search_all(struct search *search, __u32 seats)
{
	search->first = 0;
	search->changes = 0;
	bpf_loop(seats, visit_seat, search, 0);
}

/*
 * Takes a free seat for @pid to begin a life in. 0, or
 *   EUSERS     at one moment during the call no seat was free
 *   EAGAIN     each seat was taken when it was visited, but some changed hands meanwhile, so
 *              there may have been no such moment: a seat may have become free behind the search
 *              while another one was taken in front of it
 *   ESHUTDOWN  the guard is being stopped
 */
static int take_seat(struct life_control *c, __u32 pid, __u32 uid, __u32 *seat)
{
	__u32 seats = seats_of(c, uid);
	__u64 from = c->free_from, changes;
	struct search search = { .first = (__u32)from, .pid = pid };

	if (from < seats)
		bpf_loop(seats - (__u32)from, visit_seat, &search, 0);
	/* The hint may be past a seat that became free. */
	if (!search.found)
		search_all(&search, seats);
	if (!search.found) {
		changes = search.changes;
		/*
		 * Also a full barrier: the moment is that between the two searches, so no
		 * word of the second one may be read before the first one is complete.
		 */
		if (__sync_fetch_and_add(&c->stopping, 0))
			return ESHUTDOWN;
		search_all(&search, seats);
		if (!search.found)
			return search.changes == changes ? EUSERS : EAGAIN;
	}
	*seat = search.seat;
	/*
	 * Fails where give_back() has lowered the hint meanwhile, which is the better
	 * value.
	 */
	__sync_bool_compare_and_swap(&c->free_from, from, search.seat + 1ull);
	return 0;
}

/*
 * Lowers the hint to a seat that is free again. Low seats are given first, so that
 * registries use few of their rows.
 */
static void give_back(struct life_control *c, __u32 seat)
{
	__u64 from = c->free_from;

	if (seat < from)
		__sync_bool_compare_and_swap(&c->free_from, from, (__u64)seat);
}

/*
 * Begins a life in a seat that the caller has just taken, and returns its owner word.
 *
 * The incarnation is one that the seat has never had, so an owner word that a dead
 * process left anywhere in shared memory is never alive again. It is not 0 either: an
 * owner word of 0 means none. The exchange is a full barrier, so a reader of the life
 * sees the facts that were written before.
 */
static __u64 begin_life(__u64 *word, __u32 seat, __u32 pid)
{
	__u64 incarnation = ((*word >> LIFE_INCARNATION_SHIFT) + 1) & LIFE_INCARNATION_MASK;

	if (!incarnation)
		incarnation = 1;
	incarnation <<= LIFE_INCARNATION_SHIFT;
	__sync_lock_test_and_set(word, incarnation | pid);
	return incarnation | seat;
}

#endif
