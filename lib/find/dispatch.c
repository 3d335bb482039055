/* SPDX-License-Identifier: MIT */
/*
 * Dispatch: visits each entry of a key once, the caller's own included. With unique keys
 * that is the holder of the name, without the others in its line.
 */
#include <errno.h>

#include "lib/find/pattern.h"
#include "lib/find/visit.h"

struct dispatch {
	kreg_visit_fn visit;
	void *data;
	int64_t count;
};

static int dispatch_entry(const struct kreg_entry *entry, void *data)
{
	struct dispatch *dispatch = data;

	if (entry->position)
		return 0;
	dispatch->count++;
	return dispatch->visit(entry, dispatch->data);
}

int64_t kreg_dispatch(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		      void *data)
{
	UNCANCELLABLE;
	struct dispatch dispatch = { .visit = visit, .data = data };
	KREG_PATTERN(pattern, .key = key);
	struct visit v = { .k = k,
			   .pattern = &pattern,
			   .visit = dispatch_entry,
			   .data = &dispatch,
			   .twice = true };
	int err = visit ? key_of_call(k, key, &key_size) : refuse(k, "visit is NULL");

	pattern.key_size = key_size;
	if (!err)
		err = visit_key(&v, key, key_size);
	return err < 0 ? err : dispatch.count;
}
