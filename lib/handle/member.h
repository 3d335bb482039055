/* SPDX-License-Identifier: MIT */
/*
 * What this process has in one registry, however many handles it has opened there.
 *
 * Promises  all handles that a process has opened for writing in one registry are one owner, under the guard and in
 *           the fallback: one life, one row, one log, one heap, one order of changes for each key. A child of
 *           fork() starts with none of that.
 * Needs     member_leave() for each member_join() that returned 0. One copy of the library in a program: the last
 *           handle of a copy ends all that the process has under the guard.
 * Context   any thread; a mutex that is held while a first handle joins, and while the last one leaves.
 * Used by   open.c, close.c; what is in here by all that changes something.
 */
#ifndef KREG_LIB_MEMBER_H
#define KREG_LIB_MEMBER_H

#include <pthread.h>

#include <urcu/list.h>

#include "shm/heap.h"

#pragma GCC visibility push(hidden)

#define KEY_MUTEXES 16

struct kreg;

struct member {
	struct segment segment;
	struct life_table lives;
	struct life_self self;
	struct heap heap;
	pthread_mutex_t key_mutexes[KEY_MUTEXES]; /* by hash; change.c */
	pthread_mutex_t telling;                  /* tell.c; so are these */
	uint32_t told;                            /* records that we have written */
	uint32_t log_known;                       /* bytes of our log that are reserved */
	uint64_t id;                              /* the segment's */
	char *guard;                  /* which has noted that we are here; NULL in the fallback */
	struct cds_list_head handles; /* by number */
	struct cds_list_head node;
};

/*
 * Makes @k, whose segment and life table are open, a handle of this process's member of that registry, whose segment,
 * lives and life it has from then on. @guard: the folder of the guard that the life is of. 1: the registry is over, look again. -EUSERS, -EMFILE, -ENOMEM, -EAGAIN;
 * then, as with 1, @k has what it had before.
 */
int member_join(struct kreg *k, const char *guard);

/* Whether there are other handles of the member. */
bool member_has_others(const struct kreg *k);

/* Before @s is judged: notes which lives in it are over, if a handle of the process in it has their table. */
void member_note_ended(const struct segment *s);

/*
 * Gives up the handle's part, by @leave, which is told whether it is the last one, and nobody joins meanwhile.
 * With the last handle all goes. In a child of fork() that is the copy alone.
 */
void member_leave(struct kreg *k, void (*leave)(struct kreg *k, bool is_last));

#pragma GCC visibility pop

#endif
