/* SPDX-License-Identifier: MIT */
/*
 * Queries over many entries: each, select, count. Each is one visit with a pattern.
 */
#include <errno.h>
#include <string.h>

#include "lib/find/pattern.h"
#include "lib/find/visit.h"
#include "lib/inner.h"

int kreg_select(struct kreg *k, const struct kreg_pattern *pattern, kreg_visit_fn visit, void *data)
{
	UNCANCELLABLE;
	struct kreg_pattern own;
	struct visit v = { .k = k, .pattern = &own, .visit = visit, .data = data };
	int err = visit ? pattern_check(k, pattern, &own) : refuse(k, "visit is NULL");

	return err ? err : visit_matching(&v);
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	int64_t *count = data;

	(void)entry;
	(*count)++;
	return 0;
}

int64_t kreg_count_select(struct kreg *k, const struct kreg_pattern *pattern)
{
	UNCANCELLABLE;
	int64_t count = 0;
	int err = kreg_select(k, pattern, count_entry, &count);

	return err ? err : count;
}

int kreg_each(struct kreg *k, const void *prefix, size_t prefix_size, kreg_visit_fn visit,
	      void *data)
{
	UNCANCELLABLE;
	KREG_PATTERN(pattern, .prefix = prefix, .prefix_size = prefix_size);

	if (!prefix && prefix_size == KREG_STRING)
		pattern.prefix_size = 0;
	return kreg_select(k, &pattern, visit, data);
}

int kreg_each_of_key(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		     void *data)
{
	UNCANCELLABLE;
	KREG_PATTERN(pattern, .key = key);
	int err = key_of_call(k, key, &key_size);

	pattern.key_size = key_size;
	return err ? err : kreg_select(k, &pattern, visit, data);
}

int kreg_each_of_owner(struct kreg *k, const struct kreg_owner *owner, kreg_visit_fn visit,
		       void *data)
{
	UNCANCELLABLE;
	KREG_PATTERN(pattern, .owner = owner);

	return owner ? kreg_select(k, &pattern, visit, data) : refuse(k, "owner is NULL");
}

int kreg_inner_select_all(struct kreg *k, const struct kreg_pattern *pattern, kreg_visit_fn visit,
			  void *data)
{
	return visit_matching(&(struct visit){ .k = k,
					       .pattern = pattern,
					       .visit = visit,
					       .data = data,
					       .kinds = KINDS_OF_NAMES });
}
