/* SPDX-License-Identifier: MIT */
/*
 * Rows: one record for each seat, with the facts about its holder and the number of its
 * entries.
 *
 * A row is {incarnation, count} in one word, so the count of a dead owner needs no
 * clearing: the next holder of the seat replaces the whole word by a CAS that changes the
 * incarnation. A count in a word of its own would need somebody to reset it after each
 * death, and every sum would be wrong until then.
 *
 *   killed here                         the count
 *   entry linked, not yet counted       is void: the owner is dead
 *   entry marked, not yet counted off   the same
 *   row reserved, not opened            there is none, or that of an earlier life
 *   row opened in part (row_open())     is void: the word still has the earlier incarnation, or
 *                                       the new one, whose life is over as well
 */
#include "shm/row.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/kernel.h"
#include "base/process.h"
#include "base/text.h"

const struct row row_of_nobody;

/*
 * The kernel shows a namespace as a link, "pid:[4026531836]", to a file whose inode number is the
 * namespace's own. No two namespaces of a kind have the same one at the same time. The link says
 * it in half the time of stat(2), for which the kernel makes that file.
 */
uint64_t row_namespace(const char *path)
{
	char text[64];
	ssize_t got = kernel_readlink(path, text, sizeof(text) - 1);
	uint64_t number = 0;
	const char *at;

	if (got < 0)
		return 0;
	text[got] = 0;
	errno = EPROTO;
	at = text_find(text, '[');
	for (at = at ? at + 1 : ""; text_is_digit(*at); at++)
		number = number * 10 + (unsigned)(*at - '0');
	return number;
}

uint64_t row_pid_namespace(void)
{
	return row_namespace("/proc/self/ns/pid");
}

uint64_t row_pid_namespace_without_proc(void)
{
	int self = fd_pidfd(process_pid()), space = -1;
	struct stat facts = { 0 };

	if (self >= 0)
		space = fd_pid_namespace(self);
	if (space >= 0 && fstat(space, &facts))
		facts.st_ino = 0;
	fd_close(&space);
	fd_close(&self);
	return facts.st_ino;
}

uint32_t row_time_namespace(void)
{
	return (uint32_t)row_namespace("/proc/self/ns/time");
}

int row_reserve(const struct segment *s, owner_t self)
{
	return segment_raise(s, &s->header->seats_high, owner_seat(self) + 1, s->rows,
			     sizeof(*s->rows));
}

/*
 * The start time is that of /proc/self, which is the caller's in every mount. If /proc is
 * mounted for another PID namespace, its numbers denote other processes, so /proc/PID would
 * give the start of a stranger, and judge.c would later find the holder dead because the
 * times differ.
 */
void row_facts_of(struct row_facts *out)
{
	struct process process;

	*out = (struct row_facts){
		.who = { .pid = (uint32_t)process_pid(),
			 .time_namespace = row_time_namespace(),
			 .start = process_read_self(&process) ? process_start_of(&process) : 0,
			 .pid_namespace = row_pid_namespace() },
		.uid = process_uid(),
		.gid = process_gid(),
	};
	kernel_get_name(out->comm);
}

void row_facts_again(struct row_facts *out, const struct segment *s, owner_t owner, pid_t pid)
{
	const struct row *row = row_look(s, owner_seat(owner));

	*out = (struct row_facts){ .who = row->who, .uid = row->uid, .gid = row->gid };
	/* A process with write access can put any pid into a row; the caller knows the right one. */
	out->who.pid = (uint32_t)pid;
	prctl(PR_GET_NAME, out->comm);
}

/*
 * Writes the facts, then takes the count word over. The caller holds the seat by the life
 * @self, so no other process writes this row. Threads of one process open it one after
 * the other (member.c), and each writes the facts as they are by then.
 *
 * @foster and who.pid come first, with a release each: a reader that loads a pid and then
 * still finds the old life in the life word must not have loaded the new holder's pid
 * (see handle_pid()). The count word comes last: a reader that finds the new incarnation
 * in it finds the facts of the new holder, not those of the dead one.
 */
void row_open(const struct segment *s, const struct life_self *self, const struct row_facts *facts,
	      pid_t foster)
{
	struct row *row = &s->rows[owner_seat(self->owner)];
	uint64_t seen;

	/*
	 * ORD[row_open:C] release: the seat's new life, then who stands for it; pairs
	 * with row_foster:A
	 */
	store_release(&row->foster, (uint32_t)foster);
	/*
	 * ORD[row_open:B] release: the seat's new life, then the pid; pairs with
	 * handle_pid:A, lookup_lives_robust:A
	 */
	store_release(&row->who.pid, facts->who.pid);
	row->uid = facts->uid;
	row->gid = facts->gid;
	row->who.start = facts->who.start;
	row->who.time_namespace = facts->who.time_namespace;
	row->who.pid_namespace = facts->who.pid_namespace;
	memcpy(row->comm, facts->comm, sizeof(row->comm));
	/*
	 * Before the count word, so that no process finds the new life with a row that the life
	 * before has closed. The image itself comes later (interrupted.c). relaxed: the CAS below
	 * orders it, or, for the life that has closed the row, nothing is to be
	 */
	if (!load_relaxed(&row->image))
		store_relaxed(&row->image, (uint16_t)ROW_OPEN); /* relaxed: as above */
	/* relaxed: the CAS looks again */
	seen = load_relaxed(&row->entries);
	/*
	 * Only for a new life. If the same life opens its row again (a second handle, or
	 * another program of the process after exec), its counts are right and go on;
	 * clearing them would lose what the process has registered.
	 */
	if (owner_incarnation(seen) != owner_incarnation(self->owner)) {
		store_relaxed(&row->beat, 0ull);                         /* relaxed: as the facts */
		store_relaxed(&row->listeners, 0u);                      /* relaxed: as the facts */
		store_relaxed(&row->held, self->owner & ~0xffffffffull); /* relaxed: as the facts */
		store_relaxed(&row->locks, 0ull);                        /* relaxed: as the facts */
		store_relaxed(&row->doubt, 0ull);                        /* relaxed: as the facts */
	}
	while (owner_incarnation(seen) != owner_incarnation(self->owner)) {
		/*
		 * ORD[row_open:A] acq_rel: the facts, then the row that is ours; pairs
		 * with row_owner:A, row_has_closed:B, consent_is_given:A
		 */
		if (cas_acq_rel(&row->entries, &seen, self->owner & ~0xffffffffull))
			break; /* happens here */
	}
}

pid_t row_foster(const struct segment *s, owner_t owner)
{
	/*
	 * ORD[row_foster:A] acquire: the process that stands for it, then the life once
	 * more, as for the pid; pairs with row_open:C
	 */
	return (pid_t)load_acquire(&row_look(s, owner_seat(owner))->foster);
}

void row_close(const struct segment *s, owner_t self)
{
	struct row *row = &s->rows[owner_seat(self)];

	/*
	 * As for counts, a stranger's row must not change, if our life was ended while the
	 * process goes on. relaxed: the fence orders it
	 */
	if (owner_incarnation(load_relaxed(&row->entries)) == owner_incarnation(self))
		store_relaxed(&row->image, (uint16_t)0); /* relaxed: as above */
	/*
	 * ORD[row_close:A] full: that we are about to close, then the gifts that were made for
	 * us; pairs with row_has_closed:A. Of one that we miss its maker finds that we close.
	 */
	full_fence();
}

bool row_has_closed(const struct segment *s, owner_t owner)
{
	const struct row *row = row_look(s, owner_seat(owner));
	uint64_t word;

	/*
	 * ORD[row_has_closed:A] full: a gift that was made, then whether its owner is about to
	 * close; pairs with row_close:A
	 */
	full_fence();
	/* ORD[row_has_closed:B] acquire: whose row it is, then that; pairs with row_open:A */
	word = load_acquire(&row->entries);
	/* relaxed: behind the fence */
	return owner_incarnation(word) == owner_incarnation(owner) && !load_relaxed(&row->image);
}

/*
 * The upper half of row->locks for one program of one life:
 *
 *   63            48 47            32 31             0
 *  +----------------+----------------+----------------+
 *  | incarnation,   | image, folded  | locks          |
 *  | the low bits   |                |                |
 *  +----------------+----------------+----------------+
 *
 * Locks and claims end with the program that holds them. With the image in the word, the
 * count of an earlier program is void from its exec on, and no instruction has to run for
 * that.
 */
static uint64_t locks_of(owner_t owner, uint32_t image)
{
	return (uint64_t)(owner_incarnation(owner) & 0xffff) << 48 | (uint64_t)image << 32;
}

void row_lock(const struct segment *s, const struct life_self *self, int32_t locks)
{
	struct row *row = &s->rows[owner_seat(self->owner)];
	uint64_t mine = locks_of(self->owner, image_fold(self->image));
	uint64_t seen = load_relaxed(&row->locks); /* relaxed: as row_count() */
	uint32_t count;

	do {
		/*
		 * A word of another life or program counts as 0: its locks have ended
		 * with it. No other process writes the word, so the CAS fails only
		 * against a thread of this one.
		 */
		count = (seen & ~0xffffffffull) == mine ? (uint32_t)seen : 0;
		/* relaxed: as row_count() */
	} while (!cas_relaxed(&row->locks, &seen, mine | (count + (uint32_t)locks)));
	row_changed(row);
}

uint32_t row_locks(const struct segment *s, const struct life_table *lives, owner_t owner)
{
	/* relaxed: as row_count() */
	uint64_t word = load_relaxed(&row_look(s, owner_seat(owner))->locks);
	uint32_t image = (word >> 32) & 0xffff;

	/*
	 * Void if the word is of another life in this seat, or of a program that exec has
	 * replaced. Without @lives, for a registry whose life table is gone, an ended
	 * program cannot be distinguished from the present one; its locks count then,
	 * because a registry that may be in use must not be taken for an unused one.
	 */
	if (!image || (word & ~0xffffffffull) != locks_of(owner, image) ||
	    (lives && !life_image_is_alive(lives, owner | (uint64_t)image << 16)))
		return 0;
	return (uint32_t)word;
}

void row_hold(const struct segment *s, owner_t self, int32_t entries)
{
	struct row *row = &s->rows[owner_seat(self)];

	row_count(row, &row->held, self, entries);
}

/*
 * The number that takes all of @count away when it is added, whatever stands in shared
 * memory: -(int32_t)count would overflow for INT32_MIN.
 */
static int32_t less(uint32_t count)
{
	return (int32_t)(0u - count);
}

void row_clear(const struct segment *s, const struct life_table *lives,
	       const struct life_self *self)
{
	struct row *row = &s->rows[owner_seat(self->owner)];
	uint32_t entries;

	/*
	 * With what a doubt adds: an interrupted program has not counted everything that
	 * it has linked. Without it the count would be off by that difference for the
	 * rest of this life.
	 */
	row_owner(s, lives, owner_seat(self->owner), &entries);
	row_add(s, self->owner, less(entries));
	row_hold(s, self->owner, less(load_relaxed(&row->held))); /* relaxed: as row_count() */
	row_lock(s, self, less(row_locks(s, lives, self->owner)));
}

void row_move(const struct segment *s, owner_t self)
{
	/*
	 * ORD[row_move:A] acq_rel: the number, then the CAS that moves and what becomes
	 * of the old block; pairs with row_moves:A
	 *
	 * Before the CAS, not after it: a writer that is killed or stopped between the
	 * two has announced a move that was not made, which costs a visitor one more
	 * pass. In the other order a visitor could miss the entry and find the number
	 * unchanged.
	 */
	fetch_add_acq_rel(&s->rows[owner_seat(self)].moves, 1);
}

uint64_t row_moves(const struct segment *s, owner_t owner)
{
	/*
	 * ORD[row_moves:A] acquire, on both sides: what was read of the blocks, then the
	 * number, then what is read of them next; pairs with row_move:A
	 */
	fence_acquire();
	return load_acquire(&row_look(s, owner_seat(owner))->moves);
}

void row_beat(const struct segment *s, owner_t self)
{
	/* relaxed: a time that stands for itself */
	store_relaxed(&s->rows[owner_seat(self)].beat, clock_now());
}

int64_t row_beat_ms(const struct segment *s, owner_t owner)
{
	/* relaxed: as row_beat() */
	uint64_t beat = load_relaxed(&row_look(s, owner_seat(owner))->beat);
	uint64_t at = clock_now();

	if (!beat)
		return -1;
	/*
	 * The owner may have beaten after this thread read the clock; the difference
	 * would then be negative, that is, some 584 years.
	 */
	return beat < at ? (int64_t)((at - beat) / 1000000) : 0;
}

uint64_t row_doubt(const struct segment *s, owner_t owner)
{
	/*
	 * ORD[row_doubt:A] acquire: the doubt, then the slots and counts; pairs with
	 * doubt_cas:A
	 */
	uint64_t doubt = load_acquire(&row_look(s, owner_seat(owner))->doubt);

	/* A doubt about an earlier life in this seat says nothing about @owner. */
	return doubt >> 50 == (owner_incarnation(owner) & 0x3fff) ? doubt : 0;
}

owner_t row_owner(const struct segment *s, const struct life_table *lives, uint32_t seat,
		  uint32_t *entries)
{
	uint64_t word, doubt;
	owner_t owner;

	/* ORD[row_owner:A] acquire: the row, then its facts; pairs with row_open:A */
	word = load_acquire(&row_look(s, seat)->entries);
	owner = owner_of(word, seat);
	*entries = (uint32_t)word;
	doubt = row_doubt(s, owner);
	/*
	 * The difference stays in the doubt for the rest of the life, because two words
	 * cannot be changed at once: between adding it to the count and clearing the
	 * doubt, it would be counted twice or not at all.
	 */
	if (caa_unlikely(doubt & DOUBT_SETTLED))
		*entries += (uint32_t)doubt;
	/*
	 * The life is looked at after the count: if it goes on now, the count that was
	 * loaded is that of a living owner. Membership is asked because a process with
	 * write access can put any incarnation into a row.
	 */
	return life_is_alive(lives, owner) && row_is_members(s, lives, owner) ? owner : 0;
}

uint64_t row_sum(const struct segment *s, const struct life_table *lives, uint32_t *owners)
{
	uint32_t seat, end = row_end(s), entries;
	uint64_t sum = 0;

	if (owners)
		*owners = 0;
	for (seat = 0; seat < end; seat++) {
		if (!row_owner(s, lives, seat, &entries))
			continue;
		sum += entries;
		if (owners)
			(*owners)++;
	}
	return sum;
}
