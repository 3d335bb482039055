/* SPDX-License-Identifier: MIT */
/*
 * The mirror's data: entries by place, keys, owners, and the events to be fetched.
 *
 * Promises  an entry is in all three structures or in none; a key lives as long as it has
 *           entries.
 * Needs     one thread at a time.
 * Context   private memory.
 * Used by   mirror.c, mirror_store.c, mirror_table.c.
 */
#ifndef KREG_LIB_MIRROR_STORE_H
#define KREG_LIB_MIRROR_STORE_H

#include "lib/events/mirror.h"

#pragma GCC visibility push(hidden)

struct mirror_key {
	struct cds_list_head node;
	struct cds_list_head blocked; /* in the mirror's list, or empty */
	struct cds_list_head
		entries; /* with unique keys: the holder, and the waiting ones, by stamp */
	const void *key;
	size_t key_size;
	unsigned char bytes[];
};

struct mirror_entry {
	owner_t token; /* this and the next are the key of the tree */
	place_t place;
	bool waiting;
	bool known;
	bool seen; /* found in the table by a resync */
	bool dump_told;
	struct mirror_key *key;
	struct mirror_owner *owner;
	struct cds_list_head of_key, of_owner;
	struct cds_list_head absent; /* in one of the mirror's lists, or empty */
	size_t value_size;
	unsigned char *value;
};

/* An entry as a record or the table shows it. */
struct news {
	struct kreg_entry entry;
	place_t place;
	uint32_t flags; /* LOG_* */
	bool known;
	bool of_table; /* as it is now; a record can be older */
};

/* NULL: out of memory. */
struct mirror_owner *owner_get(struct mirror *m, const struct kreg_owner *from);

struct mirror_entry *entry_find(struct mirror *m, owner_t token, place_t place);
struct mirror_key *key_find(struct mirror *m, const void *key, size_t key_size);
/* With unique keys: the known entry that holds the name, or NULL. */
struct mirror_entry *key_holder(const struct mirror_key *key);

/* NULL: out of memory. */
struct mirror_entry *entry_new(struct mirror *m, const struct news *news);
void entry_free(struct mirror *m, struct mirror_entry *entry);

/* -ENOMEM. */
int entry_move(struct mirror *m, struct mirror_entry *entry, place_t place);
/* To a place that is none, until a record or the table says which one it is. */
int entry_lose(struct mirror *m, struct mirror_entry *entry);
int entry_set_value(struct mirror_entry *entry, const void *value, size_t size);
int entry_tell(struct mirror *m, struct mirror_entry *entry, uint32_t type);
int entry_tell_from(struct mirror *m, struct mirror_entry *entry, uint32_t type,
		    const struct kreg_owner *from);
int event_add(struct mirror *m, const struct kreg_event *event);

void owner_free(struct mirror *m, struct mirror_owner *owner);

/* mirror_table.c: whether @owner's entry at @place is in the table now, with that key; 0: any that it has. */
bool mirror_is_there(struct mirror *m, owner_t owner, place_t place, const void *key,
		     size_t key_size);
bool entry_is_there(struct mirror *m, const struct mirror_entry *entry);

/* Of what a record has told: the entry, or NULL. For mirror_end_absent(). */
void mirror_note_absent(struct mirror *m, struct mirror_entry *entry);

/*
 * mirror_moved.c: the name that @news is of, held by the same owner at another place, or NULL; applies
 * @news to it. moved_is_as(): an entry is as the table has it. moved_away(): its place has
 * another key.
 */
struct mirror_entry *moved_find(struct mirror *m, const struct news *news);
int moved_apply(struct mirror *m, struct mirror_entry *entry, const struct news *news);
int moved_is_as(struct mirror *m, struct mirror_entry *entry, const struct news *news);
int moved_away(struct mirror *m, struct mirror_entry *entry);

/* mirror.c: ends an entry, and reports the next holder of the name. */
int mirror_end_entry(struct mirror *m, struct mirror_entry *entry, uint32_t type);

#pragma GCC visibility pop

#endif
