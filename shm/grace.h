/* SPDX-License-Identifier: MIT */
/*
 * Grace periods across processes: when memory that was unlinked may be reused.
 *
 * A reader of the shared list takes no lock, so an unlinked block may still be in use by
 * any thread of any process. It is reused only when no such reader can be left, and this
 * is decided without waiting for one: a reader that stays is expelled, a dead one does
 * not count.
 *
 * Promises  memory unlinked before grace_stamp() is not reused before grace_is_past() is
 *           true and no hazard names it. By then every section that was open at the
 *           unlinking has ended or was expelled, or its process is dead. A thread that
 *           is stopped in a call keeps at most SLOT_HAZARDS blocks from being reused,
 *           and never the epoch from advancing.
 * Needs     memory is unlinked by a CAS. A section stays with one thread. What a call
 *           has read in a write section is checked by grace_again() or grace_protect()
 *           before it is acted upon or returned.
 * Context   sections: wait-free, no system call. grace_advance(): a few system calls,
 *           never waits.
 * Used by   land, heap, table, gift, and lib/ for its own sections and the users'.
 *
 * There are three kinds of readers:
 *
 *   peek       a copying lookup. Writes nothing. It reads the epoch before and after, and
 *              starts over if two grace periods have passed in between, because what it
 *              read may then be another block's content.
 *   reading    a section with pointers. It blocks the epoch for the registry's patience
 *              at most, is then expelled, and gets an error when it leaves.
 *   writing    a call that unlinks or CASes. It blocks the epoch for some milliseconds,
 *              or not at all where memory is short; is then expelled, notices that at its
 *              next check, enters again and repeats that step. What its next CAS relies
 *              on is named by hazards, which keep it unchanged although the section was
 *              expelled after the check.
 */
#ifndef KREG_SHM_GRACE_H
#define KREG_SHM_GRACE_H

#include <errno.h>

#include "shm/segment.h"

/*
 * What a step that changes the table needs. One for each thread, made together with its
 * slot, private to it; constant. @slot is taken by grace_slot_take() for @self.
 */
struct writer {
	const struct segment *s;
	const struct life_table *lives;
	owner_t self;
	struct slot *slot;
};

/*
 * The use that a call makes of each of its slot's hazards. A place stays in its hazard
 * until the next one is stored there, so a function may rely on those of its caller only
 * where they are not the ones that it sets.
 */
enum hazard {
	/*
	 * The block that holds the link to be CASed; 0: it is a bucket's link, which is
	 * never freed. Without it the CAS could hit that word in another entry's block.
	 */
	HAZARD_LINK,
	/*
	 * The block that this link leads to. Without it the CAS could succeed because a
	 * new entry lies at the same place as the one that was seen (ABA).
	 */
	HAZARD_NEXT,
	/* The entry that the call acts upon: found, unregistered, replaced. */
	HAZARD_OWN,
	/*
	 * The entry that the call links. Named before the CAS: right after it, another
	 * thread may unlink and retire it while the call still uses it.
	 */
	HAZARD_NEW,
};

/*
 * Registers this process for global fences (membarrier(2)). Once for each program before
 * its first section: the registration belongs to the address space, and exec drops it.
 * False: the kernel refuses to register, or to fence. Then each thread of this process
 * fences for itself, and once grace_refused() was called, so do those of all processes
 * that have @s open.
 */
bool grace_join(void);
void grace_refused(const struct segment *s);

/* A memory barrier on all CPUs that run a process which has joined. False: refused. */
bool grace_fence(void);

/*
 * Whether all sections have been fencing for themselves for so long that nobody has to fence for
 * them. Where grace_fence() is refused that is so after GRACE_SETTLED_NS at most.
 */
bool grace_sections_fence(const struct segment *s);
#define GRACE_SETTLED_NS 1000000000ull

/*
 * Takes a slot for the calling thread; @joined is the result of grace_join(). -ENOBUFS:
 * all slots are taken by threads of living processes; -ENOSPC: no memory for another one.
 * The slot stays the thread's until grace_slot_return(), or until its program ends.
 */
int grace_slot_take(const struct segment *s, const struct life_table *lives,
		    const struct life_self *self, bool joined, struct slot **out);
/* The thread must be outside of all sections; it must not use @slot afterwards. */
void grace_slot_return(struct slot *slot);

/*
 * Whether exec has interrupted a call of the thread that had @slot, and its process lives
 * on. Then the slot, whose owner is *word, must not be taken, as what the call has left
 * undone is known by it alone (interrupted.c).
 */
bool grace_slot_is_interrupted(const struct life_table *lives, const struct slot *slot,
			       uint64_t *word);

/* Frees the slot of a thread that is gone, if its owner is still @word. */
void grace_slot_free(struct slot *slot, uint64_t word);

/* Enters a write section again from which the thread was expelled. The hazards stay. */
void grace_write_renew(const struct writer *w);

/*
 * Changes with each grace_write_renew(). A value that a call keeps across several steps
 * and that no hazard names, such as the position of a walk, is void when this number has
 * changed: a step in between may have noticed the expulsion and entered again.
 */
static inline uint16_t grace_renewals(const struct writer *w)
{
	/* relaxed: written by this thread alone */
	return load_relaxed(&w->slot->expulsions);
}

/*
 * Whether a section of a slot whose fenced is @fenced has to execute its own fence, as no
 * advancer can do it for it.
 */
static inline bool grace_fences_itself(const struct segment_header *header, bool fenced)
{
	/*
	 * relaxed: a thread that misses fence_since is covered by the second that grace.c
	 * waits
	 */
	return caa_unlikely(fenced) || caa_unlikely(load_operand(&header->fence_since));
}

/*
 * Opens a section in @word, slot->reading or slot->writing, of a slot whose fenced is @fenced.
 * Also used to enter again: the word is SLOT_EXPELLED then and replaced.
 */
static inline void grace_enter_in(const struct segment_header *header, uint64_t *word, bool fenced)
{
	/*
	 * ORD[grace_enter_in:B] acquire: the epoch, then what the section reads: what was
	 * unlinked before that epoch is not found; pairs with grace_advance:C
	 */
	uint64_t epoch = load_acquire(&header->epoch);

	/* relaxed: the fences below order it */
	store_relaxed(word, epoch << 2 | 1);
	/*
	 * ORD[grace_enter_in:A] compiler only: the slot, then what the section reads. If a
	 * read came first, an advancer could see an empty slot and free what was read.
	 * The CPU's part is executed by the advancer's global fence, unless the kernel
	 * refuses that; pairs with grace_advance:A
	 */
	compiler_fence();
	if (grace_fences_itself(header, fenced))
		full_fence();
}

static inline void grace_enter(const struct segment *s, struct slot *slot, uint64_t *word)
{
	/* relaxed: written by this thread alone */
	grace_enter_in(s->header, word, load_relaxed(&slot->fenced));
}

/* Also ends a section that was expelled. */
static inline void grace_leave(uint64_t *word)
{
	/*
	 * ORD[grace_leave:A] release: what the section read, then the slot. Were the slot
	 * empty first, memory could be reused under the section's last reads; pairs with
	 * grace_advance:B, call_in:A, look_inside:A
	 */
	store_release(word, 0ull);
}

/*
 * A write section, around a call that changes the table. Does not nest. The owner alone
 * calls these; grace_write_leave() also after an expulsion.
 */
static inline void grace_write_enter(const struct segment *s, struct slot *slot)
{
	store_relaxed(&slot->expulsions, (uint16_t)0); /* relaxed: a hint */
	/*
	 * Of the last call; left there, it would look as if this one were about to link
	 * something (index_level.c). relaxed: it names nothing that is relied upon
	 */
	store_relaxed(&slot->hazards[HAZARD_NEW], 0u);
	grace_enter(s, slot, &slot->writing);
}

static inline void grace_write_leave(struct slot *slot)
{
	grace_leave(&slot->writing);
}

/*
 * A read section. Write sections may be inside; another read section may not. Between the two
 * slot->reading is never 0.
 */
static inline void grace_read_enter(const struct segment *s, struct slot *slot)
{
	grace_enter(s, slot, &slot->reading);
}

/*
 * Ends a read section that goes on. False: it was expelled, or the thread is in none, and nothing
 * is changed.
 */
static inline bool grace_read_leaves(struct slot *slot)
{
	/*
	 * ORD[grace_read_leaves:A] acquire: what the section read, then whether it was
	 * expelled: bytes of a block's next use become visible together with the mark;
	 * pairs with word_expel:A
	 */
	fence_acquire();
	/* relaxed: after the fence */
	if (caa_unlikely(!(load_operand(&slot->reading) & 1)))
		return false;
	grace_leave(&slot->reading);
	return true;
}

/* -ESTALE: it was expelled, and what was read in it may be wrong. */
static inline int grace_read_leave(struct slot *slot)
{
	if (grace_read_leaves(slot))
		return 0;
	grace_leave(&slot->reading);
	return -ESTALE;
}

/*
 * Names @place. The hazard protects it from the next check on, if that succeeds: the
 * block may have been freed before the name was visible.
 */
static inline void grace_name(const struct writer *w, enum hazard which, place_t place)
{
	/*
	 * ORD[grace_name:A] release: the CAS that relied on the previous name, then the
	 * next one; pairs with hazards_read:A, index_some_link_late:A
	 */
	store_release(&w->slot->hazards[which], place);
}

/*
 * The check. False: all that was read since the last check was right, and what the
 * hazards name stays as it is while they do. True: the section was expelled and is
 * entered again here; everything read before may be wrong, so the step starts over.
 */
static inline bool grace_again(const struct writer *w)
{
	/*
	 * ORD[grace_again:A] compiler and acquire: the hazards and what was read, then
	 * the slot. In the other order an expulsion could fall between: the advancer
	 * would not see the hazards, and this check would not see the expulsion. The
	 * CPU's part of the first is executed by the advancer's global fence, unless the
	 * kernel refuses that; pairs with word_expel:A, grace_advance:D
	 */
	compiler_fence();
	/* relaxed: written by this thread alone */
	if (grace_fences_itself(w->s->header, load_relaxed(&w->slot->fenced)))
		full_fence();
	else
		fence_acquire();
	/* relaxed: behind the fence */
	if (caa_likely(load_relaxed(&w->slot->writing) != SLOT_EXPELLED))
		return false;
	grace_write_renew(w);
	return true;
}

/* Names @place and checks. False: the section was entered again; the step starts over. */
static inline bool grace_protect(const struct writer *w, enum hazard which, place_t place)
{
	grace_name(w, which, place);
	return !grace_again(w);
}

/*
 * A peek: the epoch before it reads, and whether what it has read still holds. Between
 * the two it must copy everything that it needs, and must expect any content.
 */
static inline uint64_t grace_peek(const struct segment *s)
{
	/*
	 * ORD[grace_peek:A] acquire: the epoch, then the links. Were a link read first,
	 * its block could be freed before the epoch that is taken for the start; pairs
	 * with grace_advance:C
	 */
	return load_acquire(&s->header->epoch);
}

static inline bool grace_peek_held(const struct segment *s, uint64_t before)
{
	/*
	 * ORD[grace_peek_held:A] acquire: what was copied, then the epoch. Bytes of a
	 * block's next use become visible together with an epoch that is two later; pairs
	 * with grace_advance:C
	 */
	fence_acquire();
	/* The usual case is one comparison. relaxed: after the fence */
	return caa_likely(load_relaxed(&s->header->epoch) == before) ||
	       load_relaxed(&s->header->epoch) - before < 2; /* relaxed: as above */
}

/*
 * The stamp of memory that was just unlinked. Called before the unlinking it could be one
 * too small, and the memory would be reused while a reader is in it.
 */
static inline uint64_t grace_stamp(const struct segment *s)
{
	/*
	 * ORD[grace_stamp:A] full: the unlinking, then the epoch. A process that begins a
	 * later epoch has the unlinking before it, so sections of that epoch cannot find
	 * the block; pairs with grace_advance:C. The unlinking was a CAS, of this thread or
	 * of one whose result this thread has loaded: on x86 nothing more is needed
	 */
	fence_after_cas();
	return load_relaxed(&s->header->epoch); /* relaxed: after the fence */
}

/*
 * Whether all sections that could stand in memory of that stamp are over. That is not
 * enough for reuse: hazards may name it, see grace_is_free().
 */
static inline bool grace_is_past(const struct segment *s, uint64_t stamp)
{
	/*
	 * ORD[grace_is_past:A] acquire: the epoch, then the reuse; pairs with
	 * grace_advance:C
	 */
	return load_acquire(&s->header->epoch) - stamp >= 2;
}

/*
 * The places that the hazards of living threads name, read once for all memory that a
 * caller is about to reuse. Valid for stamps that are past in @epoch; grace_is_free()
 * reads it again for others.
 */
#define NAMED_MAX 128u

struct grace_named {
	/* Loaded before the hazards; 0: not read yet. */
	uint64_t epoch;
	/* NAMED_MAX + 1: there are more, so the slots themselves are searched. */
	uint32_t count;
	place_t places[NAMED_MAX];
};
void grace_named_read(const struct segment *s, const struct life_table *lives,
		      struct grace_named *out);

/*
 * Whether memory retired at @stamp, @size lines from @place on, may be reused. The caller
 * zeroes @named first and passes the same one for all that it looks at; the hazards are
 * read here when they are first needed.
 */
bool grace_is_free_of(const struct segment *s, const struct life_table *lives,
		      struct grace_named *named, uint64_t stamp, place_t place, uint32_t size);

static inline bool grace_is_free(const struct segment *s, const struct life_table *lives,
				 struct grace_named *named, uint64_t stamp, place_t place,
				 uint32_t size)
{
	if (!grace_is_past(s, stamp))
		return false;
	/* Mostly nothing is named. */
	if (caa_likely(named->epoch && named->epoch - stamp >= 2 && named->epoch >= stamp &&
		       !named->count))
		return true;
	return grace_is_free_of(s, lives, named, stamp, place, size);
}

/* How much time a writer in an older epoch is given before it is expelled. */
enum grace_hurry {
	/*
	 * Some milliseconds, more each time: the usual case, where nobody waits for
	 * memory.
	 */
	GRACE_PATIENT,
	/* None: memory is short. */
	GRACE_AT_ONCE,
};

/*
 * Begins the next epoch if no section of an older one is open. Sections that have stayed
 * too long are expelled. An open section of the caller's own counts as any other's.
 *
 * 0: the epoch has advanced, by this call or another. -EBUSY: a reader blocks it, and
 * @holder (may be NULL) becomes its slot. -EAGAIN: a writer does, or the kernel refuses
 * to fence and sections have not been fencing for themselves long enough; it will be
 * possible in a second at most.
 */
int grace_advance(const struct segment *s, const struct life_table *lives, enum grace_hurry hurry,
		  const struct slot **holder);

#endif
