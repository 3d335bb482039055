/* SPDX-License-Identifier: MIT */
/*
 * Groups: the way of an entry through the lines, its cell, the lines below, and the walk of
 * a listing. group.h has the protocol and what deaths leave.
 */
#include "shm/group.h"

#include <errno.h>
#include <stdlib.h>

/* The lines at the top, and how many bits of the group's hash say the way. */
#define ROOT_BITS 6u
#define FAN_BITS 2u
#define HASH_BITS 18u
/* Levels below the top at which bits of the group's hash say the way. */
#define HASH_LEVELS ((HASH_BITS - ROOT_BITS) / FAN_BITS)
#define ROOT_LINES (1u << ROOT_BITS)
/*
 * How many blocks are reserved at once: an eighth of what there is, within these bounds. It
 * may happen inside a section.
 */
#define RESERVE_LEAST ((uint64_t)SEGMENT_GROUPS_FIRST)
#define RESERVE_MOST 128ull
/* How often a line is read before the list is asked instead. */
#define LINE_TRIES 64u

_Static_assert(SEGMENT_GROUPS_FIRST *GROUP_LINES == ROOT_LINES, "the first page is the top");

/* Where a way has come to. */
struct way {
	/* the bits that choose among the lines below, the next ones lowest */
	uint64_t bits;
	/* of the line */
	uint32_t number;
};

static uint32_t hash_of(const struct segment *s, const void *prefix, uint32_t size)
{
	return order_hash(hash_key(&s->hash, prefix, size));
}

static uint32_t block_below(uint64_t control)
{
	return (uint32_t)control;
}

/* Whether this process can read the lines of @block. */
static bool block_is_seen(const struct segment *s, uint64_t block)
{
	/* relaxed: a bound of this process's own */
	return s->groups &&
	       (block < load_relaxed(&s->view->groups) || block < segment_see_groups(s));
}

static struct group_line *line_at(const struct segment *s, uint32_t number)
{
	return &s->groups[number / GROUP_LINES].lines[number % GROUP_LINES];
}

static uint64_t line_control(const struct group_line *line)
{
	/*
	 * ORD[line_control:A] acquire: the control word, then the cells and the lines below;
	 * pairs with line_extend:A, group_drop:A, block_make:A
	 */
	return load_acquire(&line->control);
}

/* The line at the top; NULL: there is none yet, or it is out of reach. */
static struct group_line *way_begin(const struct segment *s, uint32_t hash, order_t order,
				    struct way *way)
{
	uint64_t bits = (hash & ((1u << HASH_BITS) - 1)) | (uint64_t)order_hash(order) << HASH_BITS;

	way->number = (uint32_t)bits % ROOT_LINES;
	way->bits = bits >> ROOT_BITS;
	return block_is_seen(s, SEGMENT_GROUPS_FIRST - 1) ? line_at(s, way->number) : NULL;
}

/* The next line; NULL: none, or it is out of reach. The numbers grow, so a way ends. */
static struct group_line *way_down(const struct segment *s, struct way *way, uint64_t control)
{
	uint32_t block = block_below(control);

	if (block <= way->number / GROUP_LINES || !block_is_seen(s, block))
		return NULL;
	way->number = block * GROUP_LINES + (uint32_t)way->bits % GROUP_LINES;
	way->bits >>= FAN_BITS;
	return line_at(s, way->number);
}

static void lose(const struct segment *s)
{
	/* relaxed: the CAS looks again */
	uint64_t seen = load_relaxed(&s->header->groups);

	/*
	 * ORD[lose:A] acq_rel: this word, then an entry without a cell; pairs with is_lost:A
	 */
	while (!(seen & GROUPS_LOST) && !cas_acq_rel(&s->header->groups, &seen, seen | GROUPS_LOST))
		;
}

static bool is_lost(const struct segment *s)
{
	/*
	 * ORD[is_lost:A] acquire: the cells, then this word; a name that had none before was
	 * announced here; pairs with lose:A
	 */
	fence_acquire();
	return load_acquire(&s->header->groups) & GROUPS_LOST;
}

/* Whether @block can be used, after it was reserved if need be. */
static bool block_make(const struct segment *s, uint64_t block)
{
	/* relaxed: how much to reserve; the memory is seen by block_is_seen() */
	uint64_t seen = load_relaxed(&s->header->groups);

	while ((seen & ~GROUPS_LOST) <= block) {
		uint64_t have = seen & ~GROUPS_LOST, more = have / 8;

		more = more < RESERVE_LEAST ? RESERVE_LEAST : more;
		more = more > RESERVE_MOST ? RESERVE_MOST : more;
		if (have >= s->groups_max)
			return false;
		if (have + more > s->groups_max)
			more = s->groups_max - have;
		if (segment_reserve(s, s->groups_offset + have * sizeof(struct group_block),
				    more * sizeof(struct group_block)))
			return false;
		/*
		 * ORD[block_make:A] acq_rel: the memory, then the number, and the way to it;
		 * pairs with group_each:A, line_control:A
		 */
		if (cas_acq_rel(&s->header->groups, &seen, seen + more))
			seen += more;
	}
	return block_is_seen(s, block);
}

/* Sees to it that there are lines below @line, of that number. False: there is no memory. */
static bool line_extend(const struct segment *s, struct group_line *line, uint32_t number)
{
	uint64_t own = number / GROUP_LINES;
	uint64_t control = line_control(line), next;

	while (!block_below(control)) {
		/* relaxed: which block it is does not matter, as long as it is not in use above */
		next = load_relaxed(&s->header->group_next);
		if (next <= own) {
			/* relaxed: as above. The process that has led a line here was halted. */
			cas_relaxed(&s->header->group_next, &next, own + 1);
			continue;
		}
		if (!block_make(s, next))
			return false;
		/*
		 * ORD[line_extend:A] acq_rel: the lines below, then the way to them; pairs
		 * with line_control:A, line_read:A
		 */
		if (!cas_acq_rel(&line->control, &control, control | next))
			continue;
		cas_relaxed(&s->header->group_next, &next, next + 1); /* relaxed: as above */
		return true;
	}
	return true;
}

static bool cell_set(uint64_t *cell, uint64_t seen, uint64_t next)
{
	/*
	 * ORD[cell_set:A] acq_rel: the entry, then its cell; the end of it, then the clearing;
	 * pairs with line_read:A, cell_find:A
	 */
	return cas_acq_rel(cell, &seen, next);
}

/* The cell of @line that has @word; NULL: none. */
static uint64_t *cell_find(struct group_line *line, uint64_t word)
{
	uint32_t i;

	for (i = 0; i < GROUP_CELLS; i++) {
		/* ORD[cell_find:A] acquire: as line_read:A; pairs with cell_set:A */
		if (load_acquire(&line->cells[i]) == word)
			return &line->cells[i];
	}
	return NULL;
}

static uint64_t *cell_take(struct group_line *line, uint64_t word)
{
	uint64_t *cell;

	while ((cell = cell_find(line, 0))) {
		if (cell_set(cell, 0, word))
			return cell;
	}
	return NULL;
}

static uint64_t cell_word(place_t place, uint32_t hash)
{
	return ref_make(place, order_of_entry(hash));
}

/*
 * The first free cell of the way, in the line of the cell that has @before or below. Where the
 * way ends without that cell, listings do not rely on it.
 */
static uint64_t *way_take(const struct segment *s, uint32_t hash, order_t order, uint64_t word,
			  uint64_t before)
{
	struct group_line *line;
	struct way way;
	bool may = !before;

	line = way_begin(s, hash, order, &way);
	if (caa_unlikely(!line) && block_make(s, SEGMENT_GROUPS_FIRST - 1))
		line = way_begin(s, hash, order, &way);
	while (line) {
		uint64_t control = line_control(line), *cell;

		may = may || cell_find(line, before) || !block_below(control);
		cell = may ? cell_take(line, word) : NULL;
		if (cell)
			return cell;
		if (!block_below(control) && !line_extend(s, line, way.number))
			return NULL;
		line = way_down(s, &way, line_control(line));
	}
	return NULL;
}

void group_take(const struct segment *s, const struct query *q, uint32_t size, place_t place,
		place_t before, struct group_claim *claim)
{
	uint32_t hash = hash_of(s, q->key, size);

	claim->word = cell_word(place, hash);
	claim->cell =
		way_take(s, hash, q->order, claim->word, before ? cell_word(before, hash) : 0);
	if (!claim->cell)
		lose(s);
}

void group_unclaim(struct group_claim *claim)
{
	/* No listing may rely on an entry that was never linked, so the version stays. */
	if (claim->cell)
		cell_set(claim->cell, claim->word, 0);
	claim->cell = NULL;
}

/* The cell of the entry, and the line that it is in; NULL: none. */
static uint64_t *way_find(const struct segment *s, const struct query *q, uint32_t hash,
			  place_t place, struct group_line **line)
{
	uint64_t *cell = NULL;
	struct way way;

	*line = way_begin(s, hash, q->order, &way);
	while (*line) {
		cell = cell_find(*line, cell_word(place, hash));
		if (cell)
			break;
		*line = way_down(s, &way, line_control(*line));
	}
	return cell;
}

void group_drop(const struct segment *s, const struct query *q, uint32_t size, place_t place)
{
	uint32_t hash = hash_of(s, q->key, size);
	struct group_line *line;
	uint64_t *cell = way_find(s, q, hash, place, &line);

	if (!cell)
		return;
	/*
	 * ORD[group_drop:A] acq_rel: the end, then the version, then the clearing; pairs with
	 * line_control:A, line_read:A
	 */
	fetch_add_acq_rel(&line->control, GROUP_VERSION);
	cell_set(cell, cell_word(place, hash), 0);
}

bool group_has(const struct segment *s, const struct query *q, place_t place)
{
	uint32_t size = group_of(s, q);
	struct group_line *line;

	return !size || way_find(s, q, hash_of(s, q->key, size), place, &line) || is_lost(s);
}

/* A line that is to be read, and at which level below the top it is. */
struct item {
	uint32_t number, level;
};

/* A walk. Private to the thread. */
struct walk {
	const struct segment *s;
	const void *prefix;
	uint32_t prefix_size;
	uint32_t hash;
	int (*found)(order_t order, void *data);
	void *data;
	/* lines that are still to be read, the next one last */
	struct item *items;
	size_t count, size;
};

static int walk_add(struct walk *walk, uint32_t number, uint32_t level)
{
	size_t size = walk->size ? walk->size * 2 : ROOT_LINES;
	struct item *grown;

	if (walk->count == walk->size) {
		grown = realloc(walk->items, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		walk->items = grown;
		walk->size = size;
	}
	walk->items[walk->count++] = (struct item){ number, level };
	return 0;
}

/* The lines below @item that can have cells of the group. */
static int walk_below(struct walk *walk, const struct item *item, uint64_t control)
{
	uint32_t block = block_below(control), first = 0, lines = GROUP_LINES, i;
	int err = 0;

	if (!block)
		return 0;
	if (block <= item->number / GROUP_LINES)
		return -EUCLEAN;
	if (!block_is_seen(walk->s, block))
		return segment_fault(walk->s);
	if (walk->prefix_size && item->level < HASH_LEVELS) {
		first = walk->hash >> (ROOT_BITS + item->level * FAN_BITS) & (GROUP_LINES - 1);
		lines = 1;
	}
	for (i = 0; i < lines && !err; i++)
		err = walk_add(walk, block * GROUP_LINES + first + i, item->level + 1);
	return err;
}

/*
 * The order of @entry, which may have ended; false: it has not that prefix. The key is of the
 * time of the cell if the peek holds. The life is not asked: the name may have passed to
 * another entry of that order.
 */
static bool order_of(const struct walk *walk, const struct entry *entry, order_t *order)
{
	const struct segment *s = walk->s;
	unsigned char key[256];
	uint64_t info;
	uint32_t size;

	info = load_relaxed(&entry->info); /* relaxed: behind the cell */
	size = entry_key_size(info);
	if (!entry_is_of(info, KINDS_OF_NAMES) || size < walk->prefix_size ||
	    !entry_has_room(s, entry, ENTRY_HEAD + size))
		return false;
	copy_out(key, entry->bytes, size);
	if (walk->prefix_size && memcmp(key, walk->prefix, walk->prefix_size))
		return false;
	*order = table_query(s, key, size).order;
	return true;
}

/* The orders in one line, in a snapshot of it, and its control word then. -EAGAIN, -ENOMEM. */
static int line_read(const struct walk *walk, const struct group_line *line, order_t *orders,
		     uint32_t *count, uint64_t *control)
{
	const uint32_t sought = (uint32_t)cell_word(0, walk->hash);
	uint32_t tries, i;

	for (tries = 0; tries < LINE_TRIES; tries++) {
		uint64_t epoch = grace_peek(walk->s);

		*control = line_control(line);
		*count = 0;
		for (i = 0; i < GROUP_CELLS; i++) {
			/*
			 * ORD[line_read:A] acquire: the cell, then the entry, and the control
			 * word again; pairs with cell_set:A, group_drop:A, line_extend:A
			 */
			uint64_t cell = load_acquire(&line->cells[i]);
			const struct entry *entry;

			if (!cell || (walk->prefix_size && (uint32_t)cell != sought))
				continue;
			entry = segment_entry(walk->s, ref_place(cell));
			if (!entry)
				return segment_fault(walk->s);
			*count += order_of(walk, entry, &orders[*count]);
		}
		fence_acquire();
		/* relaxed: behind the fence */
		if (load_relaxed(&line->control) == *control && grace_peek_held(walk->s, epoch))
			return 0;
	}
	return -EAGAIN;
}

static int walk_line(struct walk *walk, const struct item *item)
{
	order_t orders[GROUP_CELLS];
	uint32_t count, i;
	uint64_t control;
	int err = line_read(walk, line_at(walk->s, item->number), orders, &count, &control);

	for (i = 0; !err && i < count; i++)
		err = walk->found(orders[i], walk->data);
	return err ? err : walk_below(walk, item, control);
}

/*
 * Each line once, if no two lead to one block. Where that has happened often, or the memory is
 * damaged, the walk ends before it would take longer than one along the list.
 */
static int walk_lines(struct walk *walk)
{
	/* relaxed: a bound; a line that was added since is one of few */
	uint64_t most = 2 * GROUP_LINES * (load_relaxed(&walk->s->header->groups) & ~GROUPS_LOST);
	int err = 0;

	if (most > 2ull * GROUP_LINES * walk->s->groups_max)
		most = 2ull * GROUP_LINES * walk->s->groups_max;
	for (most += ROOT_LINES; walk->count && !err; most--) {
		struct item item = walk->items[--walk->count];

		err = most ? walk_line(walk, &item) : -ENODATA;
	}
	return err;
}

int group_each(const struct segment *s, const void *prefix, uint32_t prefix_size,
	       int (*found)(order_t order, void *data), void *data)
{
	struct walk walk = { .s = s, .prefix = prefix, .prefix_size = prefix_size };
	uint64_t groups;
	uint32_t i;
	int err = 0;

	walk.found = found;
	walk.data = data;
	/*
	 * ORD[group_each:A] acquire: the number, then the lines; pairs with block_make:A
	 */
	groups = load_acquire(&s->header->groups);
	if (!s->unique || groups & GROUPS_LOST)
		return -ENODATA;
	/* No name of a group was ever registered. */
	if (!groups)
		return 0;
	if (!block_is_seen(s, SEGMENT_GROUPS_FIRST - 1))
		return segment_fault(s);
	if (prefix_size) {
		walk.hash = hash_of(s, prefix, group_size(prefix, prefix_size));
		err = walk_add(&walk, walk.hash % ROOT_LINES, 0);
	}
	for (i = 0; !prefix_size && i < ROOT_LINES && !err; i++)
		err = walk_add(&walk, i, 0);
	if (!err)
		err = walk_lines(&walk);
	free(walk.items);
	return !err && is_lost(s) ? -ENODATA : err;
}
