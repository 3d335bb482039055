/* SPDX-License-Identifier: MIT */
/*
 * Grace periods across processes: when may memory that was unlinked be used again.
 *
 * Promises  what was unlinked before grace_stamp() is not used again before grace_is_past() says so and no
 *           hazard names it. Until then every section that was open at the unlinking has ended, was
 *           expelled, or its process is dead. A thread that is stopped in a call keeps SLOT_HAZARDS blocks
 *           from being used again at most, and never the epoch from going on.
 * Needs     what is unlinked is unlinked by a CAS. A section keeps to one thread. What a call has read in a
 *           write section is checked by grace_again() or grace_protect() before it is acted upon or returned.
 * Context   sections: wait-free, no system call. grace_advance(): a few system calls, never waits.
 * Used by   land, heap, table, gift, and lib/ for its own sections and the users'.
 *
 * Three kinds of readers, and what each costs:
 *
 *   peek       a copying lookup. Writes nothing; looks at the epoch before and after, and starts again
 *              if two grace periods have passed meanwhile, because its memory may then be another's.
 *   reading    a section with pointers. Holds up the epoch for the registry's patience at most, then it is
 *              expelled and learns so when it leaves.
 *   writing    a call that unlinks or CASes. Holds up the epoch for some milliseconds, or not at all where
 *              memory is short; then it is expelled, learns so at its next check, enters anew and does that
 *              step once more. What its next CAS relies on is named by hazards, which keep it as it is
 *              although the section was expelled after the check.
 */
#ifndef KREG_SHM_GRACE_H
#define KREG_SHM_GRACE_H

#include "shm/segment.h"

/* What a step that changes the table needs: one for each thread, made with its slot. */
struct writer {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self;
	struct slot *slot;
};

/* What the place in each of a slot's hazards is to its call. */
enum hazard {
	HAZARD_LINK, /* the block that holds the link to be CASed; 0: that is a bucket's */
	HAZARD_NEXT, /* the block that this link leads to */
	HAZARD_OWN,  /* the entry that the call acts upon: found, unregistered, replaced */
	HAZARD_NEW,  /* the entry that the call links, named before */
};

/*
 * Tells the kernel that this process takes part in global fences. False: the kernel refuses that, or its
 * own fences; then each of its threads fences for itself, and so do those of others once it has opened @s
 * with grace_refused().
 */
bool grace_join(void);
void grace_refused(const struct segment *s);

/* A barrier on all CPUs that run a process which has joined. False: refused. */
bool grace_fence(void);

/*
 * A slot for the calling thread. NULL: all are taken by threads of living processes. @joined is
 * what grace_join() said.
 */
struct slot *grace_slot_take(const struct segment *s, const struct life_table *lives,
			     const struct life_self *self, bool joined);
void grace_slot_return(struct slot *slot);

/*
 * Whether exec has interrupted a call of the thread that had @slot, and the process lives on: then the slot,
 * whose owner is *word, is kept for interrupted.c.
 */
bool grace_slot_is_interrupted(const struct life_table *lives, const struct slot *slot,
			       uint64_t *word);

/* Frees the slot of a thread that is gone, if it is still that of @word. */
void grace_slot_free(struct slot *slot, uint64_t word);

void grace_write_enter(const struct segment *s, struct slot *slot);
void grace_write_leave(struct slot *slot);

void grace_read_enter(const struct segment *s, struct slot *slot);
/* -ESTALE: expelled; what was read may be wrong. */
int grace_read_leave(struct slot *slot);

/* Enters a write section anew from which the thread was expelled. The hazards stay. */
void grace_write_renew(const struct writer *w);

/*
 * Changes with each such entering: what is kept from one step of a call to the next, as a walk is, and is named by no
 * hazard, is worth nothing when this is another number, because a step between may have noticed the expulsion.
 */
static inline uint16_t grace_renewals(const struct writer *w)
{
	return load_relaxed(&w->slot->expulsions); /* relaxed: our own */
}

static inline bool grace_fences_itself(const struct segment *s, const struct slot *slot)
{
	/* relaxed: see grace.c, on kernels that refuse membarrier */
	return caa_unlikely(load_relaxed(&slot->fenced) || load_relaxed(&s->header->fence_since));
}

/* Names @place. What it means is only known by the next check. */
static inline void grace_name(const struct writer *w, enum hazard which, place_t place)
{
	/*
	 * ORD[grace_name:A] release: the CAS that relied on the last name, then the next one; pairs with
	 * hazards_read:A
	 */
	store_release(&w->slot->hazards[which], place);
}

/*
 * The check. True: the section was expelled; it is entered anew, and what was read before may be wrong.
 * False: all of that was right, and what the hazards name now stays as it is while they do.
 */
static inline bool grace_again(const struct writer *w)
{
	/*
	 * ORD[grace_again:A] compiler and acquire: the hazards and what was read, then the slot. The rest
	 * of the first is paid by whoever expels, unless the kernel refused that; pairs with
	 * word_expel:A, grace_advance:D
	 */
	compiler_fence();
	if (grace_fences_itself(w->s, w->slot))
		full_fence();
	else
		fence_acquire();
	if (caa_likely(load_relaxed(&w->slot->writing) != SLOT_EXPELLED)) /* relaxed: behind it */
		return false;
	grace_write_renew(w);
	return true;
}

/* Names @place and checks. False: the section was entered anew, and the step is to begin again. */
static inline bool grace_protect(const struct writer *w, enum hazard which, place_t place)
{
	grace_name(w, which, place);
	return !grace_again(w);
}

/* For peeks: the epoch before, and whether it still holds after all has been copied. */
static inline uint64_t grace_peek(const struct segment *s)
{
	/*
	 * ORD[grace_peek:A] acquire: the epoch, then the links; pairs with grace_advance:C
	 */
	return load_acquire(&s->header->epoch);
}

static inline bool grace_peek_held(const struct segment *s, uint64_t before)
{
	/*
	 * ORD[grace_peek_held:A] acquire: what was copied, then the epoch: bytes of a block's next
	 * life come with an epoch that is two later; pairs with grace_advance:C
	 */
	fence_acquire();
	return load_relaxed(&s->header->epoch) - before < 2; /* relaxed: after the fence */
}

/* To be asked right after the unlinking. */
uint64_t grace_stamp(const struct segment *s);
bool grace_is_past(const struct segment *s, uint64_t stamp);

/*
 * Which places are named by the hazards of living threads, for all that is to be used again in one go.
 * Good for stamps that are past in its epoch.
 */
#define NAMED_MAX 128u

struct grace_named {
	uint64_t epoch;
	uint32_t count; /* NAMED_MAX + 1: more than that, so all of them are */
	place_t places[NAMED_MAX];
};
void grace_named_read(const struct segment *s, const struct life_table *lives,
		      struct grace_named *out);

/*
 * Whether what was retired at @stamp may be used again: @size lines from @place on. @named is 0 at first
 * and read here when it is needed.
 */
bool grace_is_free(const struct segment *s, const struct life_table *lives,
		   struct grace_named *named, uint64_t stamp, place_t place, uint32_t size);

/* Whether a writer that is in the way is given some milliseconds. */
enum grace_hurry {
	GRACE_PATIENT,
	GRACE_AT_ONCE, /* memory is short */
};

/*
 * Begins the next epoch if nobody is in an older one. Returns 0; -EBUSY: a reader is, and @holder (may be
 * NULL) becomes its slot; -EAGAIN: a writer is, or the kernel refuses to fence and sections have not fenced
 * for themselves long enough: it will be possible in a second at most.
 */
int grace_advance(const struct segment *s, const struct life_table *lives, enum grace_hurry hurry,
		  const struct slot **holder);

#endif
