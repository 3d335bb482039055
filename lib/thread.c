/* SPDX-License-Identifier: MIT */
/*
 * Threads of a handle: each has a slot from its first call that needs one until it ends.
 *
 *   what happens                 the slot
 *   the thread ends              is given back by the key's destructor
 *   kreg_close()                 is given back for all threads
 *   the process dies, or execs   is over with the life, or with the image
 *   fork()                       stays the parent's: the child finds its mark wiped
 *
 * A thread may end while another one closes the handle: its destructor has been called with a record that
 * kreg_close() gives up meanwhile. So records stay records: they come from a pool of the process and go back
 * there, never to malloc(), and one mutex guards which of them is whose. The destructor gives back what is
 * still its own thread's, and finds nothing otherwise: another thread's record has another pthread_t, and
 * this thread takes no new one before its destructor returns.
 */
#include "lib/handle.h"

#include <errno.h>
#include <stdlib.h>

#include "shm/interrupted.h"
#include "shm/mutex.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t records; /* guards the pool, and the lists of all handles */
static struct thread *pool;     /* not in use */

/* Another thread of the parent may have held it. Who walks a list forward finds it whole at any moment. */
static void records_renew(void)
{
	mutex_init(&records);
}

static void records_begin(void)
{
	mutex_init(&records);
	pthread_atfork(NULL, NULL, records_renew);
}

static void records_lock(void)
{
	pthread_once(&once, records_begin);
	pthread_mutex_lock(&records);
}

/* Under the mutex. */
static void record_drop(struct thread *thread)
{
	cds_list_del(&thread->node);
	thread->registry = NULL;
	thread->next_in_pool = pool;
	pool = thread;
}

static struct thread *record_take(struct kreg *k)
{
	struct thread *thread;

	records_lock();
	thread = pool;
	if (thread)
		pool = thread->next_in_pool;
	else
		thread = malloc(sizeof(*thread));
	if (thread) {
		*thread = (struct thread){ .registry = k, .id = pthread_self() };
		cds_list_add(&thread->node, &k->threads);
	}
	pthread_mutex_unlock(&records);
	return thread;
}

int thread_new(struct kreg *k, struct thread **out)
{
	UNCANCELLABLE;
	struct thread *thread = record_take(k);
	struct slot *slot;

	if (!thread)
		return -ENOMEM;
	slot = grace_slot_take(&k->segment, &k->lives, &k->self, k->joined);
	if (!slot) {
		/* Some may be kept for what exec has interrupted. */
		interrupted_all(&k->segment, &k->lives);
		slot = grace_slot_take(&k->segment, &k->lives, &k->self, k->joined);
	}
	thread->writer = (struct writer){
		.s = &k->segment, .lives = &k->lives, .self = k->self.owner, .slot = slot
	};
	if (slot && !pthread_setspecific(k->thread_key, thread)) {
		*out = thread;
		return 0;
	}
	if (slot)
		grace_slot_return(slot);
	records_lock();
	record_drop(thread);
	pthread_mutex_unlock(&records);
	return slot ? -ENOMEM : -ENOBUFS;
}

void thread_ends(void *data)
{
	struct thread *thread = data;

	records_lock();
	if (thread->registry && pthread_equal(thread->id, pthread_self()) &&
	    !handle_is_parents(thread->registry)) {
		grace_slot_return(thread->writer.slot);
		record_drop(thread);
	}
	pthread_mutex_unlock(&records);
}

void threads_give_up(struct kreg *k)
{
	bool ours = !handle_is_parents(k);
	struct thread *thread, *next;

	records_lock();
	cds_list_for_each_entry_safe (thread, next, &k->threads, node) {
		if (ours && thread->writer.slot)
			grace_slot_return(thread->writer.slot);
		record_drop(thread);
	}
	pthread_mutex_unlock(&records);
}
