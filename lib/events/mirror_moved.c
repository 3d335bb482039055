/* SPDX-License-Identifier: MIT */
/*
 * Names that have moved: an update puts an entry elsewhere.
 *
 * While the table is read, at the beginning and after records were missed, owners go on. What they do then is in
 * the records as well, so these begin before the state that is known. With unique keys owner and key
 * say which entry it is, wherever it lies; the name was never free, so it does not end:
 *
 *   the name that its owner holds, at another place
 *     in the table                          it is there now, and updated if its value differs
 *     in a record, and the table has it     nothing: the record is older, and what has led there
 *       where it is known                   is known
 *     in a record, otherwise                it is there now, and updated; the records that follow lead on
 *   another key at its place                it is nowhere, until a record or the table has it; ended,
 *                                           if the table says that its owner does not hold it
 */
#include <string.h>

#include "lib/events/mirror_store.h"

struct mirror_entry *moved_find(struct mirror *m, const struct news *news)
{
	struct mirror_key *key = key_find(m, news->entry.key, news->entry.key_size);
	struct mirror_entry *entry;

	if (!m->k->segment.unique || news->flags & (LOG_WAITING | LOG_FRONT) || !key)
		return NULL;
	entry = key_holder(key);
	return entry && entry->token == news->entry.owner.token ? entry : NULL;
}

int moved_is_as(struct mirror *m, struct mirror_entry *entry, const struct news *news)
{
	bool is_same = entry->value_size == news->entry.value_size &&
		       !memcmp(entry->value, news->entry.value, entry->value_size);
	int err = entry->place == news->place ? 0 : entry_move(m, entry, news->place);

	if (!err && !is_same)
		err = entry_set_value(entry, news->entry.value, news->entry.value_size);
	return err || is_same || entry->waiting ? err : entry_tell(m, entry, KREG_EVENT_UPDATE);
}

int moved_apply(struct mirror *m, struct mirror_entry *entry, const struct news *news)
{
	if (!news->of_table && entry_is_there(m, entry))
		return 0;
	entry->seen |= news->of_table;
	return moved_is_as(m, entry, news);
}

int moved_away(struct mirror *m, struct mirror_entry *entry)
{
	if (m->k->segment.unique && !entry->waiting &&
	    mirror_is_there(m, entry->token, 0, entry->key->key, entry->key->key_size))
		return entry_lose(m, entry);
	return mirror_end_entry(m, entry, KREG_EVENT_UNREGISTER);
}
