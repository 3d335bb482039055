/* SPDX-License-Identifier: MIT */
/*
 * kreg: many entries at once. Select by a pattern, count, dispatch.
 *
 * Use <kreg.h>, which says what holds for all calls.
 */
#ifndef KREG_QUERY_H
#define KREG_QUERY_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Which entries are meant: those for which all that is set holds. KREG_PATTERN sets @size; the
 * rest that is not named is 0, and so matches anything.
 */
struct kreg_pattern {
	size_t size;
	const void *key; /* the whole key; NULL: any */
	size_t key_size;
	const void *prefix; /* what the key begins with */
	size_t prefix_size;
	const char *
		glob; /* as fnmatch(3) has it, for the whole key; never matches one with a 0 byte */
	const struct kreg_owner *owner;
	const void *value; /* the whole value; NULL: any */
	size_t value_size;
	kreg_match_fn match; /* called last, when nothing is held: it may call kreg */
	void *data;          /* for @match */
};

#define KREG_PATTERN(name, ...)                                                                    \
	struct kreg_pattern name = { .size = sizeof(struct kreg_pattern), __VA_ARGS__ }

/*
 * Visit all entries that @pattern means (NULL: all); count them. The others are short for patterns:
 * all whose key starts with @prefix; all under one key, in order of registration (with partitions, of each
 * owner); all of one owner.
 *
 * A few entries are copied at a time, and all of one key together. Takes time by the key's entries if the
 * pattern has a key, else by the owner's and the registry's memory if it has an owner, else by all entries.
 * An entry that is there during the whole call is visited exactly once, one that comes or goes meanwhile at
 * most once, and one of the dead never. Names that wait in line are visited too, with their position;
 * reserved ones are not.
 *
 * Context: no slot is taken, no section is open while the visitor runs.
 * Return: 0, or what the visitor returned; kreg_count_select: how many, >= 0. -EINVAL; -E2BIG a
 *         pattern this library does not know; -ENAMETOOLONG; -ENOMEM; -EAGAIN, -EUCLEAN as
 *         kreg_lookup().
 * Since: 1.0
 */
int kreg_select(struct kreg *k, const struct kreg_pattern *pattern, kreg_visit_fn visit,
		void *data);
int64_t kreg_count_select(struct kreg *k, const struct kreg_pattern *pattern);
int kreg_each(struct kreg *k, const void *prefix, size_t prefix_size, kreg_visit_fn visit,
	      void *data);
int kreg_each_of_key(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		     void *data);
int kreg_each_of_owner(struct kreg *k, const struct kreg_owner *owner, kreg_visit_fn visit,
		       void *data);

/*
 * Calls @visit for each entry of @key, in the order of kreg_each_of_key(): of a set of entries that two
 * looks in a row agreed on (with partitions, of each partition), those whose owner is still alive when their turn comes. With unique keys the
 * holder's alone. Not called if there is none.
 * Return: how many calls there were, >= 0; a positive result of @visit ends it early, a negative one
 *         is returned; errors as kreg_each_of_key().
 * Since: 1.0
 */
int64_t kreg_dispatch(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		      void *data);

/*
 * How many entries living owners have; takes time by owners, not by entries.
 *
 * Return: the number, >= 0; -EINVAL; -EAGAIN, -EUCLEAN, -ENOMEM as kreg_lookup().
 * Since: 1.0
 */
int64_t kreg_count(struct kreg *k);

#ifdef __cplusplus
}
#endif
#endif
