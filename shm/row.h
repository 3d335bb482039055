/* SPDX-License-Identifier: MIT */
/*
 * Rows: who is in this registry, and how much each has.
 *
 * Promises  the sum over the living is exact with respect to the dead: a row counts for one life
 *           and is void with its end.
 * Needs     row_add() for an owner whose row was opened by row_open().
 * Context   any thread; lock-free.
 * Used by   interrupted, log, gift, judge, in_use, check, lib/.
 */
#ifndef KREG_SHM_ROW_H
#define KREG_SHM_ROW_H

#include "shm/segment.h"

/* The number of a namespace, by a file of /proc/PID/ns; 0, with errno. */
uint64_t row_namespace(const char *path);

/* The number of our PID namespace; 0: not known. The initial one's is always the same. */
uint64_t row_pid_namespace(void);
#define ROW_PID_NAMESPACE_INITIAL 0xeffffffcull

/* That of our time namespace; 0: not known, or the kernel has none. */
uint32_t row_time_namespace(void);

/*
 * Makes the row of one's seat one's own. Harmless when repeated. row_open_foster(): for one who lives for
 * process @pid, its child, which has no life of its own.
 */
void row_open(const struct segment *s, const struct life_self *self);
void row_open_foster(const struct segment *s, const struct life_self *self, pid_t pid);

/* The process whose end is @owner's, for a pidfd, where it is not the one of row->who.pid; or 0. */
pid_t row_foster(const struct segment *s, owner_t owner);

/* Counts names of @self up or down; reserved ones; what the program holds: locks, places in lines, claims. */
void row_add(const struct segment *s, owner_t self, int32_t entries);
void row_hold(const struct segment *s, owner_t self, int32_t entries);
void row_lock(const struct segment *s, const struct life_self *self, int32_t locks);

/* Says that @self has nothing any more. No other thread of it may be in a call. */
void row_clear(const struct segment *s, const struct life_table *lives,
	       const struct life_self *self);

/* How many the program that @owner runs has. @lives: NULL if its image is not to be known. */
uint32_t row_locks(const struct segment *s, const struct life_table *lives, owner_t owner);

/*
 * To be told before an entry of @self is replaced, and how often it was: whoever goes through an owner's
 * slabs, with no move meanwhile, has come by all its entries.
 */
void row_move(const struct segment *s, owner_t self);
uint64_t row_moves(const struct segment *s, owner_t owner);

/* Says that @self is well; milliseconds since @owner has said so, -1: never. */
void row_beat(const struct segment *s, owner_t self);
int64_t row_beat_ms(const struct segment *s, owner_t owner);

/*
 * row->doubt, see interrupted.c:
 *
 *   63            50 49            34 33  32  31             0
 *  +----------------+----------------+---+---+----------------+
 *  | incarnation,   | image that was | S | O | what is to be  |   O: open; S: settled, and the sum is
 *  | the low bits   | interrupted    |   |   | added          |   right; neither: never in doubt
 *  +----------------+----------------+---+---+----------------+
 */
#define DOUBT_OPEN (1ull << 32)
#define DOUBT_SETTLED (1ull << 33)
#define DOUBT_TAG (~0ull << 34)

static inline uint64_t doubt_tag(uint64_t word)
{
	return ((uint64_t)(owner_incarnation(word) & 0x3fff) << 16 | owner_image(word)) << 34;
}

/* The doubt about the counts of @owner; 0: there was none in its life. */
uint64_t row_doubt(const struct segment *s, owner_t owner);

/*
 * The row's owner, if it is alive and not known never to have opened the registry, else 0; *entries is its count.
 * What exec has interrupted is in it once somebody has recovered that; interrupted_owner() is exact before.
 */
owner_t row_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
		  uint32_t *entries);

/*
 * Whether @owner may have opened this registry: under the guard what the kernel has noted, whatever is written in
 * here; in the fallback always.
 */
static inline bool row_is_members(const struct segment *s, const struct life_table *lives,
				  owner_t owner)
{
	return !lives->joined ||
	       life_has_joined(lives, owner, s->device, s->inode) != LIFE_JOINED_NO;
}

/* One more than the last seat whose row was ever opened. */
uint32_t row_end(const struct segment *s);

/* All entries of the living; *owners, if not NULL, is how many they are. */
uint64_t row_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners);

#endif
