/* SPDX-License-Identifier: MIT */
/*
 * What an open registry holds, and how a call gets into it and out again.
 *
 * Promises  a call that writes holds a slot and a write section, and is refused in a child of
 *           fork(), through a read-only handle, and when the life or the registry is over.
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
#include "lib/inner.h"
#include "lib/handle/member.h"
#include "shm/grace.h"
#include "shm/heap.h"
#include "shm/segment.h"
#include "shm/table.h"

#pragma GCC visibility push(hidden)

/* So large is what xxHash mixes at once. */
#define SHORT_KEY_MAX 32u

struct attendant;

struct kreg {
	struct segment segment;
	struct life_table lives;
	struct life_self self; /* owner 0: read-only */
	struct member *member; /* whose segment, lives and self these are; NULL: read-only */
	struct heap *heap;     /* the member's */
	uint16_t number;       /* of the handle, within the member */
	struct cds_list_head member_node;
	struct origin *origin;
	bool writable;
	uint32_t short_key_max; /* of keys that the lookup's shortcut takes */
	bool joined;            /* membarrier */
	uint32_t sweep_from;
	uint32_t slots_from, tidied;  /* see handle_tidy() */
	uint64_t pid_namespace;       /* see row.h */
	uint32_t *fork_mark;          /* 0 in children: the page is wiped by fork() */
	struct cds_list_head threads; /* thread.c; so are these */
	uint32_t thread_index;        /* among the handles of the process that are open */
	uint64_t thread_number;       /* of no other handle, be it closed */
	kreg_telemetry_fn telemetry;  /* NULL: nobody asked for it */
	void *telemetry_data;
	pthread_mutex_t attendant_mutex;
	struct attendant *attendant; /* NULL before somebody waits */
	uint64_t looks;              /* of the attendant's at lines */
	uint64_t next_look;          /* when the file is looked for again, as clock_tick() */
	uint64_t next_guard_look;    /* the same for the guard */
};

/* What a thread has in a registry. */
struct thread {
	struct kreg *registry; /* NULL: it is nobody's */
	pthread_t id;
	struct thread *next_in_pool;
	struct writer writer;
	uint32_t depth; /* of read sections */
	struct cds_list_head node;
};

/* Reads of an overtaken peek are tried so often before giving up. */
#define PEEK_TRIES 256

/* In a child of fork(), whose handle is the parent's. */
static inline bool handle_is_parents(const struct kreg *k)
{
	return !*k->fork_mark;
}

/* Whether the handle may change anything now. -EROFS, -EOWNERDEAD, -ESHUTDOWN, -ENOBUFS. */
int handle_check(struct kreg *k);

/*
 * Whether the registry is over, because its file was taken away, or the pins of its guard: looks for them if the last look
 * is HANDLE_LOOK_MS ago, and ends the registry for all if one is lost.
 */
#define HANDLE_LOOK_MS 100
bool handle_is_lost(struct kreg *k);

/* Whether it is time for the calling thread to look, which is due at *@next; no other one is told so for HANDLE_LOOK_MS. */
static inline bool handle_is_due(uint64_t *next, uint64_t now)
{
	uint64_t at = load_relaxed(next); /* relaxed: a time that stands for itself */

	/* relaxed: as above; one thread looks */
	return caa_unlikely(now >= at) && cas_relaxed(next, &at, now + HANDLE_LOOK_MS * 1000000ull);
}

/* A handle may have threads from now on, or no more. -EAGAIN: no key of pthreads is left; -ENOMEM. */
int threads_begin(struct kreg *k);
void threads_end(struct kreg *k);

/* The calling thread's record, with a slot that is taken on first use. -ENOMEM, -ENOBUFS. */
int thread_get(struct kreg *k, struct thread **out);

/* At close: gives back the records and slots of all threads. */
void threads_give_up(struct kreg *k);

/* The calling thread's slot, taken at its first need. */
int handle_thread(struct kreg *k, struct thread **out);
int handle_enter(struct kreg *k, struct thread **out);
void handle_leave(struct thread *thread);

/* The pid for an owner whose life word was @life. */
static inline pid_t handle_pid(const struct kreg *k, owner_t owner, uint64_t life)
{
	if (k->lives.facts)
		return (pid_t)(life & LIFE_PID_MASK);
	if (owner_seat(owner) >= k->segment.seats)
		return 0;
	/*
	 * ORD[handle_pid:A] acquire: the pid, then the life once more: the next holder of the seat
	 * has a new life before it writes its own pid; pairs with open_row:B
	 */
	return (pid_t)load_acquire(&k->segment.rows[owner_seat(owner)].who.pid);
}

/* Whether the pid of @owner names the same process in the caller's PID namespace. */
bool handle_pid_is_ours(const struct kreg *k, owner_t owner);

/* False: it has died meanwhile, and the pid may be the one of who has its seat now. */
static inline bool handle_owner(const struct kreg *k, owner_t owner, uint64_t life,
				struct kreg_owner *out)
{
	out->token = owner;
	out->pid = handle_pid(k, owner, life);
	out->reserved = 0;
	return k->lives.facts || life_is_alive(&k->lives, owner);
}

/* Sweeps all, and asks for as many grace periods as memory waits for. Outside of sections. */
int64_t handle_reclaim(struct kreg *k);

/* Where @err says that there is no room: whether it is worth while to try again, because some was made. */
bool handle_make_room(struct kreg *k, int err);

/* As many epochs as what was retired before waits for, unless somebody is inside a section. */
void handle_advance(struct kreg *k);

/* After a call that writes, outside of its section: what it retired, and @swept bytes of others. */
void handle_tidy(struct kreg *k, uint64_t swept);

#pragma GCC visibility pop

#endif
