/* SPDX-License-Identifier: MIT */
/*
 * Publishing a reserved name: it is replaced by an entry with the value, as in an update.
 * Lookups find the name from then on.
 */
#include "lib/names/update.h"

int kreg_publish(struct kreg *k, const void *key, size_t key_size, const void *value,
		 size_t value_size)
{
	UNCANCELLABLE;
	struct content content = { .kind = ENTRY_NAME, .value = value };
	bool waits = false;
	const struct update u = { .waits = &waits };
	struct query q;
	ssize_t got;
	int err = update_check(k, key, &key_size, value, &value_size);

	if (err)
		return err;
	content.value_size = (uint32_t)value_size;
	q = table_query_of(&k->segment, k->self.owner, key, key_size);
	q.kinds = KIND_OF(ENTRY_RESERVED);
	got = update_entry(k, &q, &content, &u);
	if (got < 0)
		return change_whose(k, &q, (int)got);
	return waits ? KREG_WAITING : 0;
}
