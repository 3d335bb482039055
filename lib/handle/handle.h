/* SPDX-License-Identifier: MIT */
/*
 * The open handle: its state, and how a call enters it and leaves it again.
 *
 * Promises  a call that writes holds a slot and a write section, and is refused in a
 *           child of fork(), through a read-only handle, and when the life or the
 *           registry is over.
 * Needs     handle_leave() after each handle_enter() that returned 0.
 * Context   any thread, but not two calls of one thread at once.
 * Used by   all of lib/.
 */
#ifndef KREG_LIB_HANDLE_H
#define KREG_LIB_HANDLE_H

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <urcu/list.h>

#include "base/call.h"
#include "base/clock.h"
#include "lib/inner.h"
#include "lib/handle/member.h"
#include "lib/handle/refuse.h"
#include "shm/counted.h"
#include "shm/grace.h"
#include "shm/heap.h"
#include "shm/row.h"
#include "shm/segment.h"
#include "shm/sweep.h"
#include "shm/table.h"

#pragma GCC visibility push(hidden)

/* The keys that lie in the first cache line of their entries. */
#define SHORT_KEY_MAX (LINE_BYTES - ENTRY_HEAD)

/* No namespace's number: those are of 32 bits. */
#define PID_NAMESPACE_NOT_ASKED UINT64_MAX

struct attendant;

struct kreg {
	struct segment segment;
	struct life_table lives;
	struct life_self self; /* owner 0: read-only */
	struct member *member; /* owns segment, lives and self; NULL: read-only */
	struct heap *heap;     /* the member's */
	uint16_t number;       /* of the handle, within the member */
	struct cds_list_head member_node;
	struct origin *origin;
	struct log_to log; /* for the calls of the handle */
	bool writable;
	bool joined;       /* membarrier */
	uint64_t sweeping; /* a thread uses @sweep */
	struct sweep_at sweep;
	uint32_t crowded;             /* registrations that found the table small */
	uint32_t slots_from;          /* see handle_tidy() */
	uint64_t pid_namespace;       /* see row.h; of a reader asked when it is needed */
	uint64_t *fork_mark;          /* the next number; 0 in children: fork() wipes the page. Of
				       * a reader a constant, as a child may use its copy */
	struct cds_list_head threads; /* this and the next two: thread.c */
	uint32_t thread_index;        /* unique among the open handles of the process */
	uint64_t thread_number;       /* never used again, even after close */
	kreg_telemetry_fn telemetry;  /* NULL: none is set */
	void *telemetry_data;
	pthread_mutex_t attendant_mutex;
	struct attendant *attendant; /* NULL before the first wait */
	pthread_mutex_t pending_mutex;
	struct cds_list_head wakers, pendings; /* under that mutex: waker.c */
	uint64_t looks;                        /* how often the attendant has examined a line */
	uint64_t next_look;       /* when to check for the file again, as clock_tick() */
	uint64_t next_guard_look; /* the same for the guard */
	struct counted counted;   /* what the last kreg_count() has found */
};

/* What a thread owns in a registry. */
struct thread {
	struct kreg *registry; /* NULL: in the pool */
	pthread_t id;
	struct thread *next_in_pool;
	struct writer writer;
	uint32_t inner; /* read sections inside of the one that the slot has */
	uint32_t calls; /* that write */
	uint32_t registers;
	struct cds_list_head node;
};

/* A lookup gives up after this many peeks that were overtaken. */
#define PEEK_TRIES 256

/* In a child of fork() the handle is a copy of the parent's. */
static inline bool handle_is_parents(const struct kreg *k)
{
	return !*k->fork_mark;
}

/*
 * Whether the registry is over because its file or the pins of its guard were removed.
 * Checks if the last check is HANDLE_LOOK_MS ago, and ends the registry for all processes
 * if one of them is missing.
 */
#define HANDLE_LOOK_MS 100
bool handle_is_lost(struct kreg *k);

/*
 * Whether a check that is due at *@next falls to the calling thread. Only one thread gets
 * true; the next check is due HANDLE_LOOK_MS later.
 */
static inline bool handle_is_due(uint64_t *next, uint64_t now)
{
	uint64_t at = load_relaxed(next); /* relaxed: a time, with no other data behind it */

	/* relaxed: as above; one thread wins */
	return caa_unlikely(now >= at) && cas_relaxed(next, &at, now + HANDLE_LOOK_MS * 1000000ull);
}

/*
 * Before a handle's first thread, and after its last, with its fork mark. A reader has no threads.
 * -EAGAIN: no pthread key is left; -ENOMEM; what madvise(2) has.
 */
int threads_begin(struct kreg *k);
void threads_end(struct kreg *k);

/* The calling thread's record, with a slot that is taken on first use. -ENOMEM, -ENOBUFS. */
int thread_get(struct kreg *k, struct thread **out);

/* At close: gives back the records and slots of all threads. */
void threads_give_up(struct kreg *k);

/*
 * The record that the calling thread has used last, and what shows that it may be used once
 * more. It spares most calls the search under the pthread key.
 *
 * @number is that of the handle, which no other one ever gets. The handle's copy is in the page
 * of its fork mark, so one comparison shows as well that this is no child of fork(); and that
 * the handle may write, because only such ones have records. @word is what @life, the word of the
 * process's own life, held when that went on: any other word is looked at again, as it
 * changes in the fallback when somebody waits for its end. A thread that has to fence for itself
 * from its beginning never has a recent record, so that read sections need not ask.
 *
 * Of the initial-exec model, so that it is read without a call.
 */
struct thread_recent {
	uint64_t number; /* THREAD_NONE: none */
	const uint64_t *life;
	uint64_t word;
	struct slot *slot;
	struct thread *thread;
	/* @number, unless a read section is inside of another one */
	uint64_t leaves;
};
/* Not the 0 of a page that was wiped. */
#define THREAD_NONE UINT64_MAX
extern __thread struct thread_recent thread_recent __attribute__((tls_model("initial-exec")));

/*
 * As thread_get(), if the handle may write. Errors as handle_check(), but -ESHUTDOWN only
 * if the guard is gone.
 */
int handle_thread_slow(struct kreg *k, struct thread **out);

/*
 * Whether thread_recent, of which @number is, is the calling thread's for the handle, which then may
 * write.
 */
static inline bool handle_is_numbered(const struct kreg *k, uint64_t number)
{
	return caa_likely(*k->fork_mark == number);
}

/* The same of a handle that may be NULL. */
static inline bool handle_has_number(const struct kreg *k, uint64_t number)
{
	/* One after the other: the compiler would make more instructions of one condition. */
	if (caa_unlikely(!k))
		return false;
	return handle_is_numbered(k, number);
}

/* The same, and whether the process's life goes on. */
static inline bool handle_is_recent_by(const struct kreg *k, uint64_t number)
{
	if (caa_unlikely(!handle_has_number(k, number)))
		return false;
	/*
	 * ORD[handle_is_recent_by:A] acquire: as life_look:A; pairs with kernel
	 * sched_process_exit and handle_futex_death
	 */
	return caa_likely(load_acquire(thread_recent.life) == thread_recent.word);
}

static inline bool handle_is_recent(const struct kreg *k)
{
	return handle_is_recent_by(k, thread_recent.number);
}

static inline int handle_thread(struct kreg *k, struct thread **out)
{
	if (caa_unlikely(!handle_is_recent(k)))
		return handle_thread_slow(k, out);
	*out = thread_recent.thread;
	return 0;
}

/* Whether handle_is_lost() has something to check. The usual case is two comparisons. */
static inline bool handle_looks_are_due(const struct kreg *k)
{
	uint64_t now = clock_tick();

	/* relaxed: times, with no other data behind them; asked again by handle_is_due() */
	return caa_unlikely(now >= load_relaxed(&k->next_look) ||
			    (k->lives.identity && now >= load_relaxed(&k->next_guard_look)));
}

/* handle_begin() where the usual case does not do. */
int handle_begin_slow(struct kreg *k, struct thread **out);

/*
 * Whether the handle may write now, and the calling thread's record.
 * -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS.
 */
static inline __attribute__((always_inline)) int handle_begin(struct kreg *k, struct thread **out)
{
	if (caa_unlikely(!handle_is_recent(k)) || segment_is_over(&k->segment) ||
	    handle_looks_are_due(k))
		return handle_begin_slow(k, out);
	*out = thread_recent.thread;
	return 0;
}

static inline int handle_check(struct kreg *k)
{
	struct thread *thread;

	return handle_begin(k, &thread);
}

/* handle_begin(), and a write section. */
int handle_enter(struct kreg *k, struct thread **out);

static inline void handle_leave(struct thread *thread)
{
	grace_write_leave(thread->writer.slot);
}

/* The pid of @owner, whose life word was read as @life. */
static inline pid_t handle_pid(const struct kreg *k, owner_t owner, uint64_t life)
{
	if (k->lives.facts)
		return (pid_t)(life & LIFE_PID_MASK);
	/*
	 * ORD[handle_pid:A] acquire: the pid, then the life once more: the next holder of
	 * the seat has a new life before it writes its own pid; pairs with row_open:B
	 */
	return (pid_t)load_acquire(&row_look(&k->segment, owner_seat(owner))->who.pid);
}

/* Whether the pid of @owner names the same process in the caller's PID namespace. */
bool handle_pid_is_ours(const struct kreg *k, owner_t owner);

/*
 * Fills @out. False: the owner has died meanwhile, and the pid may be that of the seat's
 * next holder.
 */
static inline bool handle_owner(const struct kreg *k, owner_t owner, uint64_t life,
				struct kreg_owner *out)
{
	out->token = owner;
	out->pid = handle_pid(k, owner, life);
	out->reserved = 0;
	return k->lives.facts || life_is_alive(&k->lives, owner);
}

/*
 * Sweeps everything and starts as many grace periods as retired memory waits for. Returns
 * the bytes that were swept, or an error. Call outside of sections.
 */
int64_t handle_reclaim(struct kreg *k);

/* After an allocation failed with @err: frees memory if that can help. True: retry. */
bool handle_make_room(struct kreg *k, int err);

/*
 * Advances the epoch as often as memory that was retired before waits for, unless a
 * thread is inside a section.
 */
void handle_advance(struct kreg *k);

/* Housekeeping after a call that writes, outside of its section. Most find nothing to do. */
#define TIDY_EVERY 16u
void handle_tidy_slow(struct kreg *k, bool look);

static inline void handle_tidy(struct kreg *k, struct thread *thread)
{
	bool look = !(++thread->calls % TIDY_EVERY);

	if (caa_unlikely(look || heap_is_due(k->heap)))
		handle_tidy_slow(k, look);
}

#pragma GCC visibility pop

#endif
