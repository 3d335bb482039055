/* SPDX-License-Identifier: MIT */
/*
 * A seat without privilege: the kernel ends the life through the robust futex list.
 *
 * A thread, the keeper, tells the kernel by set_robust_list() where the low half of the life word
 * is, writes its TID there and sleeps. When the program ends, by a signal, by exit or by exec, the
 * kernel walks the list in exit_mm_release(), finds the TID of the very thread that is ending, and
 * replaces it by FUTEX_OWNER_DIED. That is before wait(2) can return, because the process is
 * a zombie only once all its threads are.
 *
 * The list is one node in private memory, with the futex_offset as the distance from there to the
 * word. The node is announced as the pending operation before the word is taken, as glibc does for
 * its mutexes, so there is no moment at which the word holds our TID and the kernel does not know:
 *
 *   killed here                        the kernel finds            and the word
 *   before the CAS                     a word that is not ours     stays as it was
 *   after it, before the list is set   it as the pending one       is over
 *   after that                         it in the list              is over
 *
 * Sources: the kernel's Documentation/locking/robust-futex-ABI.rst; kernel/futex/core.c,
 * handle_futex_death(), read in 6.1 to 6.18.
 */
#include "shm/life.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#include "shm/background.h"

struct life_keeper {
	struct robust_list_head head;
	struct robust_list node;
	uint64_t *words;
	uint32_t seats;
	pthread_t thread;
	sem_t told;  /* the keeper: the seat is taken, or there is none */
	sem_t asked; /* life_robust_detach(): give it back */
	owner_t owner;
};

_Static_assert(LIFE_OVER == FUTEX_OWNER_DIED, "the kernel writes it");
_Static_assert(LIFE_PID_MASK == FUTEX_TID_MASK, "the kernel compares it");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the word's first half");

/* Points the kernel at @word as what we may be taking just now. */
static void keeper_announce(struct life_keeper *keeper, uint64_t *word)
{
	keeper->head.futex_offset = (char *)word - (char *)&keeper->node;
	/*
	 * ORD[keeper_announce:A] compiler only: the offset, then the pending node, then the CAS
	 * of the word; pairs with kernel exit_robust_list, which reads them in this very thread
	 */
	compiler_fence();
	keeper->head.list_op_pending = &keeper->node;
	compiler_fence();
}

static bool keeper_take(struct life_keeper *keeper, uint32_t seat, uint32_t tid)
{
	uint64_t *word = &keeper->words[seat];
	uint64_t incarnation, next, seen;

	/* relaxed: a look that the CAS repeats */
	seen = load_relaxed(word);
	if ((uint32_t)seen && !(seen & LIFE_OVER))
		return false;
	incarnation = ((seen >> LIFE_INCARNATION_SHIFT) + 1) & LIFE_INCARNATION_MASK;
	if (!incarnation)
		incarnation = 1;
	next = incarnation << LIFE_INCARNATION_SHIFT | tid;
	keeper_announce(keeper, word);
	/*
	 * ORD[keeper_take:A] acq_rel: the last holder's end, then what we do in its seat; pairs
	 * with kernel handle_futex_death and keeper_give_back:A
	 */
	if (!cas_acq_rel(word, &seen, next)) /* happens here */
		return false;
	keeper->owner = owner_of(next, seat);
	keeper->head.list.next = &keeper->node;
	keeper->node.next = &keeper->head.list;
	compiler_fence();
	keeper->head.list_op_pending = NULL;
	return true;
}

static void keeper_give_back(struct life_keeper *keeper)
{
	uint64_t *word = &keeper->words[owner_seat(keeper->owner)];

	/*
	 * ORD[keeper_give_back:A] release: all that was done in this seat, then its end; pairs
	 * with keeper_take:A
	 */
	store_release(word, (keeper->owner & ~0xffffffffull) | LIFE_OVER); /* happens here */
	keeper->head.list.next = &keeper->head.list;
}

/* For the calling thread. Without a free seat the keeper has no owner. */
static void keeper_take_any(struct life_keeper *keeper)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	uint32_t seat;

	keeper->head.list.next = &keeper->head.list;
	if (!syscall(SYS_set_robust_list, &keeper->head, sizeof(keeper->head))) {
		for (seat = 0; seat < keeper->seats && !keeper->owner; seat++)
			keeper_take(keeper, seat, tid);
	}
	keeper->head.list_op_pending = NULL;
}

static void *keeper_run(void *data)
{
	struct life_keeper *keeper = data;

	keeper_take_any(keeper);
	sem_post(&keeper->told);
	while (sem_wait(&keeper->asked))
		;
	if (keeper->owner)
		keeper_give_back(keeper);
	return NULL;
}

static void keeper_stop(struct life_keeper *keeper)
{
	sem_post(&keeper->asked);
	pthread_join(keeper->thread, NULL);
	sem_destroy(&keeper->told);
	sem_destroy(&keeper->asked);
	free(keeper);
}

int life_robust_attach(struct life_self *out, uint64_t *words, uint32_t seats)
{
	struct life_keeper *keeper = calloc(1, sizeof(*keeper));
	int err;

	if (!keeper)
		return -ENOMEM;
	keeper->words = words;
	keeper->seats = seats;
	sem_init(&keeper->told, 0, 0);
	sem_init(&keeper->asked, 0, 0);
	err = background_start(&keeper->thread, keeper_run, keeper);
	if (err) {
		sem_destroy(&keeper->told);
		sem_destroy(&keeper->asked);
		free(keeper);
		return err;
	}
	while (sem_wait(&keeper->told))
		;
	if (!keeper->owner) {
		keeper_stop(keeper);
		return -EUSERS;
	}
	out->owner = keeper->owner;
	out->pid = (uint32_t)getpid();
	out->image = 0;
	out->keeper = keeper;
	return 0;
}

void life_robust_detach(struct life_self *self)
{
	if (!self->keeper)
		return;
	keeper_stop(self->keeper);
	self->keeper = NULL;
	self->owner = 0;
}

int life_robust_hold(struct life_self *out, uint64_t *words, uint32_t seats)
{
	/* Each process that comes here is a child of fork(), and has its own. */
	static struct life_keeper keeper;

	keeper = (struct life_keeper){ .words = words, .seats = seats };
	keeper_take_any(&keeper);
	if (!keeper.owner)
		return -EUSERS;
	*out = (struct life_self){ .owner = keeper.owner, .pid = (uint32_t)getpid() };
	out->keeper = &keeper;
	return 0;
}

void life_robust_let_go(struct life_self *self)
{
	keeper_give_back(self->keeper);
}

uint32_t *life_robust_listen(uint64_t *words, owner_t owner, uint32_t *seen)
{
	uint64_t *word = &words[owner_seat(owner)];
	uint64_t life = load_relaxed(word); /* relaxed: the CAS looks again */

	do {
		if (!life_word_is(life, owner))
			return NULL;
		/* relaxed: the kernel's cmpxchg of the same word comes before or after it */
	} while (!(life & FUTEX_WAITERS) && !cas_relaxed(word, &life, life | FUTEX_WAITERS));
	*seen = (uint32_t)(life | FUTEX_WAITERS);
	return (uint32_t *)word;
}

void life_robust_wake(uint64_t *words, owner_t owner)
{
	uint64_t *word = &words[owner_seat(owner)];

	if (!life_word_is(load_relaxed(word), owner)) /* relaxed: whoever wakes looks again */
		syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void life_robust_forget(struct life_self *self)
{
	free(self->keeper);
	self->keeper = NULL;
}
