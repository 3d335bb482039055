/* SPDX-License-Identifier: MIT */
/*
 * Finding what a change acts upon: the caller's own entries of its key.
 *
 * The section may be expelled while it walks the line (grace.c). So each entry that is
 * found is named by a hazard, and the section is checked before the caller gets the
 * entry; from then on the entry and its value stay. If the check fails, the walk starts
 * again and skips the entries that the caller has seen and left. Those are still there:
 * within a change no other thread can unregister them, because the lock of the key is
 * held. Only gifts another process may unregister (behalf.c); then nothing says how far the
 * walk had come, and none is skipped.
 */
#include "lib/names/change_step.h"

#include <errno.h>

#include "lib/find/found.h"
#include "lib/find/lookup.h"
#include "shm/query.h"

void change_own_line(struct change *change, struct own_line *line)
{
	change_line_of(change, change->k->self.owner, line);
}

void change_line_of(struct change *change, owner_t owner, struct own_line *line)
{
	line->q = *change->q;
	line->q.owner = owner;
	line->begun = false;
	line->renewals = 0;
	line->after = 0;
}

/*
 * Walks from the start of the line to the entry after line->after. -EAGAIN: that one is gone, and
 * no other is to be skipped.
 */
static int own_line_next(struct change *change, struct own_line *line, struct found *out)
{
	const struct segment *s = &change->k->segment;
	place_t after = 0;
	int err;

	if (!line->begun) {
		table_line(s, &line->q, &line->walk);
		after = line->after;
		line->begun = true;
		line->renewals = grace_renewals(&change->thread->writer);
	}
	while (!(err = table_line_next(s, &change->k->lives, &line->q, &line->walk, out))) {
		if (!after)
			break;
		if (after == out->place)
			after = 0;
	}
	if (caa_likely(err != -ENOENT || !after))
		return err;
	line->after = 0;
	return -EAGAIN;
}

int change_own_next(struct change *change, struct own_line *line, struct found *out)
{
	int err;

	/*
	 * For example, the caller has unregistered the entry found last, and was expelled
	 * meanwhile.
	 */
	if (line->renewals != grace_renewals(&change->thread->writer))
		line->begun = false;
	for (;;) {
		err = own_line_next(change, line, out);
		if (grace_protect(&change->thread->writer, HAZARD_OWN, err ? 0 : out->place) &&
		    caa_likely(err != -EAGAIN))
			return err;
		line->begun = false;
	}
}

int change_own_unlink(struct change *change, struct own_line *line, const struct found *found)
{
	int err = change_unlink_gift(change, found);

	if (err != -ENOENT)
		return err ? err : 1;
	line->begun = false;
	return 0;
}

bool change_find_holder(struct change *change, struct found *out)
{
	return change_find_first(change, out);
}

int change_find_own(struct change *change, struct found *out)
{
	struct own_line line;

	change_own_line(change, &line);
	return change_own_next(change, &line, out);
}

int change_find_at(struct change *change, place_t place, struct found *out)
{
	struct query own = *change->q;
	int err;

	own.owner = change->k->self.owner;
	do {
		err = table_find_at(&change->k->segment, &change->k->lives, &own, place, out);
	} while (!grace_protect(&change->thread->writer, HAZARD_OWN, err ? 0 : out->place));
	return err;
}

int change_unlink_at(struct kreg *k, const struct query *q, place_t place)
{
	struct change change;
	struct found own;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	err = change_find_at(&change, place, &own);
	if (!err)
		err = change_unlink(&change, &own);
	change_leave(&change);
	return err;
}

uint32_t change_ahead(struct change *change, place_t place)
{
	struct kreg *k = change->k;
	struct query line = *change->q;
	struct table_walk walk;
	struct found at;
	uint32_t ahead;

	if (!k->segment.unique)
		return 0;
	line.kinds = KINDS_OF_NAMES;
	do {
		ahead = 0;
		table_line(&k->segment, &line, &walk);
		/* Another process may have replaced a gift since, by one at another place. */
		while (!table_line_next(&k->segment, &k->lives, &line, &walk, &at) &&
		       at.place != place && at.owner != k->self.owner)
			ahead++;
	} while (grace_again(&change->thread->writer));
	return ahead;
}

ssize_t change_copy_own(struct kreg *k, const struct query *q, struct found *own, void *value,
			size_t capacity)
{
	struct change change;
	ssize_t got = change_enter(&change, k, q);

	if (got)
		return got;
	got = change_find_own(&change, own);
	if (!got)
		got = found_value(k, own, value, capacity);
	change_leave(&change);
	return got;
}

int change_whose(struct kreg *k, const struct query *q, int err)
{
	struct kreg_owner owner;
	struct found found;

	if (caa_likely(err != -ENOENT) || !k->segment.unique || lookup_first(k, q, &found, &owner))
		return err;
	return found.owner == k->self.owner ? err : -EPERM;
}
