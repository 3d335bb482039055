/* SPDX-License-Identifier: MIT */
/*
 * Lives: which process holds a seat, and whether that very process is still alive.
 *
 * Everything that a process could leave behind carries its owner word, so one comparison
 * with the life word says whether it still counts. Death is a single store, made by the
 * kernel, and nothing has to be found or cleared in the exit path.
 *
 * Promises  life_is_alive() is false from before any process can be notified of the
 *           death; an owner word is never given to a second process (until one seat was
 *           taken 2^31 times).
 * Needs     a table opened by life_guard_open(), or laid over a segment's own lives.
 * Context   life_is_alive(): any, wait-free. The rest: not in signal handlers.
 * Used by   everything that asks to which process a word belongs.
 *
 * An owner word stands in every word that a process could leave behind:
 *
 *   63  62                 32 31           16 15            0
 *  +---+---------------------+---------------+---------------+
 *  | 0 | incarnation         | image         | seat          |
 *  +---+---------------------+---------------+---------------+
 *
 * The image distinguishes the programs that one process runs one after the other by exec.
 * It stands in what belongs to the program and is over with it: slots, and entries of
 * locks and claims. What belongs to the process, its names and slabs, has 0 there. An
 * owner_t never has an image; a word that may have one is tested by life_look_word(), and
 * compared with owners by owner_without_image().
 */
#ifndef KREG_SHM_LIFE_H
#define KREG_SHM_LIFE_H

#include <pthread.h>
#include <sys/types.h>

#include <linux/types.h>

#include "bpf/life_layout.h"
#include "shm/atomic.h"

typedef uint64_t owner_t;

/*
 * A life table as this process has mapped it. Filled once, by life_guard_open() or from
 * the segment, and constant afterwards; the words it leads to are written by the kernel
 * under the guard, and by keepers and the kernel in the fallback.
 */
struct life_table {
	const uint64_t *words;
	/* NULL in the fallback, which is how the two kinds of table are distinguished */
	const struct life_seat *facts;
	/* NULL in the fallback */
	const struct life_control *control;
	/* 0 in the fallback */
	uint64_t identity;
	/* of the pin of the words */
	uint64_t device, inode;
	uint32_t seats;
	/* the same under the guard; 0 in the fallback */
	uint32_t guarded;
	/* of the words' mapping, for life_guard_close(), life_guard_forget() */
	size_t words_bytes;
	size_t facts_bytes;
	/* NULL in the fallback */
	const struct life_joined *joined;
	size_t joined_bytes;
};

/*
 * The caller's own seat. Filled by the attach or hold that took it; private to the
 * process.
 */
struct life_self {
	/* 0: none */
	owner_t owner;
	uint32_t pid;
	uint32_t image;
	/* the fallback's thread, or NULL */
	struct life_keeper *keeper;
};

/*
 * The owner word of the life in @life, which may be alive or over: without pid and flags.
 */
static inline owner_t owner_of(uint64_t life, uint32_t seat)
{
	return (life & ~0xffffffffull) | seat;
}

static inline uint32_t owner_seat(owner_t owner)
{
	return owner & 0xffff;
}

static inline uint32_t owner_incarnation(owner_t owner)
{
	return (uint32_t)(owner >> 32);
}

/*
 * From the kernel's count to what stands in a word: never 0, which stands for no image,
 * and another number after each exec, and never ROW_OPEN. It comes back after 65534 of them.
 */
static inline uint32_t image_fold(uint32_t image)
{
	return image % 0xfffe + 1;
}

/* The word of what belongs to one program; without the image it is the owner again. */
static inline uint64_t owner_with_image(owner_t owner, uint32_t image)
{
	return owner | (uint64_t)image_fold(image) << 16;
}

static inline owner_t owner_without_image(uint64_t word)
{
	return word & ~0xffff0000ull;
}

static inline uint32_t owner_image(uint64_t word)
{
	return (word >> 16) & 0xffff;
}

/*
 * Whether @life is the life word of @owner, and not over: the same incarnation, and the
 * over bit, which falls on the image in an owner word and is 0 there in an owner_t. One
 * comparison, because it is made for each entry that a search meets.
 */
static inline bool life_word_is(uint64_t life, owner_t owner)
{
	return !((life ^ owner) & (0xffffffffull << LIFE_INCARNATION_SHIFT | LIFE_OVER));
}

/*
 * How the life of @owner ended, of which the caller has seen that it is over: what wait(2)
 * reports, with LIFE_END_KNOWN. 0: unknown, as in the fallback. Wait-free.
 */
static inline uint32_t life_end(const struct life_table *table, owner_t owner)
{
	uint32_t seat = owner_seat(owner);
	uint64_t end;

	if (!table->facts || seat >= table->seats)
		return 0;
	/* relaxed: one word, written before the life's end, which was seen by life_load() */
	end = load_relaxed(&table->facts[seat].ends[owner_incarnation(owner) % LIFE_ENDS]);
	return owner_incarnation(end) == owner_incarnation(owner) ? (uint32_t)end : 0;
}

/* The word of @seat, which is below table->seats. */
static inline uint64_t life_load(const struct life_table *table, uint64_t seat)
{
	/*
	 * ORD[life_look:A] acquire: the end of a life, then what its heir makes of what
	 * it left; pairs with kernel sched_process_exit (the guard's compare-and-swap)
	 * and handle_futex_death (the robust list's cmpxchg), read in 6.1 to 6.18, and
	 * with hear:A
	 */
	return load_acquire(&table->words[seat]);
}

/*
 * Whether @owner is alive, and the word that said so. A seat beyond the table is damage
 * and no owner: any process with write access can write an owner word. An incarnation of
 * 0 would match a seat that was never used.
 */
static inline bool life_look(const struct life_table *table, owner_t owner, uint64_t *word)
{
	uint32_t seat = owner_seat(owner);

	if (caa_unlikely(seat >= table->seats || !(owner >> 32)))
		return false;
	*word = life_load(table, seat);
	return life_word_is(*word, owner);
}

static inline bool life_is_alive(const struct life_table *table, owner_t owner)
{
	uint64_t word;

	return life_look(table, owner, &word);
}

/*
 * Whether @owner is or was one. Incarnations go round after 2^31 lives of a seat, so one that is up to
 * half of that ahead was not taken yet.
 */
static inline bool life_was_taken(const struct life_table *table, owner_t owner)
{
	uint32_t seat = owner_seat(owner), now, ahead;

	if (seat >= table->seats || owner != owner_without_image(owner) ||
	    !owner_incarnation(owner))
		return false;
	now = (uint32_t)((life_load(table, seat) >> LIFE_INCARNATION_SHIFT) &
			 LIFE_INCARNATION_MASK);
	ahead = (owner_incarnation(owner) - now) & LIFE_INCARNATION_MASK;
	return now && (!ahead || ahead > LIFE_INCARNATION_MASK / 2);
}

/* Whether no process holds @seat, or none any more. */
static inline bool life_is_over(const struct life_table *table, uint32_t seat)
{
	uint64_t word;

	if (caa_unlikely(seat >= table->seats))
		return true;
	/* relaxed: at this moment, whatever the row says */
	word = load_relaxed(&table->words[seat]);
	return !word || word & LIFE_OVER;
}

/*
 * As life_look() and life_is_alive(), for a word with an image: false from the exec on
 * that ended its program.
 */
bool life_image_look(const struct life_table *table, uint64_t word, uint64_t *life);
bool life_image_is_alive(const struct life_table *table, uint64_t word);

/*
 * A sum of the life words of the first @seats, without pids and waiters: the same as before
 * only if none of these lives has begun or ended since. Loads before it are ordered before
 * its own, and those before later loads.
 */
uint64_t life_sum(const struct life_table *table, uint32_t seats);

/* For a word with or without an image. */
static inline bool life_look_word(const struct life_table *table, uint64_t word, uint64_t *life)
{
	if (caa_unlikely(owner_image(word)))
		return life_image_look(table, word, life);
	return life_look(table, word, life);
}

static inline bool life_word_is_alive(const struct life_table *table, uint64_t word)
{
	uint64_t life;

	return life_look_word(table, word, &life);
}

/*
 * Maps the guard's table, read-only. -ENODEV: no guard is pinned at @path; -EPERM: what
 * is there belongs neither to root nor to the caller's user, or others may write it, or
 * it is in no bpffs; -EPROTO: a guard of another layout is there; other errors as the
 * kernel has them.
 */
int life_guard_open(struct life_table *out, const char *path);
void life_guard_close(struct life_table *table);

/*
 * Whether -EPERM comes from the ownership or the mode of what is at @path, and not from
 * the kernel.
 */
bool life_guard_is_strange(const char *path);

/*
 * Whether the guard of @table, which was opened at @path, still ends lives (life_gone.c).
 */
enum life_guard_state {
	LIFE_GUARD_THERE,
	/* its pins are not visible from here, and nothing says that it is gone */
	LIFE_GUARD_UNSEEN,
	LIFE_GUARD_GONE,
};
enum life_guard_state life_guard_look(const struct life_table *table, const char *path);

/*
 * Makes all lives of @table over in this process, and all words 0. False: not enough
 * memory; the table is as it was.
 */
bool life_guard_forget(const struct life_table *table);

/*
 * Takes a seat for the calling process, or finds the one it has. Threads that call it at once get
 * the same one. -EUSERS: no seat is free; -EDQUOT: the user holds its share; -ESHUTDOWN: the guard
 * has been stopping for at least 0.2 seconds, or is not the one of the table; -EAGAIN: for 10
 * seconds another thread of the process was attaching and got no CPU to finish, or the kernel
 * refused the guard what it needs.
 */
int life_guard_attach(struct life_self *out, const struct life_table *table, const char *path);

/*
 * An fd of what is pinned as @pin in the guard's folder, if folder and pin pass the
 * checks of life_guard_open(), or a negative errno.
 */
int life_guard_pin(const char *path, const char *pin);

/*
 * Has the guard note that this process has the registry open whose file is mapped at
 * @mapping, for writing; harmless when repeated. Called before the process's row is
 * opened, so an owner with a row is noted. -EAGAIN: the address space kept changing in
 * all tries; -ESRCH: it has no life. life_guard_leave(): this process has closed that
 * registry.
 */
int life_guard_join(const char *guard, const void *mapping);
void life_guard_leave(const char *guard, dev_t device, ino_t inode);

/*
 * Whether @owner, if it is alive, has that registry open for writing. UNKNOWN: the guard
 * does not say, as in the fallback, or for a process that has more registries open than
 * the guard notes. Wait-free.
 */
enum life_joined_word { LIFE_JOINED_NO, LIFE_JOINED_YES, LIFE_JOINED_UNKNOWN };
enum life_joined_word life_has_joined(const struct life_table *table, owner_t owner, dev_t device,
				      ino_t inode);

/*
 * Takes a seat among @words, which are shared memory, and keeps it until
 * life_robust_detach() or the end of the program, exec included. life_robust_begin() starts
 * the thread that takes it: -EAGAIN, -ENOMEM: no thread, no memory. life_robust_attach(), after it,
 * waits until the thread has done so: -EUSERS: no seat is free; -EPERM, -ENOSYS: gettid(2),
 * set_robust_list(2) is refused; the thread has ended then.
 */
int life_robust_begin(struct life_self *out, uint64_t *words, uint32_t seats);
int life_robust_attach(struct life_self *self);
void life_robust_detach(struct life_self *self);

/*
 * Takes a seat without a thread of its own, for a process that has one thread only: a
 * child of fork() that never calls exec and uses no robust mutex, whose list this
 * replaces. life_robust_let_go() gives the seat back. Async-signal-safe. Errors as above.
 */
int life_robust_hold(struct life_self *out, uint64_t *words, uint32_t seats);
void life_robust_let_go(struct life_self *self);

/*
 * For waiters for the end of @owner: the word that the kernel wakes then, and in *seen
 * what it holds until then. NULL: the life is over. The kernel wakes one waiter;
 * life_robust_wake() the others.
 */
uint32_t *life_robust_listen(uint64_t *words, owner_t owner, uint32_t *seen);
void life_robust_wake(uint64_t *words, owner_t owner);

/*
 * In a child of fork(), which has neither the keeper nor its list: frees the copy of what
 * belongs to them.
 */
void life_robust_forget(struct life_self *self);

#endif
