/* SPDX-License-Identifier: MIT */
/*
 * The status of a program, as an entry. It belongs to the process that hears the program:
 * its starter or supervisor. It is not a name: it is not counted, not listed, and not in
 * the log.
 *
 *   step                                    killed here
 *   1 fill an entry                         memory of a dead owner
 *   2 CAS it in the place of the old one,   absent, because its owner is dead; the next process
 *     or at the end of the line             that hears the program writes its own
 *
 * Each status has the owner word of its program, so the status of a program that has
 * ended is never shown for its successor.
 */
#include "lib/program/program_status.h"

#include "lib/names/change.h"
#include "lib/find/found.h"
#include "lib/find/lookup.h"
#include "shm/query.h"

#define HEAD offsetof(struct program_status, text)

static int put_own(struct kreg *k, struct query *q, struct blocks *blocks)
{
	struct change change;
	struct linked linked;
	struct found own;
	int err = change_enter(&change, k, q);

	if (err)
		return err;
	err = change_find_own(&change, &own);
	if (!err)
		err = change_replace(&change, &own, blocks);
	else if (err == -ENOENT)
		err = change_link(&change, blocks, LINK_LAST, &linked);
	change_leave(&change);
	return err;
}

int status_put(struct kreg *k, const void *key, size_t key_size,
	       const struct program_status *status)
{
	struct query q = table_query_status(&k->segment, key, key_size);
	struct content content = { .kind = ENTRY_STATUS, .value = status };
	struct blocks blocks;
	int err = handle_check(k);

	content.value_size = (uint32_t)(HEAD + strlen(status->text));
	if (!err)
		err = blocks_make(k, &q, &content, &blocks);
	if (err)
		return err;
	err = put_own(k, &q, &blocks);
	blocks_return(k, &blocks);
	return err;
}

void status_drop(struct kreg *k, const void *key, size_t key_size, owner_t program)
{
	struct query q = table_query_status(&k->segment, key, key_size);
	struct program_status own;
	struct change change;
	struct found found;

	/* Without a life or a registry there is no entry either. */
	if (change_enter(&change, k, &q))
		return;
	if (!change_find_own(&change, &found) &&
	    found_value(k, &found, &own, sizeof(own)) >= (ssize_t)HEAD && own.program == program)
		change_unlink(&change, &found);
	change_leave(&change);
}

int status_get(struct kreg *k, const void *key, size_t key_size, owner_t program,
	       struct program_status *out)
{
	struct query q = table_query_status(&k->segment, key, key_size);
	struct kreg_found found = { .value = out, .capacity = sizeof(*out) };
	ssize_t size = lookup_query(k, &q, &found);

	if (size < 0)
		return size == -ERANGE ? -ENOENT : (int)size;
	if (size < (ssize_t)HEAD || size == (ssize_t)sizeof(*out))
		return -ENOENT;
	((char *)out)[size] = 0;
	return out->program == program ? 0 : -ENOENT;
}
