/* SPDX-License-Identifier: MIT */
/*
 * The check of a live segment: it reports nothing on sound memory, whether at rest or
 * being changed by other processes; for each kind of damage it reports what is affected.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/row.h"
#include "shm/table_search.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"

#define CHANGERS 3

/* The expected report, and whether it came; the first report, if it was a different one. */
struct saying {
	const char *wanted;
	bool said;
	char first[256];
};

static void hear(const char *sentence, void *data)
{
	struct saying *saying = data;

	if (!saying->first[0])
		snprintf(saying->first, sizeof(saying->first), "%s", sentence);
	saying->said |= saying->wanted && strstr(sentence, saying->wanted);
}

static void is_sound(struct kreg *k)
{
	struct saying saying = { 0 };
	int64_t faults = kreg_check(k, hear, &saying);

	ck_assert_msg(!faults, "%lld faults: %s", (long long)faults, saying.first);
}

static void is_said(struct kreg *k, const char *words)
{
	struct saying saying = { .wanted = words };
	int64_t faults = kreg_check(k, hear, &saying);

	ck_assert_msg(faults > 0 && saying.said, "%lld faults, none is \"%s\", the first is: %s",
		      (long long)faults, words, saying.first);
}

static int no_event(struct kreg_listener *listener)
{
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(listener, &event)) == 1)
		;
	return got;
}

/* Something of each kind of entry, value and block. */
static void fill(struct kreg *k)
{
	static char value[KREG_VALUE_MAX];
	struct kreg_lock lock;
	char key[64];
	size_t size;
	int i;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "name-%d", i);
		size = i % 100 ? (size_t)i % 50 : (size_t)i * 20;
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, value, size, NULL), 0);
		if (i % 3 == 0)
			ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
		else if (i % 7 == 0)
			ck_assert_int_ge(kreg_update(k, key, KREG_STRING, "x", 1, NULL, 0), 0);
	}
	ck_assert_int_eq(kreg_register_with(k, "reserved", KREG_STRING, "x", 1,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, 0, &lock), 0);
	ck_assert_int_eq(kreg_meta_put(k, "meta", KREG_STRING, value, sizeof(value)), 0);
}

START_TEST(sound_memory_has_no_faults)
{
	struct kreg *k = mode_open(_i, "sound");
	struct kreg_listener *listener;

	is_sound(k);
	fill(k);
	is_sound(k);
	ck_assert_int_eq(kreg_listen(&listener, k, NULL, 0), 0);
	ck_assert_int_eq(kreg_unregister(k, "name-1", KREG_STRING), 1);
	ck_assert_int_eq(kreg_register(k, "name-1", KREG_STRING, "x", 1, NULL), 0);
	is_sound(k);
	ck_assert_int_eq(no_event(listener), 0);
	kreg_listener_close(listener);
	ck_assert_int_ge(kreg_sweep(k), 0);
	is_sound(k);
	kreg_close(k);
}
END_TEST

struct task {
	int mode;
	int number;
};

/* Registers, updates, gives and unregisters until it is killed. */
static int change(int link, void *data)
{
	struct task *task = data;
	unsigned int seed = (unsigned int)task->number;
	struct kreg *k = mode_open(task->mode, "busy");
	struct kreg_found other = { 0 };
	struct kreg_owner self;
	char key[32];

	if (kreg_self(k, &self))
		return 9;
	link_say(link, 0);
	for (;;) {
		int what = rand_r(&seed) % 8;

		snprintf(key, sizeof(key), "name-%d", rand_r(&seed) % 64);
		if (what < 3)
			kreg_register(k, key, KREG_STRING, key, strlen(key), &other);
		else if (what < 5)
			kreg_unregister(k, key, KREG_STRING);
		else if (what < 7)
			kreg_update(k, key, KREG_STRING, key, 2, NULL, 0);
		else
			kreg_meta_put(k, key, KREG_STRING, key, strlen(key));
	}
}

START_TEST(a_concurrent_change_is_not_a_fault)
{
	struct kreg *k = mode_open(_i, "busy");
	struct child changers[CHANGERS];
	int i;

	for (i = 0; i < CHANGERS; i++) {
		struct task task = { _i, i + 1 };

		changers[i] = child_start_ready(change, &task);
	}
	for (i = 0; i < 60; i++) {
		is_sound(k);
		if (i % 10 == 9) {
			struct task task = { _i, i + 100 };

			child_kill(&changers[i / 10 % CHANGERS]);
			changers[i / 10 % CHANGERS] = child_start_ready(change, &task);
		}
	}
	/* A process that stops inside a call leaves no fault either. */
	for (i = 0; i < CHANGERS; i++)
		kill(changers[i].pid, SIGSTOP);
	is_sound(k);
	for (i = 0; i < CHANGERS; i++)
		child_kill(&changers[i]);
	is_sound(k);
	ck_assert_int_ge(kreg_sweep(k), 0);
	is_sound(k);
	kreg_close(k);
}
END_TEST

/* Of many names it registers one and unregisters another, until it is killed. */
static int change_many(int link, void *data)
{
	struct task *task = data;
	unsigned int seed = (unsigned int)task->number + 1;
	struct kreg *k = mode_open(task->mode, "many");
	struct kreg_owner self;
	char key[32];

	if (kreg_self(k, &self))
		return 9;
	link_say(link, 0);
	for (;;) {
		snprintf(key, sizeof(key), "name-%d-%d", task->number, rand_r(&seed) % 20000);
		if (rand_r(&seed) % 2)
			kreg_register(k, key, KREG_STRING, NULL, 0, NULL);
		else
			kreg_unregister(k, key, KREG_STRING);
	}
}

START_TEST(a_block_that_is_used_again_is_not_in_two_places)
{
	struct kreg *k = mode_open(_i, "many");
	struct child changers[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct task task = { _i, i };

		changers[i] = child_start_ready(change_many, &task);
	}
	for (i = 0; i < 20; i++)
		is_sound(k);
	for (i = 0; i < 2; i++)
		child_kill(&changers[i]);
	is_sound(k);
	kreg_close(k);
}
END_TEST

/* Has a name half of the time, a thousand times in a second, until it is killed. */
static int come_and_go(int link, void *data)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	struct task *task = data;
	struct kreg *k = mode_open(task->mode, "comings");
	struct kreg_owner self;
	char key[32];

	if (kreg_self(k, &self))
		return 9;
	snprintf(key, sizeof(key), "name-%d", task->number);
	link_say(link, 0);
	for (;;) {
		kreg_register(k, key, KREG_STRING, NULL, 0, NULL);
		nanosleep(&pause, NULL);
		kreg_unregister(k, key, KREG_STRING);
		nanosleep(&pause, NULL);
	}
}

/* The list is long, so that each of them changes its count and has the same one again in a look. */
START_TEST(names_that_come_and_go_are_not_miscounted)
{
	struct kreg *k = mode_open(_i, "comings");
	struct child owners[64];
	char key[32];
	int i;

	for (i = 0; i < 50000; i++) {
		snprintf(key, sizeof(key), "stays-%d", i);
		ck_assert_int_eq(kreg_register(k, key, KREG_STRING, NULL, 0, NULL), 0);
	}
	for (i = 0; i < 64; i++) {
		struct task task = { _i, i };

		owners[i] = child_start_ready(come_and_go, &task);
	}
	for (i = 0; i < 5; i++)
		is_sound(k);
	for (i = 0; i < 64; i++)
		child_kill(&owners[i]);
	is_sound(k);
	kreg_close(k);
}
END_TEST

static struct entry *entry_of(struct kreg *k, const char *key)
{
	struct query q = table_query(&k->segment, key, strlen(key));
	struct found found;

	ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
	return found.entry;
}

static struct kreg *open_filled(int mode)
{
	struct kreg *k = mode_open(mode, "damaged");

	fill(k);
	is_sound(k);
	return k;
}

/* Return: the value of a link to the entry of @key. */
static ref_t ref_of(struct kreg *k, const char *key, const struct entry *entry)
{
	uint64_t offset = (uint64_t)((const unsigned char *)entry - k->segment.land_base);

	return ref_make((place_t)(offset / LINE_BYTES),
			table_query(&k->segment, key, strlen(key)).order);
}

START_TEST(a_damaged_entry_is_reported)
{
	struct kreg *k = open_filled(_i);
	struct entry *one = entry_of(k, "name-1"), *two = entry_of(k, "name-2");
	struct entry saved = *one, saved_two = *two;

	one->bytes[0] ^= 1;
	is_said(k, "is not at the place of its key");
	*one = saved;
	one->info += 0x8000ull << ENTRY_VALUE_SIZE_SHIFT;
	is_said(k, "does not fit");
	*one = saved;
	one->next = 1ull << 40;
	is_said(k, "cannot be followed");
	/* Two entries that lead to each other: one leads back. */
	one->next = ref_of(k, "name-2", two);
	two->next = ref_of(k, "name-1", one);
	is_said(k, "cannot be followed");
	*two = saved_two;
	/* An entry that leads to itself is a circle within one order. */
	one->next = ref_of(k, "name-1", one);
	is_said(k, "cannot be followed");
	*one = saved;
	is_sound(k);
	kreg_close(k);
}
END_TEST

START_TEST(a_damaged_slab_or_bucket_is_reported)
{
	struct kreg *k = open_filled(_i);
	place_t place = ref_place(ref_of(k, "name-1", entry_of(k, "name-1")));
	uint64_t *word = &k->segment.directory[segment_slab_of(&k->segment, place)].owner;
	uint64_t saved = *word;

	*word = 0;
	is_said(k, "not its owner's");
	*word = 0x12345678ull << 32;
	is_said(k, "names neither an owner nor an epoch");
	*word = saved;
	word = &k->segment.buckets[0];
	saved = *word;
	*word = REF_END;
	is_said(k, "the list does not lead to it");
	*word = saved;
	word = &k->segment.header->meta;
	saved = *word;
	*word |= 1ull << 63;
	is_said(k, "does not lead to a meta blob");
	*word = saved;
	is_sound(k);
	kreg_close(k);
}
END_TEST

START_TEST(an_entry_with_impossible_flags_is_reported)
{
	struct kreg *k = open_filled(_i);
	struct entry *entry;
	uint64_t info;

	ck_assert_int_eq(kreg_register_with(k, "dropped", KREG_STRING, "v", 1,
					    KREG_REGISTER_REPLACEABLE | KREG_REGISTER_DROP, NULL),
			 0);
	is_sound(k);
	entry = entry_of(k, "dropped");
	info = entry->info;
	entry->info &= ~((uint64_t)ENTRY_REPLACEABLE << ENTRY_KIND_SHIFT);
	is_said(k, "is to be dropped by a take-over");
	entry->info = info;
	is_sound(k);
	entry = entry_of(k, "name-1");
	info = entry->info;
	entry->info |= (uint64_t)(ENTRY_REPLACEABLE | ENTRY_DROP) << ENTRY_KIND_SHIFT;
	is_said(k, "is to be dropped by a take-over");
	entry->info = info;
	is_sound(k);
	kreg_close(k);
}
END_TEST

/* The cell of @key, which holds its name. */
static uint64_t *cell_of(struct kreg *k, const char *key)
{
	struct query q = table_query(&k->segment, key, strlen(key));
	uint64_t buckets = k->segment.header->buckets;
	struct index_line *line = &k->segment.lines[q.hash & (uint32_t)(buckets - 1)];
	uint32_t i;

	line->control |= INDEX_COMPLETE;
	for (i = 0; i < INDEX_CELLS; i++) {
		if (line->cells[i] == ref_of(k, key, entry_of(k, key)))
			return &line->cells[i];
	}
	ck_abort_msg("%s has no cell", key);
}

/* A name whose line is complete, so that all its bucket's names have a cell. */
static const char *indexed(struct kreg *k)
{
	static char key[32];
	struct entry *entry;
	place_t place;
	int i;

	for (i = 0; i < 3000; i++) {
		struct query q;

		snprintf(key, sizeof(key), "name-%d", i);
		q = table_query(&k->segment, key, strlen(key));
		if (i % 3 && !index_probe(&k->segment, &q, &entry, &place) &&
		    k->segment.lines[q.hash & (uint32_t)(k->segment.header->buckets - 1)].control &
			    INDEX_COMPLETE)
			return key;
	}
	ck_abort_msg("no line is complete");
}

START_TEST(a_damaged_line_is_reported)
{
	struct kreg *k = open_filled(_i);
	const char *key = indexed(k);
	uint64_t *cell = cell_of(k, key), saved = *cell;
	struct entry *entry = entry_of(k, key);
	uint64_t info = entry->info;

	*cell = 0;
	is_said(k, "lookups do not find it in the index");
	/* To no entry, to another one, and to one that others may be put in front of. */
	*cell = saved ^ 1ull << 63;
	is_said(k, "which does not hold that name");
	*cell = ref_make(ref_place(ref_of(k, "name-1", entry_of(k, "name-1"))) ^ 1,
			 ref_order(saved));
	is_said(k, "does not hold that name");
	*cell = saved;
	entry->info |= (uint64_t)ENTRY_REPLACEABLE << ENTRY_KIND_SHIFT;
	is_said(k, "does not hold that name");
	entry->info = info;
	/* What a killed process may leave. */
	*cell = saved | CELL_LOOK;
	is_sound(k);
	*cell = saved;
	is_sound(k);
	kreg_close(k);
}
END_TEST

START_TEST(a_damaged_header_row_or_slot_is_reported)
{
	struct kreg *k = open_filled(_i);
	struct row *row = &k->segment.rows[owner_seat(k->self.owner)];
	struct segment_header *header = k->segment.header;
	uint64_t saved = header->slots_high;

	row->entries++;
	is_said(k, "names, but");
	row->entries--;
	row->held--;
	is_said(k, "reserved names and");
	row->held++;
	row->log_published += 1000;
	is_said(k, "no record ends");
	row->log_published -= 1000;
	row->listeners++;
	is_said(k, "no records are written for it");
	row->listeners--;
	header->slots_high = k->segment.slots_count + 1ull;
	is_said(k, "slots_high");
	header->slots_high = saved;
	header->successor = header->id;
	is_said(k, "its own successor");
	header->successor = 0;
	saved = k->segment.slots[0].writing;
	k->segment.slots[0].writing = (header->epoch + 5) << 2 | 1;
	is_said(k, "epoch in the future");
	k->segment.slots[0].writing = saved;
	is_sound(k);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const both[] = { sound_memory_has_no_faults,
				      a_concurrent_change_is_not_a_fault,
				      a_block_that_is_used_again_is_not_in_two_places,
				      names_that_come_and_go_are_not_miscounted,
				      a_damaged_entry_is_reported,
				      a_damaged_slab_or_bucket_is_reported,
				      an_entry_with_impossible_flags_is_reported,
				      a_damaged_line_is_reported,
				      a_damaged_header_row_or_slot_is_reported,
				      NULL };

	return modes_run(suite_create("check"), tcase_create("both"), both, NULL, NULL);
}
