/* SPDX-License-Identifier: MIT */
/*
 *   step                                    killed here
 *   1 fill an entry                         memory of a dead owner
 *   2 CAS it in the place of the old one,   absent, because its owner is dead; the next process
 *     or at the end of the line             that reports writes its own
 */
#include "lib/program/report.h"

#include <errno.h>
#include <string.h>

#include "lib/names/change.h"
#include "shm/query.h"

static int put_own(struct kreg *k, const struct query *q, struct blocks *blocks)
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

int report_put(struct kreg *k, const struct query *q, const struct content *content)
{
	struct blocks blocks;
	int err = handle_check(k);

	if (!err)
		err = blocks_make(k, q, content, &blocks);
	if (err)
		return err;
	err = put_own(k, q, &blocks);
	blocks_return(k, &blocks);
	return err;
}

static bool is_of(const struct kreg *k, const struct found *own, uint64_t of)
{
	uint32_t size;
	const void *value = entry_value(&k->segment, own->entry, own->info, &size);
	uint64_t begins;

	if (!value || size < sizeof(begins))
		return false;
	copy_out(&begins, value, sizeof(begins));
	return begins == of;
}

void report_drop(struct kreg *k, const struct query *q, uint64_t of)
{
	struct change change;
	struct found own;

	/* Without a life or a registry there is no entry either. */
	if (change_enter(&change, k, q))
		return;
	if (!change_find_own(&change, &own) && (!of || is_of(k, &own, of)))
		change_unlink(&change, &own);
	change_leave(&change);
}
