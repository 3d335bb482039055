/* SPDX-License-Identifier: MIT */
/*
 * A seat without privilege: the kernel ends the life through the robust futex list.
 *
 * A thread, the keeper, announces to the kernel by set_robust_list() where the low half
 * of the life word is, writes its TID there and sleeps. When the program ends, by a
 * signal, by exit or by exec, the kernel walks the list in exit_mm_release(), finds the
 * TID of the very thread that is ending, and replaces it by FUTEX_OWNER_DIED. That is
 * before wait(2) can return, because the process is a zombie only once all its threads
 * are.
 *
 * The list is one node, with the futex_offset as the distance from there to the word.
 * Head and node lie in shared memory: the OOM reaper and process_mrelease(2) drop private
 * memory before a killed process gets as far as exit_mm_release(), and a list in there
 * would be gone. A child of fork() does not get that page (MADV_DONTFORK), so it can
 * neither write to the parent's list nor unmap it.
 *
 * The kernel knows a holder by the TID only, which processes of two PID namespaces may
 * have at once. So a word may be announced to the kernel only as long as no other process
 * takes it: it is claimed first, by a word that is over for all others, and claimed again
 * before it is given back.
 *
 *   word              means           step                            killed after it
 *   0, {n, O}         free            1 CAS to {n + 1, O, TID}        a claim without a holder
 *   {n + 1, O, TID}   claimed, over   2 announce it as pending        the kernel: {n + 1, O}
 *                                     3 CAS to {n + 1, TID}: alive    the life is over
 *   {n + 1, TID}      alive           4 the list gets the node        the same
 *                                     5 nothing is pending            the same
 *                                     6 store {n + 1, O, TID}: over   the kernel: {n + 1, O}
 *   {n + 1, O, TID}   claimed, over   7 empty the list                a claim without a holder
 *                                     8 CAS to {n + 1, O}             free
 *
 * A keeper that is killed after 1 or 7, which are two stores long, leaves a claim that
 * keeps the seat from use. When no other seat is free, the claim is taken over, by a
 * thread with another TID than the claim's: otherwise the kernel would take the new
 * holder for the claimant if that were stopped between 2 and 3 and killed there. One case
 * remains: the claimant is stopped there while no other seat is free, the seat goes from
 * the one that took it over to a third, of another PID namespace and with the claimant's
 * TID, and the claimant is killed before it runs on.
 *
 * Other things that end a thread, or its list, have no effect here: exec by any thread
 * ends the keeper in de_thread(); a child of vfork() has no list; glibc's list is another
 * thread's or was replaced by ours; no other code knows the thread, so it is neither
 * cancelled nor joined; a signal ends all threads or none.
 *
 * Sources: the kernel's Documentation/locking/robust-futex-ABI.rst; kernel/futex/core.c,
 * handle_futex_death(), and mm/oom_kill.c, __oom_reap_task_mm(), read in 6.1 to 6.18.
 */
#include "shm/life.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "base/background.h"
#include "base/kernel.h"
#include "base/process.h"

/*
 * What the kernel reads at the thread's end; in a page of its own. Written by the keeper
 * only: the kernel walks the list in the context of that thread, so plain stores and a
 * compiler fence are enough.
 */
struct keeper_list {
	struct robust_list_head head;
	struct robust_list node;
};

/*
 * One keeper thread and its seat. Private to the process. The keeper writes @tid, @err
 * and @owner before it posts @answered, and other threads read them after they have waited
 * for that.
 */
struct life_keeper {
	struct keeper_list *list;
	uint64_t *words;
	uint32_t seats;
	uint32_t tid;
	/* -EPERM, -ENOSYS: gettid(2), set_robust_list(2) is refused, by a filter */
	int err;
	struct background thread;
	/* posted by the keeper: the seat is taken, or there is none */
	sem_t answered;
	/* posted by life_robust_detach(): give it back */
	sem_t asked;
	owner_t owner;
};

/*
 * A claim is kept for a few instructions; it counts as abandoned after this long. If a
 * keeper was merely stopped in step 2, its CAS in step 3 fails, and it looks for another
 * seat.
 */
#define CLAIM_NANOSECONDS 10000000

_Static_assert(LIFE_OVER == FUTEX_OWNER_DIED, "the kernel writes it");
_Static_assert(LIFE_PID_MASK == FUTEX_TID_MASK, "the kernel compares it");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the word's first half");

/*
 * An empty list in a shared page that fork() does not copy. Without MADV_DONTFORK a child
 * could empty the parent's list, and the parent's death would then end no life. -ENOMEM,
 * or what madvise(2) has.
 */
static int list_new(struct life_keeper *keeper)
{
	void *at = mmap(NULL, sizeof(*keeper->list), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err;

	if (at == MAP_FAILED)
		return -ENOMEM;
	if (kernel_madvise(at, sizeof(*keeper->list), MADV_DONTFORK)) {
		err = -errno;
		munmap(at, sizeof(*keeper->list));
		return err;
	}
	keeper->list = at;
	keeper->list->head.list.next = &keeper->list->head.list;
	return 0;
}

static void list_free(struct life_keeper *keeper)
{
	munmap(keeper->list, sizeof(*keeper->list));
}

/*
 * Whether a thread of @tid may claim the seat; @abandoned: claims of others count as
 * free. A claim with our own TID never does: see the head.
 */
static bool word_is_free(uint64_t seen, uint32_t tid, bool abandoned)
{
	uint32_t holder = seen & LIFE_PID_MASK;

	return !holder || (abandoned && (seen & LIFE_OVER) && holder != tid);
}

/*
 * Step 1. Returns the claim, which is not announced yet, or 0. The incarnation goes up
 * here and not at the end of a life: the kernel, which ends lives, only sets a bit.
 */
static uint64_t keeper_claim(struct life_keeper *keeper, uint64_t *word, bool abandoned)
{
	/* relaxed: a look that the CAS repeats */
	uint64_t seen = load_relaxed(word), incarnation;

	if (!word_is_free(seen, keeper->tid, abandoned))
		return 0;
	incarnation = ((seen >> LIFE_INCARNATION_SHIFT) + 1) & LIFE_INCARNATION_MASK;
	/* An incarnation of 0 would make the owner word one that stands for no owner. */
	if (!incarnation)
		incarnation = 1;
	incarnation = incarnation << LIFE_INCARNATION_SHIFT | LIFE_OVER | keeper->tid;
	/* relaxed: the CAS that makes it alive orders all */
	return cas_relaxed(word, &seen, incarnation) ? incarnation : 0;
}

/*
 * Steps 1 to 5 for one seat, in the keeper's thread, whose list is empty and where
 * nothing is pending. False: the seat is another's.
 */
static bool keeper_take(struct life_keeper *keeper, uint32_t seat, bool abandoned)
{
	struct keeper_list *list = keeper->list;
	uint64_t *word = &keeper->words[seat];
	uint64_t claim;

	/*
	 * Before step 1: from the claim to its announcement there is one store then, and
	 * fewer claims are left without a holder.
	 */
	list->head.futex_offset = (char *)word - (char *)&list->node;
	claim = keeper_claim(keeper, word, abandoned);
	if (!claim)
		return false;
	/*
	 * ORD[keeper_take:B] compiler only: the offset and the claim, then the pending
	 * node, then the CAS of the word; pairs with kernel exit_robust_list, which reads
	 * them in this very thread
	 *
	 * Announced before step 3: a keeper that is killed right after that CAS would
	 * otherwise leave a life that nothing ends.
	 */
	compiler_fence();
	list->head.list_op_pending = &list->node;
	compiler_fence();
	/*
	 * ORD[keeper_take:A] acq_rel: the last holder's end, then what we do in its seat;
	 * pairs with kernel handle_futex_death and keeper_give_back:A
	 */
	if (cas_acq_rel(word, &claim, claim & ~(uint64_t)LIFE_OVER)) { /* happens here */
		keeper->owner = owner_of(claim, seat);
		list->node.next = &list->head.list;
		list->head.list.next = &list->node;
	}
	/*
	 * The node is in the list before nothing is pending any more: the kernel looks at
	 * both, so there is no instruction at which it finds neither. Where the CAS
	 * failed, the word is another's, and must not stay announced.
	 */
	compiler_fence();
	list->head.list_op_pending = NULL;
	compiler_fence();
	return keeper->owner;
}

/*
 * Steps 6 to 8. The word is claimed first: if it became free at once, another process
 * could take it while it is still in our list, and if that had the same TID, in its own
 * PID namespace, our end would end its life.
 */
static void keeper_give_back(struct life_keeper *keeper)
{
	uint64_t *word = &keeper->words[owner_seat(keeper->owner)];
	uint64_t claim = (keeper->owner & ~0xffffffffull) | LIFE_OVER | keeper->tid;

	/*
	 * ORD[keeper_give_back:A] release: all that was done in this seat, then its end;
	 * pairs with keeper_take:A
	 */
	store_release(word, claim); /* happens here */
	compiler_fence();
	keeper->list->head.list.next = &keeper->list->head.list;
	compiler_fence();
	/*
	 * relaxed: the seat's end was published before; a process that has taken an
	 * abandoned claim over keeps it
	 */
	cas_relaxed(word, &claim, claim & ~(uint64_t)LIFE_PID_MASK);
	/*
	 * For those who wait for the end of this life: the kernel wakes none of them,
	 * because the word is in no list any more.
	 */
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/*
 * Takes any free seat for the calling thread, which becomes the one that the kernel
 * compares the word with. Without a free seat the keeper has no owner; @err says whether
 * a system call was refused. Two passes: claims of others are respected in the first, and
 * taken over in the second, after their holders had time to finish.
 */
static void keeper_take_any(struct life_keeper *keeper)
{
	const struct timespec pause = { .tv_nsec = CLAIM_NANOSECONDS };
	bool abandoned = false;
	uint32_t seat;

	pid_t tid = process_tid();

	if (tid < 0) {
		keeper->err = -EPERM;
		return;
	}
	keeper->tid = (uint32_t)tid;
	/*
	 * Before any word is claimed: nothing would end the life of a thread that has no
	 * list.
	 */
	if (syscall(SYS_set_robust_list, &keeper->list->head, sizeof(keeper->list->head))) {
		keeper->err = -ENOSYS;
		return;
	}
	for (;;) {
		for (seat = 0; seat < keeper->seats && !keeper->owner; seat++)
			keeper_take(keeper, seat, abandoned);
		if (keeper->owner || abandoned)
			return;
		abandoned = true;
		nanosleep(&pause, NULL);
	}
}

/*
 * The keeper sleeps in this thread until the seat is given back. Signals are blocked in
 * it (background.h), so the program's handlers never run here.
 */
static void *keeper_run(void *data)
{
	struct life_keeper *keeper = data;

	keeper_take_any(keeper);
	sem_post(&keeper->answered);
	while (sem_wait(&keeper->asked))
		;
	if (keeper->owner)
		keeper_give_back(keeper);
	return NULL;
}

static int keeper_new(struct life_keeper **out, uint64_t *words, uint32_t seats)
{
	struct life_keeper *keeper = calloc(1, sizeof(*keeper));
	int err = keeper ? list_new(keeper) : -ENOMEM;

	if (err) {
		free(keeper);
		return err;
	}
	keeper->words = words;
	keeper->seats = seats;
	sem_init(&keeper->answered, 0, 0);
	sem_init(&keeper->asked, 0, 0);
	*out = keeper;
	return 0;
}

static void keeper_free(struct life_keeper *keeper)
{
	list_free(keeper);
	sem_destroy(&keeper->answered);
	sem_destroy(&keeper->asked);
	free(keeper);
}

/*
 * Ends the thread, and frees the page only after that: pthread_join() returns after the
 * kernel has read the list for the last time.
 */
static void keeper_stop(struct life_keeper *keeper)
{
	sem_post(&keeper->asked);
	background_join(&keeper->thread);
	keeper_free(keeper);
}

/*
 * The thread takes the seat, not the caller: the kernel ends the life at the end of the
 * thread whose TID is in the word, and the caller may be any thread, which may end before
 * the process does.
 */
int life_robust_begin(struct life_self *out, uint64_t *words, uint32_t seats)
{
	struct life_keeper *keeper;
	int err = keeper_new(&keeper, words, seats);

	if (err)
		return err;
	err = background_start(&keeper->thread, keeper_run, keeper);
	if (err) {
		keeper_free(keeper);
		return err;
	}
	*out = (struct life_self){ .keeper = keeper };
	return 0;
}

int life_robust_attach(struct life_self *self)
{
	struct life_keeper *keeper = self->keeper;
	int err;

	while (sem_wait(&keeper->answered))
		;
	if (!keeper->owner) {
		err = keeper->err ? keeper->err : -EUSERS;
		keeper_stop(keeper);
		self->keeper = NULL;
		return err;
	}
	self->owner = keeper->owner;
	self->pid = (uint32_t)process_pid();
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
	/*
	 * Each process that comes here is a child of fork(), so it has its own copy. No
	 * malloc(): in such a child another thread of the parent may have held its lock.
	 */
	static struct life_keeper keeper;
	int err;

	keeper = (struct life_keeper){ .words = words, .seats = seats };
	/* Never freed: the kernel reads it when this process ends. */
	err = list_new(&keeper);
	if (err)
		return err;
	keeper_take_any(&keeper);
	if (!keeper.owner)
		return keeper.err ? keeper.err : -EUSERS;
	*out = (struct life_self){ .owner = keeper.owner, .pid = (uint32_t)process_pid() };
	out->keeper = &keeper;
	return 0;
}

/* The thread stays: it is the process's own. */
void life_robust_let_go(struct life_self *self)
{
	keeper_give_back(self->keeper);
}

/*
 * Sets W in the word: only a word with W makes the kernel wake a waiter when it ends the
 * life.
 */
uint32_t *life_robust_listen(uint64_t *words, owner_t owner, uint32_t *seen)
{
	uint64_t *word = &words[owner_seat(owner)];
	uint64_t life = load_relaxed(word); /* relaxed: the CAS looks again */

	do {
		if (!life_word_is(life, owner))
			return NULL;
		/*
		 * relaxed: the kernel's cmpxchg of the same word comes before or after it
		 */
	} while (!(life & FUTEX_WAITERS) && !cas_relaxed(word, &life, life | FUTEX_WAITERS));
	*seen = (uint32_t)(life | FUTEX_WAITERS);
	return (uint32_t *)word;
}

/*
 * The kernel wakes one waiter, which may be stopped, dead or hostile; each waiter that
 * finds the life over wakes the others.
 */
void life_robust_wake(uint64_t *words, owner_t owner)
{
	uint64_t *word = &words[owner_seat(owner)];

	if (!life_word_is(load_relaxed(word), owner)) /* relaxed: a waiter looks again */
		syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/*
 * In the child neither the thread nor the list exists, so there is only the copy of the
 * record to free.
 */
void life_robust_forget(struct life_self *self)
{
	free(self->keeper);
	self->keeper = NULL;
}
