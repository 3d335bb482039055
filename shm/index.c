/* SPDX-License-Identifier: MIT */
/*
 * Cells: taking, settling and clearing them; the line of a bucket that lookups have no use
 * of yet, or no longer. index.h has the protocol and what deaths leave.
 *
 * Two late CASes are what has to be thought of. One that clears a cell: the entry that it
 * was about is named by a hazard, so the word in the cell is not that of another entry at
 * the same place. One that links an entry, by a process that was stopped after the check of
 * its section: its cell may be in the line of an older level; index_level.c.
 */
#include "shm/index_cells.h"

#include "shm/table.h"

/* The longest part of the list that a builder goes along. */
#define BUILD_HOPS 64u

static bool cell_cas(uint64_t *cell, uint64_t *seen, uint64_t next)
{
	/*
	 * ORD[cell_cas:A] acq_rel: the entry and the list, then the cell; the version,
	 * then the clearing; pairs with index_probe:C, index_alone:B, index_is_settled:A, line_clean:A,
	 * cell_before:A, look_cell:A, look_cell:B, look_probe_line:B
	 */
	return cas_acq_rel(cell, seen, next);
}

/* To be called after an entry has ended, and before its cell is cleared. */
static void bump(struct index_line *line)
{
	/*
	 * ORD[bump:A] acq_rel: the end, then the version, then the clearing; pairs with
	 * index_probe:B, index_probe:D, index_alone:A, index_alone:C, look_has_cell:A, look_has_cell:B,
	 * look_probe_line:A, look_probe_line:C
	 */
	fetch_add_acq_rel(&line->control, INDEX_VERSION);
}

/*
 * From now on no lookup uses the index of this registry: this process may link entries
 * whose lines it cannot reach. It happens where its address space is limited, and the
 * registry has outgrown that.
 */
static void unindex(const struct segment *s)
{
	/* relaxed: the CAS looks again */
	uint64_t seen = load_relaxed(&s->header->buckets);

	/*
	 * ORD[unindex:A] acq_rel: this word, then an entry without a cell; pairs with
	 * index_probe:A, index_alone:D, index_start:A, look_renew:B
	 */
	while (!(seen & BUCKETS_UNINDEXED) &&
	       !cas_acq_rel(&s->header->buckets, &seen, seen | BUCKETS_UNINDEXED))
		;
}

uint64_t index_buckets_look(const struct segment *s, uint64_t buckets)
{
	if (!s->lines || buckets & BUCKETS_UNINDEXED || !segment_buckets_can_be(s, buckets))
		return 0;
	if (segment_see_buckets(s) >= buckets)
		return buckets;
	unindex(s);
	return 0;
}

/* A free cell that is @word from now on; NULL: there is none. *used: how many are in front. */
static uint64_t *cell_take(struct index_line *line, uint64_t word, uint32_t *used)
{
	uint32_t cells = cells_free(line);

	while (cells) {
		uint64_t *cell = cells_next(line, &cells);
		uint64_t seen = 0;

		if (caa_likely(cell_cas(cell, &seen, word))) {
			*used = (uint32_t)(cell - line->cells);
			return cell;
		}
	}
	*used = INDEX_CELLS;
	return NULL;
}

/* Whether @cell is of the entry that @ref leads to, in whatever form. */
static bool cell_is_of(uint64_t cell, ref_t ref)
{
	return (cell & ~CELL_LOOK) == ref ||
	       (cell & CELL_BUILT && ref_place(cell) == ref_place(ref));
}

/*
 * Clears the cells of @line that are of the entry that @ref leads to, all of them: builders
 * may have added some. False: other processes have kept changing them.
 */
static bool cells_clear(struct index_line *line, ref_t ref)
{
	uint32_t cells = cells_at(line, ref_place(ref)), tries = 0;

	while (cells) {
		uint64_t *cell = cells_next(line, &cells);
		uint64_t seen = load_relaxed(cell); /* relaxed: the CAS looks again */

		while (cell_is_of(seen, ref)) {
			bump(line);
			if (cell_cas(cell, &seen, 0ull))
				break;
			if (++tries == TABLE_TRIES)
				return false;
		}
	}
	return true;
}

/* Makes room in the line of bucket @number of @buckets. */
static void line_narrow(const struct segment *s, uint32_t number, uint64_t buckets)
{
	struct index_line *line = &s->lines[number];
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		uint64_t seen = load_relaxed(&line->cells[i]); /* relaxed: the CAS looks again */

		if (index_cell_is_idle(seen, number, buckets))
			cell_cas(&line->cells[i], &seen, 0ull);
	}
}

/*
 * Clears one cell of a full line that is of no use: of an entry that has ended and was not
 * swept yet, or an idle one. 0: there is a free cell; -ENOENT: all are in use; -EAGAIN:
 * the section was entered again.
 *
 * The entry is named, and then its cell is seen to be there still: so its block was not
 * given up before, and stays as it is.
 */
static int line_clean(const struct writer *w, uint32_t number, uint64_t buckets)
{
	struct index_line *line = &w->s->lines[number];
	uint32_t i;

	line_narrow(w->s, number, buckets);
	for (i = 0; i < INDEX_CELLS; i++) {
		uint64_t seen = load_relaxed(&line->cells[i]); /* relaxed: looked at again */
		struct entry *entry;

		if (!seen)
			return 0;
		entry = segment_entry(w->s, ref_place(seen));
		if (!entry)
			continue;
		if (!grace_protect(w, HAZARD_NEXT, ref_place(seen)))
			return -EAGAIN;
		/*
		 * ORD[line_clean:A] acquire: the cell, then the entry; pairs with
		 * cell_cas:A
		 */
		if (load_acquire(&line->cells[i]) != seen)
			continue;
		if (!(table_load(&entry->next) & REF_MARK) &&
		    /* relaxed: behind the cell */
		    life_word_is_alive(w->lives, load_relaxed(&entry->owner)))
			continue;
		bump(line);
		if (cell_cas(&line->cells[i], &seen, 0ull))
			return 0;
	}
	return -ENOENT;
}

/*
 * Says that @line misses an entry, before that is linked. The epoch is loaded after the
 * control word that it is to replace, so it is not older than one that stands there.
 */
static void line_overflow(const struct segment *s, struct index_line *line)
{
	uint64_t seen, next;

	/*
	 * ORD[line_overflow:A] acquire: the control word, then the epoch; pairs with
	 * line_overflow:B
	 */
	seen = load_acquire(&line->control);
	do {
		/* relaxed: behind the control word */
		next = (load_relaxed(&s->header->epoch) | 1) & INDEX_OVERFLOW_MASK;
		next = (seen & ~(INDEX_VERSION - 1)) + INDEX_VERSION +
		       (next << INDEX_OVERFLOW_SHIFT);
		/*
		 * ORD[line_overflow:B] acq_rel: this word, then an entry without a cell;
		 * pairs with index_probe:B, index_alone:A, index_build:A, line_overflow:A,
		 * look_probe_line:A
		 */
	} while (!cas_acq_rel(&line->control, &seen, next));
}

/*
 * Whether no process is about to link an entry without a cell in the line of @control: two
 * epochs after it said so, and if none is stopped in front of its CAS (index_level.c).
 */
static bool overflow_is_past(const struct writer *w, uint64_t control)
{
	uint64_t then = control >> INDEX_OVERFLOW_SHIFT & INDEX_OVERFLOW_MASK, passed;

	if (!then)
		return true;
	/*
	 * ORD[overflow_is_past:A] acquire: the epoch, then the slots; pairs with
	 * grace_advance:C
	 */
	passed = (load_acquire(&w->s->header->epoch) - then) & INDEX_OVERFLOW_MASK;
	if (passed >= 2 && passed <= INDEX_OVERFLOW_MASK / 2)
		return !index_some_link_late(w);
	index_hurry(w);
	return false;
}

bool index_start(const struct segment *s, order_t order, ref_t *at)
{
	/* ORD[index_start:A] acquire: as index_probe:A; pairs with table_grow:A, unindex:A */
	uint64_t buckets = load_acquire(&s->header->buckets), last;
	struct entry *entry;

	/* relaxed: a bound of this process's own */
	if (buckets - 1 >= load_relaxed(&s->view->lines))
		return false;
	last = cell_before(&s->lines[order_hash(order) & (uint32_t)(buckets - 1)], order, buckets);
	entry = last ? segment_entry(s, ref_place(last)) : NULL;
	if (!entry)
		return false;
	*at = table_load(&entry->next);
	return !(*at & REF_MARK);
}

/* Every case, from the beginning. */
static __attribute__((noinline)) int claim_slow(const struct writer *w, const struct query *q,
						place_t place, struct index_claim *claim)
{
	struct index_line *line;
	uint32_t used, tries;
	uint64_t buckets;
	int err = 0;

	line = q->kinds & KINDS_OF_NAMES ? line_of(w->s, q->order, &buckets) : NULL;
	if (!line)
		return 0;
	if (claim->cell && claim->cell >= line->cells && claim->cell < line->cells + INDEX_CELLS)
		return 0;
	if (claim->cell)
		index_unclaim(claim);
	claim->word = ref_make(place, q->order) | CELL_LOOK;
	claim->unready = !line_is_complete(line);
	for (tries = 0; tries < INDEX_CELLS && !err; tries++) {
		claim->cell = cell_take(line, claim->word, &used);
		claim->crowded = used >= INDEX_CELLS - 2;
		if (claim->cell)
			return 0;
		err = line_clean(w, (uint32_t)(line - w->s->lines), buckets);
	}
	if (err == -EAGAIN)
		return err;
	line_overflow(w->s, line);
	return 0;
}

/* Mostly there is a free cell. What is unusual is the last call. */
int index_claim(const struct writer *w, const struct query *q, place_t place,
		struct index_claim *claim)
{
	const struct segment *s = w->s;
	struct index_line *line;
	uint64_t *cell, seen = 0;
	uint32_t cells;

	line = line_at_once(s, q->order);
	if (caa_unlikely(!line) || caa_unlikely(claim->cell) ||
	    caa_unlikely(!(q->kinds & KINDS_OF_NAMES)))
		return claim_slow(w, q, place, claim);
	cells = cells_free(line);
	if (caa_unlikely(!cells))
		return claim_slow(w, q, place, claim);
	cell = cells_next(line, &cells);
	claim->word = ref_make(place, q->order) | CELL_LOOK;
	if (caa_unlikely(!cell_cas(cell, &seen, claim->word)))
		return claim_slow(w, q, place, claim);
	claim->cell = cell;
	claim->unready = !line_is_complete(line);
	claim->crowded = cell >= &line->cells[INDEX_CELLS - 2];
	return 0;
}

void index_unclaim(struct index_claim *claim)
{
	uint64_t seen = claim->word;

	/* No lookup may rely on an entry that was never linked, so the version stays. */
	if (claim->cell)
		cell_cas(claim->cell, &seen, 0ull);
	claim->cell = NULL;
}

/* Others may be put in front of a replaceable one, and a reserved one is not found. */
static bool may_settle(uint64_t info)
{
	return entry_kind(info) == ENTRY_NAME && !entry_is_replaceable(info);
}

/* The entry was linked, and says so: lookups may go by its cell while that is alone. */
static void list_says(struct entry *entry)
{
	/*
	 * ORD[list_says:A] acq_rel: the link, then this; pairs with index_alone:E. The kind of
	 * a name does not change
	 */
	fetch_or_acq_rel(&entry->info, (uint64_t)ENTRY_LISTED << ENTRY_KIND_SHIFT);
}

void index_settle(const struct index_claim *claim, struct entry *entry, bool first)
{
	uint64_t info = load_relaxed(&entry->info); /* relaxed: the caller has linked it */
	uint64_t seen = claim->word;

	if (first && claim->cell && may_settle(info))
		cell_cas(claim->cell, &seen, seen & ~CELL_LOOK);
	else if (entry_kind(info) == ENTRY_NAME && entry_is_replaceable(info))
		list_says(entry);
}

bool index_alone(const struct segment *s, const struct query *q, struct entry **entry,
		 place_t *place)
{
	uint64_t buckets, control, cell, alone = 0, info;
	struct index_line *line;
	uint32_t cells;

	/* ORD[index_alone:D] acquire: as index_probe:A; pairs with table_grow:A, unindex:A */
	buckets = load_acquire(&s->header->buckets);
	/* relaxed: a bound of this process's own */
	if (buckets - 1 >= load_relaxed(&s->view->lines))
		return false;
	line = &s->lines[q->hash & (buckets - 1)];
	/*
	 * ORD[index_alone:A] acquire: the control word, then the cells; pairs with bump:A,
	 * complete:A, line_overflow:B
	 */
	control = load_acquire(&line->control);
	for (cells = cells_of(line, q->order); cells;) {
		/* ORD[index_alone:B] acquire: the cell, then the entry; pairs with cell_cas:A */
		cell = load_acquire(cells_next(line, &cells));
		if (ref_order(cell) != q->order || cell & CELL_BUILT)
			continue;
		if (alone)
			return false;
		alone = cell;
	}
	*place = ref_place(alone);
	*entry = alone ? segment_entry(s, *place) : NULL;
	if (!*entry)
		return false;
	/* ORD[index_alone:E] acquire: that it was listed, then the control word; pairs with list_says:A */
	info = load_acquire(&(*entry)->info);
	/* ORD[index_alone:C] acquire: the cells, then the control word again; pairs with bump:A */
	fence_acquire();
	return entry_is_listed(info) && entry_is_replaceable(info) && control & INDEX_COMPLETE &&
	       load_relaxed(&line->control) == control &&    /* relaxed: behind the fence */
	       load_relaxed(&s->header->buckets) == buckets; /* relaxed: as above */
}

bool index_is_settled(const struct segment *s, order_t order, place_t place)
{
	uint64_t buckets;
	const struct index_line *line = line_of(s, order, &buckets);
	uint32_t i;

	for (i = 0; line && i < INDEX_CELLS; i++) {
		/*
		 * ORD[index_is_settled:A] acquire: as a lookup has it; pairs with
		 * cell_cas:A
		 */
		if (load_acquire(&line->cells[i]) == ref_make(place, order))
			return true;
	}
	return false;
}

void index_settle_at(const struct writer *w, order_t order, place_t place, uint64_t info)
{
	uint64_t buckets;
	struct index_line *line = may_settle(info) ? line_of(w->s, order, &buckets) : NULL;
	uint32_t i;

	for (i = 0; line && i < INDEX_CELLS; i++) {
		uint64_t seen = ref_make(place, order) | CELL_LOOK;

		if (cell_cas(&line->cells[i], &seen, seen & ~CELL_LOOK))
			return;
	}
}

/*
 * In the lines of all levels in which the entry may have a cell: that of now, and, while
 * that is not complete, those from which its cells are to be built. The number of buckets
 * is loaded after the end of the entry: the line of a later level is built from the list,
 * and by a builder that sees the end.
 */
static __attribute__((noinline)) bool clear_slow(const struct writer *w, order_t order,
						 place_t place)
{
	const struct segment *s = w->s;
	uint64_t buckets = index_buckets(s);
	uint32_t number = order_hash(order) & (uint32_t)(buckets - 1);
	bool cleared = true;

	while (buckets) {
		struct index_line *line = &s->lines[number];

		cleared &= cells_clear(line, ref_make(place, order));
		if (!number || line_is_complete(line))
			break;
		number &= ~(0x80000000u >> __builtin_clz(number));
	}
	return cleared;
}

/* Mostly the line is complete, and the entry has one cell there. */
bool index_clear(const struct writer *w, order_t order, place_t place)
{
	struct index_line *line;
	uint64_t *cell, seen;
	uint32_t cells;

	/*
	 * ORD[index_clear:A] full: the mark, then the cells; a life that is over was seen by
	 * an acquire; pairs with build_cell:A
	 */
	fence_after_cas();
	line = line_at_once(w->s, order);
	if (caa_unlikely(!line))
		return clear_slow(w, order, place);
	cells = cells_at(line, place);
	if (caa_unlikely(!cells))
		return clear_slow(w, order, place);
	cell = cells_next(line, &cells);
	seen = load_relaxed(cell); /* relaxed: the CAS looks again */
	if (caa_unlikely(cells || (seen & ~CELL_LOOK) != ref_make(place, order)))
		return clear_slow(w, order, place);
	bump(line);
	if (caa_likely(cell_cas(cell, &seen, 0ull) && line_is_complete(line)))
		return true;
	return clear_slow(w, order, place);
}

/*
 * Sees to it that the living entry at @ref, which is named by a hazard, has its cell in
 * @line. False: the line is full, or it was changed meanwhile. @first: nothing of its order
 * is in front of it.
 */
static bool build_cell(const struct writer *w, struct index_line *line, ref_t ref,
		       struct entry *entry, bool first)
{
	uint64_t number = (uint64_t)(w->slot - w->s->slots);
	uint64_t built = ref_make(ref_place(ref), 0) | number << 1 | CELL_BUILT | CELL_LOOK;
	uint32_t i, used;
	uint64_t *cell;

	for (i = 0; i < INDEX_CELLS; i++) {
		/* relaxed: that it has a cell is enough */
		if ((load_relaxed(&line->cells[i]) & ~CELL_LOOK) == ref)
			return true;
	}
	cell = cell_take(line, built, &used);
	if (!cell)
		return false;
	/*
	 * ORD[build_cell:A] full: the cell, then the mark. The owner marks, then looks for
	 * cells, so one of the two sees the other; pairs with index_clear:A
	 */
	fence_after_cas();
	/* relaxed: behind the fence */
	if (table_load(&entry->next) & REF_MARK ||
	    !life_word_is_alive(w->lives, load_relaxed(&entry->owner))) {
		cell_cas(cell, &built, 0ull);
		return true;
	}
	/* relaxed: behind the link */
	first = first && may_settle(load_relaxed(&entry->info));
	return cell_cas(cell, &built, first ? ref : ref | CELL_LOOK);
}

static bool line_has_room(const struct index_line *line)
{
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		if (!load_relaxed(&line->cells[i])) /* relaxed: a hint */
			return true;
	}
	return false;
}

/*
 * Goes along the part of the list that belongs to @bucket of @buckets, and gives each
 * living name its cell. False: not all have one.
 */
static bool build_cells(const struct writer *w, struct index_line *line, uint32_t bucket,
			uint64_t buckets)
{
	order_t of = order_of_bucket(bucket), last = 0;
	bool is_linked = true;
	uint64_t *link;
	uint32_t hops;
	ref_t at;

	if (!table_bucket(w->s, bucket, &link, &at))
		return false;
	for (hops = 0; hops < BUILD_HOPS; hops++) {
		order_t order = ref_order(at);
		bool is_ours = !((order_hash(order) ^ bucket) & (uint32_t)(buckets - 1));
		struct entry *entry;
		ref_t next;

		if (ref_is_end(at) || (!is_ours && order_is_before(of, order)))
			return true;
		if (!order_is_entry(order)) {
			if (table_bucket_next(w->s, at, &next))
				return false;
			last = order;
			is_linked = true;
			at = next;
			continue;
		}
		entry = segment_entry(w->s, ref_place(at));
		if (!entry || !grace_protect(w, HAZARD_NEXT, ref_place(at)))
			return false;
		next = table_load(&entry->next);
		/* relaxed: behind the link */
		if (is_ours && !(next & REF_MARK) &&
		    entry_is_of(load_relaxed(&entry->info), KINDS_OF_NAMES) &&
		    /* relaxed: as above */
		    life_word_is_alive(w->lives, load_relaxed(&entry->owner)) &&
		    !build_cell(w, line, at & ~REF_MARK, entry, is_linked && order != last))
			return false;
		/* What an entry with a mark leads to need not be first. */
		is_linked = !(next & REF_MARK);
		last = order;
		at = next;
	}
	return false;
}

void index_narrow(const struct segment *s, uint32_t bucket)
{
	uint64_t buckets = index_buckets(s);

	if (bucket < buckets)
		line_narrow(s, bucket, buckets);
}

void index_build(const struct writer *w, uint32_t bucket)
{
	uint64_t buckets = index_buckets(w->s), control;
	uint16_t renewals = grace_renewals(w);
	struct index_line *line;

	if (bucket >= buckets)
		return;
	line = &w->s->lines[bucket];
	/*
	 * ORD[index_build:A] acquire: the control word, then the cells and the epoch; pairs
	 * with line_overflow:B
	 */
	control = load_acquire(&line->control);
	if (caa_likely(control & INDEX_COMPLETE) || !index_level_is_settled(w, buckets))
		return;
	line_narrow(w->s, bucket, buckets);
	if (!line_has_room(line) || !overflow_is_past(w, control) ||
	    !build_cells(w, line, bucket, buckets))
		return;
	/* What was read counts only if the section has lasted since the control word. */
	if (grace_again(w) || grace_renewals(w) != renewals)
		return;
	/*
	 * ORD[complete:A] acq_rel: the cells, then that they are all; pairs with
	 * index_probe:B, index_alone:A, line_is_complete:A, look_has_cell:A, look_probe_line:A
	 */
	cas_acq_rel(&line->control, &control, control | INDEX_COMPLETE);
}
