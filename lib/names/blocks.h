/* SPDX-License-Identifier: MIT */
/*
 * The blocks of an entry: one for its head, its key and a small value, another for a
 * large value.
 *
 * Promises  a block is given back at once if it was never linked, and after a grace
 *           period if it was.
 * Needs     blocks_retire(): the entry is in no list.
 * Context   any thread, outside of sections: taking a block may sweep and wait for a
 *           grace period.
 * Used by   lib/.
 */
#ifndef KREG_LIB_BLOCKS_H
#define KREG_LIB_BLOCKS_H

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/query.h"

#pragma GCC visibility push(hidden)

struct blocks {
	place_t entry;
	place_t value; /* 0: behind the key */
};

/* The content of an entry to be made. */
struct content {
	const void *value;
	uint32_t value_size;
	uint32_t kind; /* with flags */
};

/*
 * Takes and fills the blocks of an entry that belongs to the caller. -ENOSPC, -EDQUOT,
 * -ENOMEM, -EUCLEAN.
 */
int blocks_make(struct kreg *k, const struct query *q, const struct content *content,
		struct blocks *out);

/* Makes a gift to @to with @content. -ENOSPC, -EDQUOT, -EMSGSIZE, -EOWNERDEAD, -EUCLEAN. */
int blocks_gift(struct kreg *k, owner_t to, const struct query *q, const struct content *content,
		struct gift_made *out);

/*
 * Copies the flags of @info, of the entry to be replaced, to @blocks, which are not
 * linked yet.
 */
void blocks_keep_flags(struct kreg *k, const struct blocks *blocks, uint64_t info);

/*
 * Gives blocks back at once; retires @place, an entry of @info, which is reclaimed when no
 * thread can be reading it any longer. A place may be 0.
 */
void blocks_return(struct kreg *k, const struct blocks *blocks);
void blocks_retire(struct kreg *k, const struct writer *w, place_t place, uint64_t info);

#pragma GCC visibility pop

#endif
