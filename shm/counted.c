/* SPDX-License-Identifier: MIT */
/*
 * A sum that is kept, and what makes it void.
 *
 * header->counted is even or odd, and only grows:
 *
 *   word   means                                     becomes, by
 *   even   no process has made a sum since the       odd, + 1, by a process that is about to
 *          last change of a count                    make one
 *   odd    processes may have kept sums that are     even, + 1, by an owner that has changed
 *          right for this word                       its count
 *
 * So an owner writes this word once for many of its changes if nobody counts, and a process
 * that counts again while nothing changes reads this word and the lives. Both do: change, full
 * fence, look. An owner changes its row, then looks whether the word is odd. A process
 * makes it odd, then reads the rows. So an owner that finds it even has changed its row
 * before any sum for the next odd word begins.
 *
 * A death, and an exec that interrupts a call (interrupted.c), change sums too, and nobody
 * is left to say so. Life words only grow, except for pid and FUTEX_WAITERS. So the sum of
 * their other bits is the same only if no life has begun or ended. The guard counts execs,
 * after the image that a count depends on, and before exec returns.
 *
 *   killed, stopped or exec here            what others count
 *   count changed, not yet looked           killed: nothing, as its life is over; stopped:
 *                                           as before this call, which has not ended; exec:
 *                                           the number of execs has changed
 *   word odd, no sum made                   the next change makes it even
 *   sum being kept, in a signal handler,    this handle's private memory stays as it is,
 *     or in a child of fork()               and sums are made again each time
 */
#include "shm/counted.h"

/* What the sum to be made is right for: an odd word. 0: a reader cannot make it odd. */
static uint64_t begin_sum(const struct segment *s)
{
	/* relaxed: behind it is the fence */
	uint64_t word = load_relaxed(&s->header->counted);

	/* If it fails the word is odd by another process, or a change was made. */
	if (!(word & 1) && s->writable && cas_relaxed(&s->header->counted, &word, word + 1))
		word++;
	/*
	 * ORD[begin_sum:A] full: the word is odd, then the counts; pairs with row_void_sum:A
	 */
	full_fence();
	return word & 1 ? word : 0;
}

static uint64_t execs_of(const struct life_table *lives)
{
	/*
	 * ORD[execs_of:A] acquire: an exec, then the images; pairs with kernel
	 * count_exec() of bpf/image.bpf.h, which counts it after its image
	 */
	return lives->control ? load_acquire(&lives->control->execs) : 0;
}

/* Whether *counted holds for @now, whose sum becomes that of *counted then. */
static bool is_kept(const struct counted *counted, struct counted *now)
{
	/* ORD[is_kept:A] acquire: the turn, then the rest; pairs with keep:B */
	uint64_t turn = load_acquire(&counted->turn);
	bool same;

	if (turn & 1 || load_relaxed(&counted->word) != now->word) /* relaxed: see below */
		return false;
	/* relaxed: see below */
	same = load_relaxed(&counted->lives) == now->lives &&
	       load_relaxed(&counted->execs) == now->execs; /* relaxed: see below */
	now->sum = load_relaxed(&counted->sum);             /* relaxed: see below */
	/* ORD[is_kept:B] acquire: the rest, then the turn again; pairs with keep:A */
	fence_acquire();
	return same && load_relaxed(&counted->turn) == turn; /* relaxed: behind the fence */
}

/* Unless another thread is doing so, or this is a signal handler that has interrupted one. */
static void keep(struct counted *counted, const struct counted *now)
{
	uint64_t turn = load_relaxed(&counted->turn); /* relaxed: the CAS checks it */

	if (turn & 1 || !cas_relaxed(&counted->turn, &turn, turn + 1)) /* relaxed: as above */
		return;
	/* ORD[keep:A] full: the turn is odd, then the rest; pairs with is_kept:B */
	full_fence();
	store_relaxed(&counted->word, now->word);   /* relaxed: between the turns */
	store_relaxed(&counted->lives, now->lives); /* relaxed: between the turns */
	store_relaxed(&counted->execs, now->execs); /* relaxed: between the turns */
	store_relaxed(&counted->sum, now->sum);     /* relaxed: between the turns */
	/* ORD[keep:B] release: the rest, then the turn; pairs with is_kept:A */
	store_release(&counted->turn, turn + 2);
}

/*
 * Makes the sum. False: it may not be kept. What it is right for is read before it: what has
 * changed since then never comes back.
 */
static bool make_sum(const struct segment *s, const struct life_table *lives, struct counted *now)
{
	uint32_t doubts;

	now->word = begin_sum(s);
	now->execs = execs_of(lives);
	now->lives = life_sum(lives, row_end(s));
	now->sum = interrupted_sum(s, lives, NULL, &doubts);
	/* An owner in doubt may have been counted by a walk that failed. */
	return now->word && !doubts;
}

uint64_t counted_sum(const struct segment *s, const struct life_table *lives,
		     struct counted *counted)
{
	struct counted now;

	/*
	 * ORD[counted_sum:A] acquire: that a sum is void, then the counts and lives; pairs
	 * with row_void_sum:B
	 */
	now.word = load_acquire(&s->header->counted);
	if (now.word & 1) {
		now.execs = execs_of(lives);
		now.lives = life_sum(lives, row_end(s));
		if (is_kept(counted, &now))
			return now.sum;
	}
	if (make_sum(s, lives, &now))
		keep(counted, &now);
	return now.sum;
}
