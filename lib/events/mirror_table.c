/* SPDX-License-Identifier: MIT */
/*
 * What the table says of an entry of the mirror.
 *
 * A registrant writes its record when its entry is linked already, so another process may have ended
 * that by then, and the listener may have begun, or missed records, in between: it knows the beginning and not the
 * end. So an entry that the table lacks when a record tells of it is looked at again in the next step. If
 * its owner has ended it, that was announced before, and is read by then.
 */
#include "lib/events/mirror_store.h"
#include "lib/find/lookup.h"
#include "shm/gift.h"
#include "shm/query.h"

bool mirror_is_there(struct mirror *m, owner_t owner, place_t place, const void *key,
		     size_t key_size)
{
	struct kreg *k = m->k;
	struct query q = table_query_of(&k->segment, owner, key, key_size);
	struct table_walk walk;
	struct found found;
	int tries, err;

	q.owner = owner;
	for (tries = 0; tries < PEEK_TRIES; tries++) {
		uint64_t epoch = grace_peek(&k->segment);

		table_line(&k->segment, &q, &walk);
		err = place ? table_find_at(&k->segment, &k->lives, &q, place, &found)
			    : table_line_next(&k->segment, &k->lives, &q, &walk, &found);
		if (grace_peek_held(&k->segment, epoch))
			return !err;
	}
	return false;
}

bool entry_is_there(struct mirror *m, const struct mirror_entry *entry)
{
	return mirror_is_there(m, entry->token, entry->place, entry->key->key,
			       entry->key->key_size);
}

void mirror_note_absent(struct mirror *m, struct mirror_entry *entry)
{
	/* Only gifts are ended by others. */
	if (entry && gift_was_any(&m->k->segment) && cds_list_empty(&entry->absent) &&
	    !entry_is_there(m, entry))
		cds_list_add_tail(&entry->absent, &m->absent);
}

bool mirror_has_absent(struct mirror *m)
{
	return !cds_list_empty(&m->was_absent);
}

int mirror_end_absent(struct mirror *m)
{
	int err = 0;

	while (!err && !cds_list_empty(&m->was_absent)) {
		struct mirror_entry *entry =
			cds_list_first_entry(&m->was_absent, struct mirror_entry, absent);

		cds_list_del_init(&entry->absent);
		/* Entries of the dead are reported as purged, later. */
		if (life_is_alive(&m->k->lives, entry->token) && !entry_is_there(m, entry))
			err = mirror_end_entry(m, entry, KREG_EVENT_UNREGISTER);
	}
	cds_list_splice(&m->absent, &m->was_absent);
	CDS_INIT_LIST_HEAD(&m->absent);
	return err;
}
