/* SPDX-License-Identifier: MIT */
/*
 * Rows: who is in this registry, and how much each has.
 *
 * Promises  the sum over the living is exact with respect to the dead: a row counts for one life
 *           and is void with its end.
 * Needs     row_add() for an owner whose row was opened by row_open().
 * Context   any thread; lock-free.
 * Used by   log, succession, lib/.
 */
#ifndef KREG_SHM_ROW_H
#define KREG_SHM_ROW_H

#include "shm/segment.h"

/* The number of our PID namespace; 0: not known. The initial one's is always the same. */
uint64_t row_pid_namespace(void);
#define ROW_PID_NAMESPACE_INITIAL 0xeffffffcull

/* What /proc/PID/stat says of a process. False: it does not show it. */
struct row_process {
	char state; /* as there: R, S, T, Z ... */
	long threads;
	unsigned long long ticks; /* its start since boot */
};
bool row_process_read(pid_t pid, struct row_process *out);

/* When @pid was started, nanoseconds since boot, in the clock ticks of /proc; 0: there is none. */
uint64_t row_process_start(pid_t pid);

/*
 * Makes the row of one's seat one's own. Harmless when repeated. row_open_foster(): for one who lives for
 * process @pid, its child, which has no life of its own.
 */
void row_open(const struct segment *s, const struct life_self *self);
void row_open_foster(const struct segment *s, const struct life_self *self, pid_t pid);

/* The process whose end is @owner's, for a pidfd, where it is not the one of row->pid; or 0. */
pid_t row_foster(const struct segment *s, owner_t owner);

/* Counts names of @self up or down; what it has that nobody finds. */
void row_add(const struct segment *s, owner_t self, int32_t entries);
void row_hold(const struct segment *s, owner_t self, int32_t entries);

/*
 * To be told before an entry of @self is replaced, and how often it was: whoever goes through an owner's
 * slabs, with no move meanwhile, has come by all its entries.
 */
void row_move(const struct segment *s, owner_t self);
uint64_t row_moves(const struct segment *s, owner_t owner);

/* Says that @self is well; milliseconds since @owner has said so, -1: never. */
void row_beat(const struct segment *s, owner_t self);
int64_t row_beat_ms(const struct segment *s, owner_t owner);

/* The row's owner, if he is alive, else 0; *entries is his count. */
owner_t row_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
		  uint32_t *entries);

/* One more than the last seat whose row was ever opened. */
uint32_t row_end(const struct segment *s);

/* All entries of the living; *owners, if not NULL, is how many they are. */
uint64_t row_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners);

#endif
