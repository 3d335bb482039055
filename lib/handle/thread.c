/* SPDX-License-Identifier: MIT */
/*
 * Threads of a handle. A thread gets a slot at its first call that needs one, and keeps
 * it until the thread ends.
 *
 *   event                        the slot
 *   the thread ends              is given back by the destructor of the pthread key
 *   kreg_close()                 is given back, for all threads
 *   the process dies, or execs   is over with the life, or with the image
 *   fork()                       stays the parent's: the child finds its fork mark wiped
 *
 * A thread may end while another one closes the handle: its destructor then runs with a
 * record that kreg_close() gives up at the same time. So records are never freed: they
 * come from a pool of the process and return to it, and one mutex guards which thread
 * owns which record. The destructor gives back only records that still belong to its own
 * thread. It cannot take another thread's record for its own, because that has another
 * pthread_t, and this thread takes no new record before its destructor returns.
 *
 * Most calls find the record in thread_recent, which is right as long as the handle of its
 * number is open, because a record stays its thread's until then; the thread's end empties
 * it, since destructors of the program may use a handle after that of the key.
 *
 * A process has 1,024 pthread keys, so all handles share one. A thread's value under it
 * is a table of its records by handle index. An index is used again after a close, so the
 * table also has the handle's number, which is never used again.
 */
#include "lib/handle/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/interrupted.h"
#include "base/mutex.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t records; /* guards the pool, and the lists of all handles */
static struct thread *pool;     /* free records */
static unsigned char *indexes;  /* 1: used by an open handle */
static uint32_t indexes_count;
static uint64_t numbers = 1;

/* The mark of all readers, which is that of no other handle. */
static uint64_t mark_of_readers = 1;

static pthread_key_t key;
static int key_error;

__thread struct thread_recent thread_recent = { .number = THREAD_NONE, .leaves = THREAD_NONE };

/* One thread's records, by handle index. */
struct own {
	uint32_t count;
	struct {
		uint64_t number;
		struct thread *thread;
	} at[];
};

static void thread_ends(void *data);

/*
 * After fork() the mutex may have been held by another thread of the parent. The lists
 * are whole for a reader that follows `next`, at whatever point that thread was.
 */
static void records_renew(void)
{
	mutex_init(&records);
}

static void records_begin(void)
{
	mutex_init(&records);
	key_error = -pthread_key_create(&key, thread_ends);
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

/* Under the mutex. */
static int index_take(uint32_t *out)
{
	uint32_t i, count = 2 * indexes_count + 16;
	unsigned char *more;

	for (i = 0; i < indexes_count && indexes[i]; i++)
		;
	if (i == indexes_count) {
		more = realloc(indexes, count);
		if (!more)
			return -ENOMEM;
		memset(more + indexes_count, 0, count - indexes_count);
		indexes = more;
		indexes_count = count;
	}
	indexes[i] = 1;
	*out = i;
	return 0;
}

static void index_return(uint32_t index)
{
	records_lock();
	indexes[index] = 0;
	pthread_mutex_unlock(&records);
}

/* A reader's references need a number as well. */
int threads_begin(struct kreg *k)
{
	int err;

	CDS_INIT_LIST_HEAD(&k->threads);
	/* relaxed: unique, and that is all */
	k->thread_number = fetch_add_relaxed(&numbers, 1ull) + 1;
	k->fork_mark = &mark_of_readers;
	if (!k->writable)
		return 0;
	records_lock();
	err = key_error;
	if (!err)
		err = index_take(&k->thread_index);
	pthread_mutex_unlock(&records);
	if (err)
		return err;
	err = member_mark_take(&k->fork_mark, k->thread_index);
	if (err)
		index_return(k->thread_index);
	else
		*k->fork_mark = k->thread_number;
	return err;
}

void threads_end(struct kreg *k)
{
	if (!k->writable)
		return;
	member_mark_return(k->fork_mark, k->thread_index);
	index_return(k->thread_index);
}

static struct thread *thread_find(const struct kreg *k)
{
	const struct own *own = pthread_getspecific(key);

	if (!own || k->thread_index >= own->count ||
	    own->at[k->thread_index].number != k->thread_number)
		return NULL;
	return own->at[k->thread_index].thread;
}

static int own_set(const struct kreg *k, struct thread *thread)
{
	struct own *own = pthread_getspecific(key), *more;
	uint32_t count = own ? own->count : 0, wanted = 2 * k->thread_index + 4;

	if (k->thread_index >= count) {
		more = calloc(1, sizeof(*own) + wanted * sizeof(own->at[0]));
		if (!more)
			return -ENOMEM;
		if (own)
			memcpy(more->at, own->at, count * sizeof(own->at[0]));
		more->count = wanted;
		if (pthread_setspecific(key, more)) {
			free(more);
			return -ENOMEM;
		}
		free(own);
		own = more;
	}
	own->at[k->thread_index].number = k->thread_number;
	own->at[k->thread_index].thread = thread;
	return 0;
}

static int thread_new(struct kreg *k, struct thread **out)
{
	UNCANCELLABLE;
	struct thread *thread = record_take(k);
	struct slot *slot = NULL;
	int err;

	if (!thread)
		return -ENOMEM;
	err = grace_slot_take(&k->segment, &k->lives, &k->self, k->joined, &slot);
	if (err == -ENOBUFS) {
		/* Some slots may be kept for calls that exec has interrupted. */
		interrupted_all(&k->segment, &k->lives);
		err = grace_slot_take(&k->segment, &k->lives, &k->self, k->joined, &slot);
	}
	thread->writer = (struct writer){
		.s = &k->segment, .lives = &k->lives, .self = k->self.owner, .slot = slot
	};
	if (!err)
		err = own_set(k, thread);
	if (!err) {
		*out = thread;
		return 0;
	}
	if (slot)
		grace_slot_return(slot);
	records_lock();
	record_drop(thread);
	pthread_mutex_unlock(&records);
	return err;
}

int thread_get(struct kreg *k, struct thread **out)
{
	uint64_t word;
	int err;

	*out = thread_find(k);
	err = *out ? 0 : thread_new(k, out);
	/* A life that is over is looked at each time. relaxed: written by this thread alone */
	if (!err && !load_relaxed(&(*out)->writer.slot->fenced) &&
	    life_look(&k->lives, k->self.owner, &word))
		thread_recent = (struct thread_recent){
			.number = k->thread_number,
			.life = &k->lives.words[owner_seat(k->self.owner)],
			.word = word,
			.slot = (*out)->writer.slot,
			.thread = *out,
			.leaves = (*out)->inner ? THREAD_NONE : k->thread_number,
		};
	return err;
}

/* Under the mutex. */
static void record_end(struct thread *thread)
{
	if (!thread->registry || !pthread_equal(thread->id, pthread_self()) ||
	    handle_is_parents(thread->registry))
		return;
	grace_slot_return(thread->writer.slot);
	record_drop(thread);
}

static void thread_ends(void *data)
{
	struct own *own = data;
	uint32_t i;

	thread_recent.number = thread_recent.leaves = THREAD_NONE;
	records_lock();
	for (i = 0; i < own->count; i++) {
		if (own->at[i].thread)
			record_end(own->at[i].thread);
	}
	pthread_mutex_unlock(&records);
	free(own);
}

void threads_give_up(struct kreg *k)
{
	bool ours = !handle_is_parents(k);
	struct thread *thread, *next;

	if (!k->writable)
		return;
	records_lock();
	cds_list_for_each_entry_safe (thread, next, &k->threads, node) {
		if (ours && thread->writer.slot)
			grace_slot_return(thread->writer.slot);
		record_drop(thread);
	}
	pthread_mutex_unlock(&records);
}
