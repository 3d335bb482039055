/* SPDX-License-Identifier: MIT */
/*
 * A check is one or more looks at the whole segment; a fault is what all looks agree on.
 *
 * A look collects what is not as it should be. Other processes change the segment
 * meanwhile, so a single look may find a step that a process was just taking, or a block
 * that was freed and reused. A fault is therefore reported only if each of several looks,
 * some milliseconds apart, finds the same words in the same place. A segment without
 * faults costs one look.
 *
 * What a killed process leaves is not a fault, nor what a stopped one leaves in the
 * middle of a call: those states are in doc/protocol.md, and every process copes with
 * them.
 *
 * The order of one look matters: the seats' rows are copied and the linked buckets noted
 * before the list is walked, and compared after it. Noted afterwards, an entry or a
 * bucket that was linked during the walk would look like one that the list does not lead
 * to.
 *
 * Not here: the list (check_list.c), the index (check_index.c), slabs, meta and gifts
 * (check_land.c), rows, slots and logs (check_seats.c).
 */
#include "shm/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shm/check_look.h"
#include "shm/gift.h"
#include "shm/land.h"
#include "shm/row.h"

/*
 * A process that registers and unregisters one name in a loop may be caught in the same
 * step several times, with the same words.
 */
#define LOOKS 6
#define PAUSE_NS 5000000l

/* Beyond FAULTS_OF_KIND a fault is only counted. */
void look_fault(struct look *look, enum fault_kind kind, uint64_t object, uint64_t word,
		const char *format, ...)
{
	struct fault *fault = &look->faults[look->count];
	va_list arguments;

	if (look->of_kind[kind]++ >= FAULTS_OF_KIND)
		return;
	look->count++;
	fault->kind = kind;
	fault->object = object;
	fault->word = word;
	va_start(arguments, format);
	vsnprintf(fault->sentence, sizeof(fault->sentence), format, arguments);
	va_end(arguments);
}

uint32_t look_pid(const struct look *look, owner_t owner)
{
	uint32_t seat = owner_seat(owner);

	/* relaxed: for people */
	return load_relaxed(&row_look(look->s, seat)->who.pid);
}

/*
 * Notes the buckets that are linked by now, neither unused nor claimed. Before the walk.
 */
static void look_buckets(struct look *look)
{
	uint64_t bucket;

	for (bucket = 0; bucket < look->buckets; bucket++) {
		ref_t word = table_load(&look->s->buckets[bucket]);

		if (word != REF_NONE && !(word & REF_CLAIM))
			bit_set(look->linked, bucket);
	}
}

/*
 * Allocates one look for what is reserved at this moment. -ENOMEM; look_end() is needed
 * in any case.
 */
static int look_begin(struct look *look, const struct segment *s, const struct life_table *lives)
{
	uint64_t buckets = segment_see_buckets(s);

	memset(look, 0, sizeof(*look));
	look->s = s;
	look->lives = lives;
	look->slabs = land_slabs(s);
	look->buckets = buckets <= s->buckets_max ? buckets : 0;
	look->gifts_noted = gift_noted(s);
	look->lines = calloc(look->slabs + 1ull, SLAB_BYTES / LINE_BYTES / 8);
	look->reached = calloc(look->buckets / 8 + 1, 1);
	look->linked = calloc(look->buckets / 8 + 1, 1);
	look->seats = calloc(s->seats, sizeof(*look->seats));
	return look->lines && look->reached && look->linked && look->seats ? 0 : -ENOMEM;
}

/* calloc() has left NULL where it failed, and look_begin() has cleared the rest. */
static void look_end(struct look *look)
{
	free(look->lines);
	free(look->reached);
	free(look->linked);
	free(look->seats);
}

/*
 * For words that are written once. Compared with what was read at the opening, which
 * nobody else can have changed.
 */
static void header_is(struct look *look, const char *what, uint64_t found, uint64_t wanted)
{
	if (found != wanted)
		look_fault(look, FAULT_HEADER, (uintptr_t)what, found,
			   "header: %s is %#llx and was %#llx when the registry was "
			   "opened; " LOOK_DAMAGED,
			   what, (unsigned long long)found, (unsigned long long)wanted);
}

/* For words that only grow. */
static void header_is_at_most(struct look *look, const char *what, uint64_t found, uint64_t most)
{
	if (found > most)
		look_fault(look, FAULT_HEADER, (uintptr_t)what, found,
			   "header: %s is %llu, and the maximum is %llu; " LOOK_DAMAGED, what,
			   (unsigned long long)found, (unsigned long long)most);
}

static void look_header(struct look *look)
{
	const struct segment *s = look->s;
	const struct segment_header *header = s->header;
	/* relaxed: numbers that only grow, each looked at by itself */
	uint64_t buckets = segment_buckets_of(load_relaxed(&header->buckets));

	header_is(look, "magic", header->magic, SEGMENT_MAGIC);
	header_is(look, "layout", header->layout, SEGMENT_LAYOUT);
	header_is(look, "seed", header->seed, s->hash.whole);
	header_is(look, "seats", header->seats, s->seats);
	header_is(look, "slots", header->slots, s->slots_count);
	header_is(look, "partitions", header->partitions, s->partitions);
	header_is(look, "unique", !header->keys, s->unique);
	header_is(look, "identity", header->identity, s->lives ? 0 : look->lives->identity);
	header_is_at_most(look, "buckets", buckets, s->buckets_max);
	header_is(look, "bits in buckets", (uint64_t)__builtin_popcountll(buckets), 1);
	/* relaxed: as above */
	header_is_at_most(look, "slabs", load_relaxed(&header->slabs), s->slabs_max);
	/* relaxed: as above */
	header_is_at_most(look, "seats_high", load_relaxed(&header->seats_high), s->seats);
	/* relaxed: as above */
	header_is_at_most(look, "slots_high", load_relaxed(&header->slots_high), s->slots_count);
	/* relaxed: a figure */
	if (!header->id || load_relaxed(&header->successor) == header->id)
		look_fault(look, FAULT_HEADER, 0, header->id,
			   "header: the registry is its own successor; " LOOK_DAMAGED);
}

/*
 * One look from beginning to end. -ENOMEM also if a part of the segment is out of reach:
 * what is there would seem to be missing.
 */
static int look_once(struct look *look, const struct segment *s, const struct life_table *lives)
{
	int err = look_begin(look, s, lives);

	if (!err && !segment_is_whole(s))
		err = -ENOMEM;
	/*
	 * Rows and buckets first, then the list, then what is compared with it; see the
	 * head.
	 */
	if (!err) {
		look_header(look);
		look_buckets(look);
		look_seats_before(look);
		err = look_list(look);
	}
	if (!err) {
		look_index(look);
		look_groups(look);
		look_land(look);
		look_seats_after(look);
	}
	look_end(look);
	return err;
}

/* Whether @look has found the same fault: the kind, the object and the word. */
static bool has_fault(const struct look *look, const struct fault *fault)
{
	uint32_t i;

	for (i = 0; i < look->count; i++) {
		if (look->faults[i].kind == fault->kind &&
		    look->faults[i].object == fault->object && look->faults[i].word == fault->word)
			return true;
	}
	/*
	 * It may be among those that were not kept: then the count of the kind decides.
	 */
	return look->of_kind[fault->kind] > FAULTS_OF_KIND;
}

/*
 * Keeps in @look only what @again has found too. For a kind of which one look had more
 * than it could keep, the smaller count stands.
 */
static void look_confirm(struct look *look, const struct look *again)
{
	uint64_t kept[FAULT_KINDS] = { 0 };
	uint32_t i, count = 0;

	for (i = 0; i < look->count; i++) {
		if (has_fault(again, &look->faults[i])) {
			kept[look->faults[i].kind]++;
			look->faults[count++] = look->faults[i];
		}
	}
	look->count = count;
	for (i = 0; i < FAULT_KINDS; i++) {
		if (look->of_kind[i] <= FAULTS_OF_KIND || again->of_kind[i] <= FAULTS_OF_KIND)
			look->of_kind[i] = kept[i];
		else if (again->of_kind[i] < look->of_kind[i])
			look->of_kind[i] = again->of_kind[i];
	}
	/* One look in which every part held is enough to have checked the list. */
	look->torn &= again->torn;
}

int64_t check_segment(const struct segment *s, const struct life_table *lives, check_say_fn say,
		      void *data)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct look *looks = calloc(2, sizeof(*looks));
	int64_t result = 0;
	uint32_t i;
	int err;

	if (!looks)
		return -ENOMEM;
	err = look_once(&looks[0], s, lives);
	/* Ends as soon as nothing is left to confirm. */
	for (i = 1; !err && i < LOOKS && (looks[0].count || looks[0].torn); i++) {
		nanosleep(&pause, NULL);
		err = look_once(&looks[1], s, lives);
		look_confirm(&looks[0], &looks[1]);
	}
	for (i = 0; !err && say && i < looks[0].count; i++)
		say(looks[0].faults[i].sentence, data);
	for (i = 0; i < FAULT_KINDS; i++)
		result += (int64_t)looks[0].of_kind[i];
	if (!result && looks[0].torn)
		result = -EAGAIN;
	free(looks);
	return err ? err : result;
}
