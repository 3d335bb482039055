/* SPDX-License-Identifier: MIT */
/*
 * kreg: many entries at once. Select by a pattern, count, dispatch.
 *
 * Include <kreg.h>, which states what holds for all calls.
 */
#ifndef KREG_QUERY_H
#define KREG_QUERY_H

#include <kreg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A pattern. An entry matches if it matches every field that is set; a field that is 0 or
 * NULL matches anything. KREG_PATTERN sets @size.
 */
struct kreg_pattern {
	size_t size;
	/* The whole key, of 1 to 255 bytes. KREG_STRING is allowed as the size. */
	const void *key;
	size_t key_size;
	/* What the key begins with. KREG_STRING is allowed as the size. */
	const void *prefix;
	size_t prefix_size;
	/*
	 * A pattern of fnmatch(3) for the whole key, without flags: a star matches a slash
	 * too. It never matches a key that contains a 0 byte.
	 */
	const char *glob;
	/* The owner of the entry. */
	const struct kreg_owner *owner;
	/* The whole value. KREG_STRING is allowed as the size. */
	const void *value;
	size_t value_size;
	/*
	 * Called last, with a copy of the entry that matches all other fields, and @data.
	 * No lock or section is held, so it may call kreg.
	 */
	kreg_match_fn match;
	void *data;
};

/* KREG_PATTERN(name, .field = value, ...) */
#define KREG_PATTERN(...) KREG_STRUCT(kreg_pattern, __VA_ARGS__, )

/*
 * kreg_select() visits all entries that match @pattern, and kreg_count_select() counts them.
 * The others are short forms:
 *
 * kreg_each()           all entries whose key starts with @prefix, or all if that is NULL
 * kreg_each_of_key()    all entries under one key, in order of registration; with
 *                       partitions, in that order for each owner
 * kreg_each_of_owner()  all entries of one owner
 *
 * An entry that exists during the whole call is visited exactly once, one that is registered
 * or unregistered meanwhile at most once, and one of a dead owner never. A name that passes
 * from one owner to another meanwhile has an entry of each: both may be visited as its
 * holder, or neither. Names that wait in line are visited too, with their position; reserved
 * names and locks are not.
 *
 * Some 64 entries are copied at a time, and all entries of one key together. The time is
 * proportional to the entries of the key if the pattern has a key, otherwise to the owner's
 * entries and the size of the registry if it has an owner, otherwise to all entries.
 *
 * @pattern: NULL matches all.
 * @visit: returns 0 to go on, another value to stop with it. May call kreg.
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. It takes
 *          no slot, and no section is open while the visitor runs.
 * Death: the entries of dead owners are not visited. An owner may die while the visitor runs.
 * Return: 0, or what the visitor returned; kreg_count_select(): the number, >= 0. Or an error:
 *   -EINVAL        an argument is not allowed: a size without its pointer, an empty key, an
 *                  owner with token 0, a @size that is not set
 *   -E2BIG         kreg_select(), kreg_count_select(): the pattern has something set that this
 *                  library does not know
 *   -ENAMETOOLONG  the key is longer than 255 bytes
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
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
 * Calls @visit for each entry under @key, in the order of kreg_each_of_key().
 *
 * It reads the entries until two reads in a row agree, so the set existed at one instant;
 * with partitions, for each partition. It then visits those whose owner is still alive when
 * their turn comes. With unique keys it visits only the holder, however many wait in line.
 *
 * @visit: returns 0 to go on, a positive number to end the call, which still succeeds, or a
 *         negative one to end it with that error. May call kreg.
 * Context: as kreg_select().
 * Death: an owner that dies during an earlier visit is left out.
 * Return: how many visits there were, 0 included, also the one that ended it; an error as
 *         kreg_each_of_key(), and:
 *   -EAGAIN        no two reads agreed; retry
 * Since: 1.0
 */
int64_t kreg_dispatch(struct kreg *k, const void *key, size_t key_size, kreg_visit_fn visit,
		      void *data);

/*
 * The number of entries that living owners have, including those that wait in line, but not
 * reserved names and locks.
 *
 * Context: as kreg_select(). The time is proportional to the owners, not to the
 *          entries; much shorter if nothing has changed since this handle counted last.
 * Death: the entries of dead owners do not count.
 * Return: the number, >= 0, or an error:
 *   -EINVAL        @k is NULL
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        a part of the registry is beyond what this process could map; reopen it
 * Since: 1.0
 */
int64_t kreg_count(struct kreg *k);

#ifdef __cplusplus
}
#endif
#endif
