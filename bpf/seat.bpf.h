/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Seats and their life words, as the guard's programs change them; and the guard's maps.
 *
 * Promises  each change of a life word is one compare-and-swap, or an exchange by whoever has taken the
 *           seat. A seat whose word is 0 or {n, O} is free; take_seat() finds it, whatever the hint says.
 * Needs     a program that runs to its end once it has taken a seat, be it preempted meanwhile.
 * Used by   bpf/guard.bpf.c, whose head has the states and what can fail.
 */
#ifndef KREG_SEAT_BPF_H
#define KREG_SEAT_BPF_H

#include "bpf/core.bpf.h"
#include "bpf/life_layout.h"

/* For tests: which steps fail. Constant when the programs are loaded, so 0 leaves no code. */
const volatile __u32 faults = 0;

static bool fails(__u32 fault)
{
	return faults & fault;
}

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
	__type(key, struct life_process);
	__type(value, __u64);
} owners SEC(".maps");

/* How many seats each user holds: {uid, count}. Root has no element. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} users SEC(".maps");

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

/* exec by another thread than the leader hands the start of the process on. */
static struct life_process process_of(struct task_struct *p)
{
	struct life_process process = {
		.start = BPF_CORE_READ(p, group_leader, start_boottime),
		.pid = BPF_CORE_READ(p, tgid),
	};

	return process;
}

/* The life word of @owner, as it is while the process @pid lives. */
static __u64 life_of(__u64 owner, __u32 pid)
{
	return (owner & ~0xffffffffull) | pid;
}

static __u64 *word_of(__u64 owner)
{
	__u32 seat = (__u32)owner;

	return bpf_map_lookup_elem(&lives, &seat);
}

/* One caller gets true. A full barrier on both sides. */
static bool end_life(__u64 *word, __u64 life)
{
	return __sync_bool_compare_and_swap(word, life, (life & ~0xffffffffull) | LIFE_OVER);
}

/* Whether the life of @owner goes on, and is that of process @pid. */
static bool is_alive(__u64 owner, __u32 pid)
{
	__u64 *word = word_of(owner);

	return word && *(volatile __u64 *)word == life_of(owner, pid);
}

/* How many of the seats are for @uid. The last ones are root's: so they are free for root, whatever others hold. */
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
	__u64 changes; /* grows whenever one of the seats that were seen changes hands */
};

/*
 * Visits the @i-th seat from search->first on, and takes it if it is free. 1 ends the search.
 *
 * The upper bits of a life word, the incarnation with LIFE_OVER below it, never decrease: {n, pid}, {n, O},
 * {n, O, pid}, {n + 1, pid}. So if their sum is the same in two searches that find nothing, no word has changed them.
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
	if (!__sync_bool_compare_and_swap(word, seen,
					  (seen & ~0xffffffffull) | LIFE_OVER | search->pid))
		return 0;
	search->seat = seat;
	search->found = 1;
	return 1;
}

static void search_all(struct search *search, __u32 seats)
{
	search->first = 0;
	search->changes = 0;
	bpf_loop(seats, visit_seat, search, 0);
}

/*
 * Takes a free seat for @pid to begin a life in. 0; EUSERS: at one moment during the call none was free; EAGAIN: each
 * was taken when it was visited, but some changed hands meanwhile, so there may have been no such moment; ESHUTDOWN.
 */
static int take_seat(struct life_control *c, __u32 pid, __u32 uid, __u32 *seat)
{
	__u32 seats = seats_of(c, uid);
	__u64 from = c->free_from, changes;
	struct search search = { .first = (__u32)from, .pid = pid };

	if (from < seats)
		bpf_loop(seats - (__u32)from, visit_seat, &search, 0);
	/* The hint may have passed by a seat that became free. */
	if (!search.found)
		search_all(&search, seats);
	if (!search.found) {
		changes = search.changes;
		/* A full barrier, too: the moment is that between the two searches. */
		if (__sync_fetch_and_add(&c->stopping, 0))
			return ESHUTDOWN;
		search_all(&search, seats);
		if (!search.found)
			return search.changes == changes ? EUSERS : EAGAIN;
	}
	*seat = search.seat;
	__sync_bool_compare_and_swap(&c->free_from, from, search.seat + 1ull);
	return 0;
}

/* Low seats first, so that few rows are in use. */
static void give_back(struct life_control *c, __u32 seat)
{
	__u64 from = c->free_from;

	if (seat < from)
		__sync_bool_compare_and_swap(&c->free_from, from, (__u64)seat);
}

/* The first life of a seat that has just been taken; its owner word. */
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
