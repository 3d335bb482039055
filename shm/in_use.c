/* SPDX-License-Identifier: MIT */
/*
 * What keeps a registry in use is counted in three places: what is held and the names in the rows, gifts where they
 * lie. One look goes by them one after the other. What is counted all the time, and moves from one place to another
 * meanwhile, is found: either it moves the way the look goes and is counted there before it is not here any
 * more, or the row of who moves it holds it (change.c), and who looks twice sees that at the second look.
 */
#include "shm/in_use.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "shm/gift.h"
#include "shm/interrupted.h"
#include "shm/row.h"

/* Without the table. Where its pid means nobody here, nobody here can say that it is dead. */
static bool process_is_alive(const struct row *row)
{
	uint64_t here = row_pid_namespace(), there = row->pid_namespace;
	pid_t pid = (pid_t)row->pid;
	char path[64];

	if (here && there && here != there)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!access(path, R_OK))
		return row_process_start(pid) == row->start;
	/* /proc may hide it from us: who exists then counts as alive. */
	return !kill(pid, 0) || errno == EPERM;
}

/* @table: NULL if the segment's is gone. Then *pid is the owner's, as far as it is known. */
static bool owner_is_alive(const struct segment *s, const struct life_table *table, owner_t owner,
			   pid_t *pid)
{
	const struct row *row = &s->rows[owner_seat(owner)];
	uint64_t life;

	*pid = (pid_t)row->pid;
	if (!table)
		return process_is_alive(row);
	if (!life_look(table, owner, &life))
		return false;
	if (table->facts)
		*pid = (pid_t)(life & LIFE_PID_MASK);
	return true;
}

/* Of gifts the rows know nothing. */
static bool someone_has_gift(const struct segment *s, const struct life_table *table, pid_t *pid)
{
	uint32_t slab, slabs = gift_is_any(s) ? land_slabs(s) : 0;

	for (slab = 0; slab < slabs; slab++) {
		owner_t owner = gift_owner(s, slab);

		if (owner && owner_seat(owner) < s->seats && owner_is_alive(s, table, owner, pid))
			return true;
	}
	return false;
}

bool in_use_by(const struct segment *s, const struct life_table *lives, pid_t *pid)
{
	struct life_table own = { .words = s->lives, .seats = s->seats };
	const struct life_table *table = s->lives ? &own : lives;
	uint32_t seat;

	if (table && table->identity != s->header->identity)
		table = NULL;
	for (seat = 0; seat < s->seats; seat++) {
		/* relaxed: a full fence stands before, and nothing is read through the word */
		owner_t owner = owner_of(load_relaxed(&s->rows[seat].entries), seat);

		/* The cheaper look first. */
		if (table ? owner_is_alive(s, table, owner, pid) &&
				    interrupted_is_in_use(s, table, seat)
			  : interrupted_is_in_use(s, NULL, seat) &&
				    owner_is_alive(s, NULL, owner, pid))
			return true;
	}
	return someone_has_gift(s, table, pid);
}
