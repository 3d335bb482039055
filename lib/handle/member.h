/* SPDX-License-Identifier: MIT */
/*
 * The member: what this process has in one registry, however many handles it has opened
 * there.
 *
 * Promises  all handles that a process has opened for writing in one registry are one
 *           owner, under the guard and in the fallback: one life, one row, one log, one
 *           heap, one order of changes for each key. A child of fork() starts with none
 *           of them.
 * Needs     member_leave() for each member_join() that returned 0. One copy of the
 *           library in a program: under the guard the last handle of one copy ends
 *           everything that the process has.
 * Context   any thread; a mutex is held while a first handle joins and while the last one
 *           leaves.
 * Used by   open.c, close.c, thread.c; the struct by every call that writes.
 */
#ifndef KREG_LIB_MEMBER_H
#define KREG_LIB_MEMBER_H

#include <urcu/list.h>

#include "shm/heap.h"
#include "shm/log.h"

#pragma GCC visibility push(hidden)

#define KEY_LOCKS 16

struct kreg;

struct member {
	struct segment segment;
	struct life_table lives;
	struct life_self self;
	struct heap heap;
	struct lock key_locks[KEY_LOCKS]; /* by the key's hash; change.c */
	struct lock telling;              /* tell.c, as are the next two */
	uint32_t records;                 /* written to the log */
	struct log_use log_use;           /* the same */
	uint64_t id;                      /* the segment's */
	char *guard;                      /* where this process is noted; NULL in the fallback */
	struct cds_list_head handles;     /* sorted by number */
	struct cds_list_head node;
};

/*
 * Makes @k, whose segment and life table are open, a handle of this process's member of
 * that registry. From then on @k uses the member's segment, life table and life. @guard:
 * the folder of the guard that gave the life. 1: the registry is over, open it again.
 * -EUSERS, -EMFILE, -ENOMEM, -EAGAIN. After any of these, 1 included, @k has what it had
 * before.
 */
int member_join(struct kreg *k, const char *guard);

/*
 * The word of the open handle with that index, in memory that fork() wipes, so that it is 0 in a
 * child. The first MARKS_SHARED of them share a page with what the process has of all members,
 * which costs a handle neither a system call nor a page fault. -ENOMEM, or what madvise(2) has.
 */
int member_mark_take(uint64_t **out, uint32_t index);
void member_mark_return(uint64_t *mark, uint32_t index);

/* Whether the member has other handles. */
bool member_has_others(const struct kreg *k);

/*
 * Call before @s is judged. If a handle of this process in @s has its life table, notes
 * which lives in @s are over.
 */
void member_note_ended(const struct segment *s);

/*
 * Removes the handle from its member. @leave is called with whether it was the last
 * handle; no handle can join meanwhile. With the last one the member is freed. In a child
 * of fork() only the copy is freed.
 */
void member_leave(struct kreg *k, void (*leave)(struct kreg *k, bool is_last));

#pragma GCC visibility pop

#endif
