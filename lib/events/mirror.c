/* SPDX-License-Identifier: MIT */
/*
 * The mirror's logic: which events follow from records and from the table. It has a copy
 * of the entries that the listener knows, by place, by key and by owner.
 *
 * A death writes no records, and when a name goes from one owner to another, the new
 * owner's record may be read before the old one's end is known. So:
 *
 *   found                               reported
 *   an entry of a key that is free      register
 *   a name that another owner holds     unregister or purge of that, and then register
 *   a name that was taken over          taken; the holder waits from now on
 *   a name that was taken over, and its unregister of the holder, if the table has it no longer; and
 *     holder dropped                      then register
 *   a name that was given away          given, where the giver's entry is known
 *   an entry that waits in line         nothing, until the table says that it holds the name
 *   the end of an unknown entry         nothing: it was reported already
 *   an entry that is known              nothing: the table was read after it was registered;
 *                                         update, if the table has another value
 *   a name that its owner is known to   see mirror_moved.c
 *     hold, at another place
 *
 * A place is used again, also by the same owner for another key. If records were missed,
 * the mirror may know an entry at a place that the table, or a record, already shows with
 * another key. So an entry is identified by its key as well; otherwise an event of one
 * key would be reported for another.
 */
#include "lib/events/mirror.h"

#include <errno.h>
#include <string.h>

#include "lib/find/lookup.h"
#include "lib/events/mirror_store.h"
#include "lib/find/pattern.h"
#include "shm/query.h"

/* Ends an entry; reported only if its beginning was. */
static int entry_end(struct mirror *m, struct mirror_entry *entry, uint32_t type)
{
	int err = entry->waiting ? 0 : entry_tell(m, entry, type);

	entry_free(m, entry);
	return err;
}

static bool is_of_key(const struct mirror_entry *entry, const struct kreg_entry *at)
{
	return entry->key->key_size == at->key_size &&
	       !memcmp(entry->key->key, at->key, at->key_size);
}

/* @owner's known entry at @place, if it has @at's key. */
static struct mirror_entry *known_of(struct mirror *m, owner_t owner, place_t place,
				     const struct kreg_entry *at)
{
	struct mirror_entry *entry = entry_find(m, owner, place);

	return entry && is_of_key(entry, at) ? entry : NULL;
}

/*
 * If no known entry holds the name, one of the waiting ones may hold it by now: the table
 * decides. A reserved name is in no record, so its owner is watched, and the key is
 * checked again after the next records.
 */
static int promote_key(struct mirror *m, struct mirror_key *key)
{
	struct mirror_entry *entry;
	struct kreg_entry at = { .key = key->key, .key_size = key->key_size };
	struct kreg_owner owner;
	struct found found = { 0 };
	struct query q;
	int err;

	cds_list_del_init(&key->blocked);
	if (!m->k->segment.unique || key_holder(key))
		return 0;
	q = table_query(&m->k->segment, key->key, key->key_size);
	err = lookup_first(m->k, &q, &found, &owner);
	if (err == -EAGAIN)
		cds_list_add_tail(&key->blocked, &m->blocked);
	if (err)
		return 0;
	if (entry_kind(found.info) == ENTRY_RESERVED) {
		cds_list_add_tail(&key->blocked, &m->blocked);
		return owner_get(m, &owner) ? 0 : -ENOMEM;
	}
	entry = known_of(m, found.owner, found.place, &at);
	if (!entry || !entry->waiting)
		return 0;
	entry->waiting = false;
	return entry_tell(m, entry, KREG_EVENT_REGISTER);
}

static int promote(struct mirror *m, const struct kreg_entry *at)
{
	struct mirror_key *key = key_find(m, at->key, at->key_size);

	return key ? promote_key(m, key) : 0;
}

/* Ends an entry, and reports the next holder of the name. */
int mirror_end_entry(struct mirror *m, struct mirror_entry *entry, uint32_t type)
{
	unsigned char key[KREG_KEY_MAX];
	struct kreg_entry at = { .key = key, .key_size = entry->key->key_size };
	int err;

	memcpy(key, entry->key->key, at.key_size);
	err = entry_end(m, entry, type);
	return err ? err : promote(m, &at);
}

int mirror_unblock(struct mirror *m)
{
	struct cds_list_head blocked;
	int err = 0;

	CDS_INIT_LIST_HEAD(&blocked);
	cds_list_splice(&m->blocked, &blocked);
	CDS_INIT_LIST_HEAD(&m->blocked);
	while (!cds_list_empty(&blocked)) {
		struct mirror_key *key = cds_list_first_entry(&blocked, struct mirror_key, blocked);

		/* The rest is left for the next time. */
		if (!err)
			err = promote_key(m, key);
		else
			cds_list_move(&key->blocked, &m->blocked);
	}
	return err;
}

static struct kreg_owner owner_of_entry(const struct mirror_entry *entry)
{
	return (struct kreg_owner){ .token = entry->token, .pid = entry->owner->pid };
}

/*
 * @by holds the name, so the previous holder does not. That one is in line if @waits, and
 * *from becomes its owner; or if the table says so: an entry found by a table read instead of
 * a record does not show that it was taken over.
 */
static int displace(struct mirror *m, const struct mirror_entry *by, bool waits,
		    struct kreg_owner *from)
{
	struct mirror_entry *entry, *next;
	int err = 0;

	cds_list_for_each_entry_safe (entry, next, &by->key->entries, of_key) {
		bool alive = life_is_alive(&m->k->lives, entry->token);

		if (entry == by || entry->waiting || err)
			continue;
		if (waits && !from->token) {
			*from = owner_of_entry(entry);
			entry->waiting = true;
		} else if (!entry_is_there(m, entry)) {
			err = entry_end(m, entry, alive ? KREG_EVENT_UNREGISTER : KREG_EVENT_PURGE);
		} else {
			err = entry_tell(m, entry, KREG_EVENT_UNREGISTER);
			entry->waiting = true;
		}
	}
	return err;
}

/*
 * The owner of an entry that is dropped by a take-over takes the stamp of its record when the
 * entry is linked already, so that of the taker may be earlier. What is noted here by mistake
 * does no harm: an entry that is in the table is reported.
 */
static void note_taken(struct mirror *m, owner_t owner, place_t place)
{
	m->taken[m->takes++ % MIRROR_TAKEN] = (struct mirror_taken){ owner, place };
}

static bool was_taken(struct mirror *m, const struct news *news)
{
	owner_t owner = news->entry.owner.token;
	uint32_t i;

	for (i = 0; i < MIRROR_TAKEN; i++) {
		if (m->taken[i].owner != owner || m->taken[i].place != news->place)
			continue;
		m->taken[i].owner = 0;
		return !mirror_is_there(m, owner, news->place, news->entry.key,
					news->entry.key_size);
	}
	return false;
}

static int apply_register(struct mirror *m, const struct news *news)
{
	struct mirror_entry *entry = entry_find(m, news->entry.owner.token, news->place);
	struct kreg_owner from = { 0 };
	int err = 0;

	if (entry && is_of_key(entry, &news->entry)) {
		entry->seen = true;
		return news->of_table ? moved_is_as(m, entry, news) : 0;
	}
	if (was_taken(m, news))
		return 0;
	if (entry)
		err = moved_away(m, entry);
	if (err)
		return err;
	entry = moved_find(m, news);
	if (entry)
		return moved_apply(m, entry, news);
	entry = entry_new(m, news);
	if (!entry)
		return -ENOMEM;
	if (m->k->segment.unique && news->flags & LOG_WAITING) {
		entry->waiting = true;
		return promote(m, &news->entry);
	}
	if (m->k->segment.unique)
		err = displace(m, entry, news->flags & LOG_FRONT, &from);
	if (err)
		return err;
	return entry_tell_from(m, entry, from.token ? KREG_EVENT_TAKEN : KREG_EVENT_REGISTER,
			       &from);
}

static int apply_update(struct mirror *m, const struct news *news, place_t before)
{
	owner_t owner = news->entry.owner.token;
	struct mirror_entry *entry = known_of(m, owner, before, &news->entry);
	struct mirror_entry *there = entry_find(m, owner, news->place);
	int err = 0;

	if (!entry)
		return apply_register(m, news);
	/*
	 * The table was read after the update, while the entry was known at its previous
	 * place.
	 */
	if (there && there != entry && is_of_key(there, &news->entry))
		return mirror_end_entry(m, entry, KREG_EVENT_UNREGISTER);
	if (there && there != entry)
		err = moved_away(m, there);
	if (!err)
		err = entry_set_value(entry, news->entry.value, news->entry.value_size);
	if (!err)
		err = entry_move(m, entry, news->place);
	if (err)
		return err;
	if (entry->waiting)
		return promote(m, &news->entry);
	return news->flags & LOG_SILENT ? 0 : entry_tell(m, entry, KREG_EVENT_UPDATE);
}

static int apply_unregister(struct mirror *m, const struct news *news)
{
	struct mirror_entry *entry =
		known_of(m, news->entry.owner.token, news->place, &news->entry);

	return entry ? mirror_end_entry(m, entry, KREG_EVENT_UNREGISTER) : 0;
}

static bool is_wanted(const struct mirror *m, const struct kreg_entry *entry)
{
	const struct kreg_pattern *p = &m->pattern;

	if (p->key && (p->key_size != entry->key_size || memcmp(p->key, entry->key, p->key_size)))
		return false;
	if (p->prefix_size &&
	    (entry->key_size < p->prefix_size || memcmp(entry->key, p->prefix, p->prefix_size)))
		return false;
	if (p->owner && p->owner->token != entry->owner.token)
		return false;
	return pattern_matches(p, entry);
}

/* The known entry @gone has become @given, in one step. */
static int entry_given(struct mirror *m, struct mirror_entry *gone, const struct news *given)
{
	struct kreg_owner from = owner_of_entry(gone);
	bool waits = gone->waiting;
	struct mirror_entry *entry = entry_new(m, given);

	if (!entry)
		return -ENOMEM;
	/* Behind the new one, or the key could go with it. */
	entry_free(m, gone);
	if (waits) {
		entry->waiting = true;
		return promote(m, &given->entry);
	}
	return entry_tell_from(m, entry, KREG_EVENT_GIVEN, &from);
}

/*
 * A change of owner. It has happened if the new owner has the gift, or if the giver has said so
 * and the new owner lives: that has changed or ended it since, and its own records follow.
 * Otherwise the giver may have died before. Where the mirror does not know the giver's entry,
 * the table was read later than this, so the table decides; as about what another process has done
 * for an owner (log.h), which that one may have changed at the same time.
 */
static int apply_give(struct mirror *m, const struct news *news, const struct log_record *record)
{
	struct mirror_entry *gone = known_of(m, record->owner, record->before, &news->entry);
	struct kreg_owner to = { .token = log_other(record) };
	struct mirror_entry *known = known_of(m, to.token, record->before, &news->entry);
	struct news given = *news;
	uint64_t life;
	bool lives = life_look(&m->k->lives, to.token, &life);
	bool happened = gone && lives && record->flags & LOG_SETTLED;

	if (lives)
		handle_owner(m->k, to.token, life, &to);
	given.entry.owner = to;
	if (record->flags & LOG_REFUSED) {
		gone = known_of(m, to.token, record->place, &news->entry);
		return gone ? mirror_end_entry(m, gone, KREG_EVENT_UNREGISTER) : 0;
	}
	happened |=
		mirror_is_there(m, to.token, record->place, news->entry.key, news->entry.key_size);
	if (known && !gone)
		return happened && is_wanted(m, &given.entry)
			       ? apply_update(m, &given, record->before)
			       : 0;
	/* A dead giver's entry is purged with the others. */
	if (gone && !happened && !life_is_alive(&m->k->lives, record->owner))
		return 0;
	if (gone && happened && is_wanted(m, &given.entry) &&
	    !entry_find(m, to.token, record->place))
		return entry_given(m, gone, &given);
	if (gone) {
		int err = mirror_end_entry(m, gone, KREG_EVENT_UNREGISTER);

		if (err)
			return err;
	}
	return happened && is_wanted(m, &given.entry) ? apply_register(m, &given) : 0;
}

/*
 * Another owner's entry was dropped, or unregistered for it, unless the process that would has
 * failed or was killed before it: the table decides. The owner may have replaced it first, and its
 * own record says so, later: then the name does not end here.
 */
static int apply_take(struct mirror *m, const struct news *news, const struct log_record *record)
{
	struct news gone = *news;
	owner_t owner = log_other(record);

	gone.entry.owner = (struct kreg_owner){ .token = owner };
	if (!is_wanted(m, &gone.entry) ||
	    mirror_is_there(m, owner, gone.place, gone.entry.key, gone.entry.key_size))
		return 0;
	if (!known_of(m, owner, gone.place, &gone.entry))
		note_taken(m, owner, gone.place);
	else if (m->k->segment.unique &&
		 mirror_is_there(m, owner, 0, gone.entry.key, gone.entry.key_size))
		return 0;
	return apply_unregister(m, &gone);
}

static int apply(struct mirror *m, const struct log_record *record, const struct news *news)
{
	switch (record->type) {
	case LOG_REGISTER:
		return apply_register(m, news);
	case LOG_UPDATE:
		return apply_update(m, news, record->before);
	case LOG_UNREGISTER:
		return apply_unregister(m, news);
	case LOG_GIVE:
		return apply_give(m, news, record);
	case LOG_TAKE:
		return apply_take(m, news, record);
	default:
		return 0;
	}
}

int mirror_apply(struct mirror *m, const struct log_record *record)
{
	const unsigned char *bytes = log_key(record);
	struct news news = { .place = record->place, .flags = record->flags };
	int err;

	news.entry.key = bytes;
	news.entry.key_size = record->key_size;
	news.entry.value = bytes + record->key_size;
	news.entry.value_size = record->value_size;
	news.entry.owner.token = record->owner;
	news.entry.owner.pid = (pid_t)record->pid;
	if (record->type == LOG_RESYNC)
		return mirror_resync(m, record->owner);
	/* The other owner may match the pattern though the one of the record does not. */
	if (!log_has_other(record->type) && !is_wanted(m, &news.entry))
		return 0;
	err = apply(m, record, &news);
	if (err)
		return err;
	mirror_note_absent(
		m, known_of(m, log_has_other(record->type) ? log_other(record) : record->owner,
			    news.place, &news.entry));
	return 0;
}

/* Ends @owner's entries that are not @seen. */
static int end_unseen(struct mirror *m, struct mirror_owner *owner, uint32_t type)
{
	struct mirror_entry *entry, *next;
	int err = 0;

	cds_list_for_each_entry_safe (entry, next, &owner->entries, of_owner) {
		if (!entry->seen && !err)
			err = mirror_end_entry(m, entry, type);
	}
	return err;
}

static void forget_seen(struct mirror_owner *owner)
{
	struct mirror_entry *entry;

	cds_list_for_each_entry (entry, &owner->entries, of_owner)
		entry->seen = false;
}

int mirror_purge(struct mirror *m, struct mirror_owner *owner)
{
	int err;

	forget_seen(owner);
	err = end_unseen(m, owner, KREG_EVENT_PURGE);
	if (!err)
		owner_free(m, owner);
	return err;
}

int mirror_dump(struct mirror *m, struct mirror_owner *owner)
{
	struct mirror_entry *entry;
	int err;

	if (!owner->has_untold)
		return 0;
	cds_list_for_each_entry (entry, &owner->entries, of_owner) {
		if (entry->waiting || entry->dump_told)
			continue;
		err = entry_tell(m, entry, KREG_EVENT_DUMP);
		if (err)
			return err;
		entry->dump_told = true;
	}
	owner->has_untold = false;
	return 0;
}

int mirror_lost(struct mirror *m, pid_t pid, uint64_t lost)
{
	struct kreg_event event = { .type = KREG_EVENT_OVERRUN, .lost = lost };

	event.entry.owner.pid = pid;
	return event_add(m, &event);
}

struct resync {
	struct mirror *m;
	bool first;
};

static int resync_entry(const struct kreg_entry *entry, void *data)
{
	struct resync *resync = data;
	struct news news = { .entry = *entry, .place = (place_t)entry->reserved, .of_table = true };

	news.flags = entry->position ? LOG_WAITING : 0;
	news.known = resync->first;
	return apply_register(resync->m, &news);
}

int mirror_resync(struct mirror *m, owner_t owner)
{
	struct kreg_owner token = { .token = owner };
	struct kreg_pattern pattern = m->pattern;
	struct resync resync = { .m = m, .first = !m->begun };
	struct mirror_owner *at, *next;
	int err;

	if (owner && pattern.owner && pattern.owner->token != owner)
		return 0;
	if (owner)
		pattern.owner = &token;
	cds_list_for_each_entry (at, &m->owners, node) {
		if (!owner || at->token == owner)
			forget_seen(at);
	}
	err = kreg_select(m->k, &pattern, resync_entry, &resync);
	cds_list_for_each_entry_safe (at, next, &m->owners, node) {
		/* Entries of the dead are reported as purged, later. */
		if (!err && (owner ? at->token == owner : life_is_alive(&m->k->lives, at->token)))
			err = end_unseen(m, at, KREG_EVENT_UNREGISTER);
	}
	return err;
}

int mirror_begin(struct mirror *m, bool tell)
{
	struct mirror_entry *entry;
	struct mirror_key *key;
	int err = 0;

	m->begun = true;
	cds_list_for_each_entry (key, &m->keys, node) {
		cds_list_for_each_entry (entry, &key->entries, of_key) {
			if (tell && !entry->waiting && !err)
				err = entry_tell(m, entry, KREG_EVENT_REGISTER);
		}
	}
	return err;
}
