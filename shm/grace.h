/* SPDX-License-Identifier: MIT */
/*
 * Grace periods across processes: when may memory that was unlinked be used again.
 *
 * Promises  what was unlinked before grace_stamp() is not used again before grace_is_past() says
 *           so, and until then every section that was open at the unlinking has ended, was
 *           expelled, or its process is dead.
 * Needs     what is unlinked is unlinked by a CAS. A section keeps to one thread.
 * Context   sections: wait-free, no system call. grace_advance(): one system call, never waits.
 * Used by   land, heap, and lib/ for its own sections and the users'.
 *
 * Three kinds of readers, and what each costs:
 *
 *   peek       a copying lookup. Writes nothing; looks at the epoch before and after, and starts again
 *              if two grace periods have passed meanwhile, because its memory may then be another's.
 *   reading    a section with pointers. Holds up the epoch for the registry's patience at most, then it is
 *              expelled and learns so when it leaves.
 *   writing    a call that unlinks or CASes. Never expelled: its CAS could hit a word that has
 *              come to mean something else.
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

/* Tells the kernel that this process takes part in global fences. 0: each thread fences itself. */
bool grace_join(void);

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
 * Begins the next epoch if nobody is in an older one. Returns 0; -EBUSY: somebody is, and @holder
 * (may be NULL) becomes the slot; -ENOTSUP: this process cannot tell.
 */
int grace_advance(const struct segment *s, const struct life_table *lives,
		  const struct slot **holder);

#endif
