/* SPDX-License-Identifier: MIT */
/*
 * The flags of the caller's own entry: what they are, and others in their place.
 *
 * An entry's flags are constant, so it is replaced by one with the other flags and the same
 * value, by the CAS of an update. So the name is never free, and the place in the line
 * stays. A process that takes the name over at the same time CASes:
 *
 *   old flags                the taker CASes         if the taker is first
 *   none                     nothing: refused
 *   REPLACEABLE              the link in front       the caller's entry is replaced where it is:
 *                                                    next in line
 *   REPLACEABLE | DROP       the entry's own link,   the caller's CAS fails: it has no entry
 *                            as the caller does
 *
 * With the second the taker may be first although it comes after the caller's CAS: until the
 * old entry is cleared away the link in front leads to it. So whether the caller holds the
 * name is decided behind that.
 *
 *   step                                    killed here
 *   a block is taken and filled             the slab is a dead owner's, the entry in no list
 *   it replaces the entry, by one CAS       absent, because its owner is dead
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/find/found.h"
#include "lib/names/change.h"
#include "lib/names/update.h"

#define FLAGS (KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP)

/* How many are ahead of the own entry. */
static int look(struct kreg *k, const struct query *q, uint64_t *info)
{
	struct change change;
	struct found own;
	int ahead = 0, err = change_enter(&change, k, q);

	if (err)
		return err;
	err = change_find_own(&change, &own);
	if (!err) {
		*info = own.info;
		ahead = (int)change_ahead(&change, own.place);
	}
	change_leave(&change);
	return err ? err : ahead;
}

int kreg_get_flags(struct kreg *k, const void *key, size_t key_size, uint32_t *flags)
{
	UNCANCELLABLE;
	uint64_t info = 0;
	struct query q;
	int ahead, err = flags ? key_of_call(k, key, &key_size) : refuse(k, "flags is NULL");

	if (err)
		return err;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = KINDS_OF_NAMES;
	ahead = look(k, &q, &info);
	if (ahead < 0)
		return change_whose(k, &q, ahead);
	*flags = found_flags(info);
	return ahead;
}

/*
 * One try, with @value to copy the value to, which says how much memory is needed. What the new
 * entry gets is the value by then: a counter may have been added to, in place. -ECANCELED: it
 * has another size by then.
 */
static int set_once(struct kreg *k, struct query *q, uint32_t flags, void *value)
{
	struct content content = { .kind = ENTRY_NAME, .value = value };
	bool waits = false;
	struct update u = { .flags = &flags, .waits = &waits, .keeps = true };
	uint64_t info = 0;
	struct found own;
	ssize_t got = change_copy_own(k, q, &own, value, KREG_VALUE_MAX);

	if (got < 0)
		return (int)got;
	if (entry_is_remote(own.info))
		return -EREMOTE;
	if (entry_flags(own.info) == flags) {
		got = look(k, q, &info);
		return got > 0 ? KREG_WAITING : (int)got;
	}
	content.value_size = (uint32_t)got;
	got = update_entry(k, q, &content, &u);
	if (got < 0)
		return (int)got;
	return waits ? KREG_WAITING : 0;
}

int kreg_set_flags(struct kreg *k, const void *key, size_t key_size, uint32_t flags)
{
	UNCANCELLABLE;
	uint32_t tries = 0;
	struct query q;
	void *value;
	int err = key_of_call(k, key, &key_size);

	if (err)
		return err;
	if (!k->segment.unique)
		return refuse(k, "the registry has duplicate keys, whose entries have no flags");
	if (flags & ~FLAGS)
		return refuse(
			k, "flags has bits that cannot be changed: use KREG_REGISTER_REPLACEABLE "
			   "and KREG_REGISTER_DROP");
	if (flags == KREG_REGISTER_DROP)
		return refuse(k, "flags has KREG_REGISTER_DROP without KREG_REGISTER_REPLACEABLE");
	value = malloc(KREG_VALUE_MAX);
	if (!value)
		return -ENOMEM;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	do {
		err = set_once(k, &q, flags_of_entry(flags), value);
	} while (err == -ECANCELED && ++tries < TABLE_TRIES);
	free(value);
	if (err == -ECANCELED)
		return -EUCLEAN;
	return err < 0 ? change_whose(k, &q, err) : err;
}
