/* SPDX-License-Identifier: MIT */
/*
 * Rows: the holders of seats in this registry, and how much each has.
 *
 * A sum over rows is what kreg_count() returns: it reads one word for each seat instead
 * of walking the table.
 *
 * Promises  the sum over the living is exact with respect to the dead: a row counts for
 *           one life and is void with its end.
 * Needs     row_add() and row_hold() only for an owner whose row was opened by
 *           row_open().
 * Context   any thread; lock-free. row_open() reads /proc.
 * Used by   interrupted, log, gift, judge, in_use, ended, check, lib/.
 */
#ifndef KREG_SHM_ROW_H
#define KREG_SHM_ROW_H

#include "shm/segment.h"

/*
 * The number of a namespace, from a file below /proc/PID/ns; 0 with errno if it is not
 * shown.
 */
uint64_t row_namespace(const char *path);

/*
 * The number of the caller's PID namespace; 0: not known. The initial one has a number
 * that the kernel fixes.
 */
uint64_t row_pid_namespace(void);
/* The same for a process that does not see /proc; 0 also before Linux 6.11. */
uint64_t row_pid_namespace_without_proc(void);
#define ROW_PID_NAMESPACE_INITIAL 0xeffffffcull

/* The number of the caller's time namespace; 0: not known, or the kernel has none. */
uint32_t row_time_namespace(void);

/*
 * Reserves the row of the caller's seat, and those in front of it. Once for each life,
 * before anything else here is called for it. -ENOSPC, -ENOMEM: as segment_reserve().
 */
int row_reserve(const struct segment *s, owner_t self);

/*
 * What a row says of its holder. It takes the kernel some 15 us to tell, so it is asked before the seat
 * is there: the fallback's keeper takes that meanwhile.
 */
struct row_facts {
	struct segment_who who;
	uint32_t uid, gid;
	char comm[16];
};
void row_facts_of(struct row_facts *out);

/* The same of @pid, without asking the kernel: as the row of @owner has it, but for the name. */
void row_facts_again(struct row_facts *out, const struct segment *s, owner_t owner, pid_t pid);

/*
 * Makes the row of the caller's seat its own, for the life @self. Harmless when repeated.
 * It precedes the first entry: an entry of an owner without a row would be in no sum, and
 * would not keep the registry in use. @facts: of the caller, and @foster 0; or the process @foster
 * holds the life on behalf of the one that @facts are of, which has no life of its own.
 */
void row_open(const struct segment *s, const struct life_self *self, const struct row_facts *facts,
	      pid_t foster);

/*
 * At the last close, in front of the look for gifts; row_open() revokes it. row_has_closed():
 * whether @owner was, at some moment since the call, about to close or closed. Either it is
 * true, or @owner, when it closes, finds what the caller has made for it before.
 */
void row_close(const struct segment *s, owner_t self);
bool row_has_closed(const struct segment *s, owner_t owner);

/*
 * The process whose end is the end of @owner, where that is not row->who.pid: a pidfd for
 * the owner must be of this one. 0: there is none.
 */
pid_t row_foster(const struct segment *s, owner_t owner);

/*
 * Adjust the counts of @self: row_add() of names that can be found, row_hold() of
 * reserved ones, row_lock() of what its program holds: locks, places in their lines,
 * claims. Called after the change of the table that they count; when an entry moves from
 * one count to another, the new one is raised first (change.c), so a look for what keeps
 * the registry in use (in_use.c) never finds neither.
 */
static inline void row_add(const struct segment *s, owner_t self, int32_t entries);
void row_hold(const struct segment *s, owner_t self, int32_t entries);
void row_lock(const struct segment *s, const struct life_self *self, int32_t locks);

/*
 * Sets the counts of @self to zero, at its last close, after its entries were unlinked.
 * No other thread of the process may be in a call: a count that it changed between the
 * load and the subtraction would be left over.
 */
void row_clear(const struct segment *s, const struct life_table *lives,
	       const struct life_self *self);

/*
 * How many locks, places and claims the program that @owner runs holds. @lives: NULL if
 * nobody can say which program that is; then those of an earlier program count too.
 */
uint32_t row_locks(const struct segment *s, const struct life_table *lives, owner_t owner);

/*
 * row_move() precedes each replacement of an entry of @self; row_moves() is how often
 * that was. A visitor that goes through an owner's slabs, and finds the same number
 * before and after, has seen all its entries: an entry that moves from a slab still to be
 * visited into one visited already would be missed otherwise.
 */
void row_move(const struct segment *s, owner_t self);
uint64_t row_moves(const struct segment *s, owner_t owner);

/*
 * row_beat() records that @self is well; row_beat_ms() is the time since @owner last did
 * so, in milliseconds; -1: never.
 */
void row_beat(const struct segment *s, owner_t self);
int64_t row_beat_ms(const struct segment *s, owner_t owner);

/*
 * row->doubt, see interrupted.c:
 *
 *   63         50 49         34  33  32 31                 0
 *  +-------------+-------------+---+---+--------------------+
 *  | incarnation | image       | S | O | difference         |
 *  +-------------+-------------+---+---+--------------------+
 *
 * The low bits of the incarnation; the image is the program that was interrupted. O: open;
 * S: settled, and the sum of the difference and row->entries is right. An open doubt has
 * no difference: KEPT or 0. 0: there was never a doubt.
 */
#define DOUBT_OPEN (1ull << 32)
#define DOUBT_SETTLED (1ull << 33)
#define DOUBT_TAG (~0ull << 34)
#define DOUBT_KEPT 1ull

static inline uint64_t doubt_tag(uint64_t word)
{
	return ((uint64_t)(owner_incarnation(word) & 0x3fff) << 16 | owner_image(word)) << 34;
}

static inline bool doubt_is_kept(uint64_t doubt)
{
	return (doubt & DOUBT_OPEN) && (doubt & DOUBT_KEPT);
}

/* The doubt about the counts of @owner; 0: there was none in its life. */
uint64_t row_doubt(const struct segment *s, owner_t owner);

/*
 * The row's owner, if it is alive and the guard does not know that it never opened the
 * registry, else 0; *entries is its count. After an exec that interrupted a call the
 * count is right once somebody has recovered that; interrupted_owner() is exact before.
 */
owner_t row_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
		  uint32_t *entries);

/*
 * Whether @owner may have opened this registry: under the guard by what the kernel has
 * noted, whatever is written in the segment; in the fallback always true, because there
 * the rows and the lives are in the segment themselves and prove nothing.
 */
static inline bool row_is_members(const struct segment *s, const struct life_table *lives,
				  owner_t owner)
{
	return !lives->joined ||
	       life_has_joined(lives, owner, s->device, s->inode) != LIFE_JOINED_NO;
}

/* One more than the last seat whose row was ever opened, for loops. Never above s->seats. */
static inline uint32_t row_end(const struct segment *s)
{
	return segment_rows(s);
}

/*
 * The row of @seat, for reading. A seat that was never used here, or that does not exist,
 * has a row that is all 0: what is in the file there is not reserved, and its owner has
 * nothing in this registry. An owner whose word was read in the registry has a row,
 * because it opened that before.
 */
extern const struct row row_of_nobody;

static inline const struct row *row_look(const struct segment *s, uint32_t seat)
{
	return caa_likely(seat < segment_rows(s)) ? &s->rows[seat] : &row_of_nobody;
}

/*
 * The number of names of all living owners; *owners, if not NULL, becomes the number of
 * these owners. Gifts are in no row (gift_sum()).
 */
uint64_t row_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners);

/*
 * Notes that a count was changed, before the end of the call that changes it. A thread that stores
 * late can bring an earlier number back only while it is inside of that call.
 */
static inline void row_changed(struct row *row)
{
	/* relaxed: as the counts; the end of the call orders it */
	uint16_t changes = load_relaxed(&row->changes);

	store_relaxed(&row->changes, (uint16_t)(changes + 1)); /* relaxed: as above */
}

/*
 * Adds @entries, which may be negative, to the count in *word, if it is a count of
 * @self's life. If that life was ended while the process goes on, the word may belong to
 * the seat's next holder already; then nothing is added, because a stranger's count must
 * not change. The CAS compares the incarnation and adds in one step, which a fetch_add
 * could not. Added without a sign: what is there may be any number, if the memory is damaged.
 */
static inline bool row_count(struct row *row, uint64_t *word, owner_t self, int32_t entries)
{
	/* relaxed: a number that stands for itself; all writers are threads of one owner */
	uint64_t seen = load_relaxed(word);
	uint64_t next;

	do {
		if (owner_incarnation(seen) != owner_incarnation(self))
			return false;
		next = (seen & ~0xffffffffull) | ((uint32_t)seen + (uint32_t)entries);
		/*
		 * ORD[row_count:A] acq_rel: an entry, then its number, and another number
		 * that counts for it instead, then less of this one; pairs with
		 * interrupted_is_in_use:A
		 */
	} while (!cas_acq_rel(word, &seen, next));
	row_changed(row);
	return true;
}

/* Of counts, which processes have kept (counted.c). After a CAS that has changed one. */
static inline void row_void_sum(const struct segment *s)
{
	uint64_t seen;

	/*
	 * ORD[row_void_sum:A] full, with the CAS: our count, then whether a sum was made
	 * before it; pairs with begin_sum:A
	 */
	fence_after_cas();
	seen = load_relaxed(&s->header->counted); /* relaxed: behind the fence */
	/*
	 * ORD[row_void_sum:B] release: our count, then that sums from before it are void;
	 * pairs with counted_sum:A. If it fails another owner was first, after our change.
	 */
	if (caa_unlikely(seen & 1))
		cas_acq_rel(&s->header->counted, &seen, seen + 1);
}

static inline void row_add(const struct segment *s, owner_t self, int32_t entries)
{
	struct row *row = &s->rows[owner_seat(self)];

	if (caa_likely(row_count(row, &row->entries, self, entries)))
		row_void_sum(s);
}

#endif
