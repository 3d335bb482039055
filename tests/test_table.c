/* SPDX-License-Identifier: MIT */
/*
 * The table from inside: keys of the same order, growth, buckets that a dead process was
 * about to link, and damaged memory.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "shm/gift.h"
#include "shm/land.h"
#include "shm/table_search.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define COLLIDING 40
#define MANY 20000

static struct kreg *k;

static void open_small_of(uint32_t keys)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 16 << 20,
		     .slots = 16, .seats = 16, .keys = keys);

	ck_assert_int_eq(kreg_open(&k, "table", &options), 0);
}

static void open_small(void)
{
	open_small_of(KREG_KEYS_UNIQUE);
}

static void set_up(void)
{
	open_small();
}

static void tear_down(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("table", &options, KREG_DESTROY_FORCE), 0);
}

static int count_entry(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	++*(int *)data;
	return 0;
}

static int listed(void)
{
	int count = 0;

	ck_assert_int_eq(kreg_each(k, NULL, 0, count_entry, &count), 0);
	return count;
}

/*
 * Links an entry for @key under an order that is not its own, as if the keys' hashes
 * collided. The returned query finds it by that order.
 */
static struct query colliding_query(const int *key)
{
	struct query q = {
		.key = key, .key_size = sizeof(*key), .hash = 77, .kinds = KIND_OF(ENTRY_NAME)
	};

	q.order = order_of_entry(q.hash);
	return q;
}

static void link_colliding(const int *key)
{
	struct query q = colliding_query(key);
	struct thread *thread;
	struct entry *entry;
	struct linked linked;
	place_t place;

	ck_assert_int_eq(heap_take(k->heap, 64, true, &place), 0);
	entry = segment_entry(&k->segment, place);
	memcpy(entry->bytes, key, sizeof(*key));
	entry->owner = k->self.owner;
	entry->info = entry_info(ENTRY_NAME, 0, 0, sizeof(*key));
	ck_assert_int_eq(handle_enter(k, &thread), 0);
	ck_assert_int_eq(table_link(&thread->writer, &q, place, LINK_IF_FREE, &linked), 0);
	ck_assert_int_eq(table_link(&thread->writer, &q, place, LINK_IF_FREE, &linked), -EEXIST);
	handle_leave(thread);
}

static int find_colliding(const int *key)
{
	struct query q = colliding_query(key);
	struct found found;

	return table_find(&k->segment, &k->lives, &q, &found);
}

START_TEST(keys_of_the_same_order_are_distinguished)
{
	int keys[COLLIDING], i;
	struct thread *thread;
	place_t place;

	for (i = 0; i < COLLIDING; i++) {
		keys[i] = i;
		link_colliding(&keys[i]);
	}
	for (i = 0; i < COLLIDING; i++)
		ck_assert_int_eq(find_colliding(&keys[i]), 0);
	ck_assert_int_eq(handle_enter(k, &thread), 0);
	for (i = 0; i < COLLIDING; i += 2) {
		struct query q = colliding_query(&keys[i]);
		struct found found;

		ck_assert_int_eq(table_find(&k->segment, &k->lives, &q, &found), 0);
		ck_assert_int_eq(table_unlink(&thread->writer, &q, &found, &place), 0);
	}
	handle_leave(thread);
	for (i = 0; i < COLLIDING; i++)
		ck_assert_int_eq(find_colliding(&keys[i]), i % 2 ? 0 : -ENOENT);
}
END_TEST

START_TEST(all_entries_are_found_while_the_table_grows_and_after)
{
	struct kreg_stat before = { .size = sizeof(before) }, after = before;
	int i;

	ck_assert_int_eq(kreg_stat(k, &before), 0);
	for (i = 0; i < MANY; i++) {
		int other = i / 2;

		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), &i, sizeof(i), NULL), 0);
		ck_assert_int_eq(kreg_lookup(k, &other, sizeof(other), NULL, 0, NULL), sizeof(i));
	}
	ck_assert_int_eq(kreg_stat(k, &after), 0);
	ck_assert_uint_ge(after.buckets, 8 * before.buckets);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL), sizeof(i));
	ck_assert_int_eq(listed(), MANY);
}
END_TEST

/* A bucket's number that is not in the list yet; its parent is bucket 0. */
#define BUCKET 256u

/* The word of a dead process: a seat whose life is over, with this incarnation. */
static owner_t dead_owner(void)
{
	return owner_of((uint64_t)0x1234 << 32, 9);
}

static void expect_bucket_in_list(void)
{
	struct thread *thread;
	ref_t word;

	ck_assert_int_eq(handle_enter(k, &thread), 0);
	ck_assert_ptr_eq(table_bucket_make(&thread->writer, BUCKET, &word),
			 &k->segment.buckets[BUCKET]);
	handle_leave(thread);
	ck_assert(!(word & REF_CLAIM));
}

START_TEST(a_bucket_only_claimed_by_a_dead_process_is_linked_by_its_heir)
{
	uint64_t *bucket = &k->segment.buckets[BUCKET];

	*bucket = ref_claim(REF_END, owner_seat(dead_owner()), owner_incarnation(dead_owner()));
	expect_bucket_in_list();
}
END_TEST

START_TEST(a_bucket_linked_by_a_dead_process_is_finished_by_its_heir)
{
	uint64_t *bucket = &k->segment.buckets[BUCKET];
	uint64_t *first = &k->segment.buckets[0];

	*bucket = ref_claim(*first, owner_seat(dead_owner()), owner_incarnation(dead_owner()));
	*first = ref_make(BUCKET, order_of_bucket(BUCKET));
	expect_bucket_in_list();
	ck_assert_uint_eq(*bucket, REF_END);
}
END_TEST

START_TEST(a_bucket_claimed_by_a_living_process_is_bypassed)
{
	uint64_t *bucket = &k->segment.buckets[BUCKET];
	owner_t self = k->self.owner;
	struct thread *thread;
	ref_t claim, word;
	int i;

	claim = ref_claim(REF_END, owner_seat(self), owner_incarnation(self));
	*bucket = claim;
	ck_assert_int_eq(handle_enter(k, &thread), 0);
	ck_assert_ptr_eq(table_bucket_make(&thread->writer, BUCKET, &word), &k->segment.buckets[0]);
	handle_leave(thread);
	for (i = 0; i < 2000; i++)
		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), &i, sizeof(i), NULL), 0);
	for (i = 0; i < 2000; i++)
		ck_assert_int_eq(kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL), sizeof(i));
	ck_assert_uint_eq(*bucket, claim);
	*bucket = REF_NONE;
}
END_TEST

/* The place of the only gift that there is. */
static place_t only_gift(void)
{
	const struct segment *s = &k->segment;
	uint32_t slab;

	for (slab = 0; slab < land_slabs(s); slab++) {
		if (gift_in(s, slab))
			return gift_in(s, slab);
	}
	ck_abort_msg("there is no gift");
	return 0;
}

static uint64_t *bucket_in_front_of(place_t place)
{
	struct segment *s = &k->segment;
	uint32_t i;

	for (i = 0; i < segment_buckets(s); i++) {
		if (s->buckets[i] != REF_NONE && order_is_entry(ref_order(s->buckets[i])) &&
		    ref_place(s->buckets[i]) == place)
			return &s->buckets[i];
	}
	ck_abort_msg("no bucket is in front of the gift");
	return NULL;
}

/*
 * The giver was stopped before it linked the gift, and was killed when it had linked the gift's bucket. In between the owner
 * has closed. With partitions the order of the gift follows from the seat in its owner word, which names nobody now.
 */
START_TEST(a_bucket_in_front_of_a_refused_gift_is_finished_by_its_heir)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none",
		     .keys = KREG_KEYS_DUPLICATE, .partitions = 4, .max_bytes = 16 << 20,
		     .slots = 16, .seats = 16);
	KREG_OPTIONS(where, .directory = tmp_directory(), .guard = "none");
	struct kreg_owner self;
	struct entry *gift;
	uint64_t *bucket;
	ref_t plain, word;

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("table", &where, KREG_DESTROY_FORCE), 0);
	ck_assert_int_eq(kreg_open(&k, "table", &options), 0);
	ck_assert_int_eq(kreg_self(k, &self), 0);
	ck_assert_int_eq(kreg_register_for(k, &self, "key", KREG_STRING, "v", 1, 0, NULL), 0);
	gift = segment_entry(&k->segment, only_gift());
	bucket = bucket_in_front_of(only_gift());
	plain = *bucket;
	gift->owner = SEGMENT_NOBODY_AT(self.token);
	*bucket = ref_claim(plain, owner_seat(dead_owner()), owner_incarnation(dead_owner()));
	ck_assert_int_eq(table_unclaim(&k->segment, *bucket, &word), 0);
	ck_assert_uint_eq(word, plain);
	/* One that reads, and one that changes, which takes the gift out of the list. */
	ck_assert_int_eq(listed(), 0);
	ck_assert_int_eq(kreg_lookup(k, "key", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert(*bucket & REF_CLAIM);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert(!(*bucket & REF_CLAIM));
	ck_assert_uint_ne(*bucket, plain);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "v", 1, NULL), 0);
	ck_assert_int_eq(listed(), 1);
}
END_TEST

/* What a damaged claim leads to is no entry. */
START_TEST(a_claim_that_leads_to_no_entry_is_damage)
{
	const struct segment *s = &k->segment;
	ref_t target = ref_make(PLACE_MAX, order_of_entry(77)), out = 0;
	ref_t claim = ref_claim(target, owner_seat(dead_owner()), owner_incarnation(dead_owner()));
	struct entry *last;
	place_t place;

	ck_assert_int_eq(table_unclaim(s, claim, &out), -EUCLEAN);
	/* Its key would end behind its slab. */
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "v", 1, NULL), 0);
	place = segment_slab_place(s, 1) - 1;
	last = segment_entry(s, place);
	last->info = entry_info(ENTRY_NAME, 0, 0, KREG_KEY_MAX);
	claim = ref_claim(ref_make(place, order_of_entry(77)), owner_seat(dead_owner()),
			  owner_incarnation(dead_owner()));
	ck_assert_int_eq(table_unclaim(s, claim, &out), -EUCLEAN);
	last->info = 0;
	ck_assert_uint_eq(out, 0);
}
END_TEST

/*
 * Overwrites some words of the reserved memory: all that changes except the lives and the
 * successor.
 */
static void damage(unsigned int *seed, uint32_t slabs)
{
	struct segment *s = &k->segment;
	struct {
		unsigned char *at;
		size_t bytes;
	} parts[] = {
		{ (unsigned char *)s->buckets, 512 * sizeof(uint64_t) },
		{ (unsigned char *)s->directory, slabs * sizeof(struct directory_entry) },
		{ s->land_base + s->land_offset, (size_t)slabs * SLAB_BYTES },
		{ (unsigned char *)s->rows, s->seats * sizeof(struct row) },
		{ (unsigned char *)s->slots, s->slots_count * sizeof(struct slot) },
		{ (unsigned char *)&s->header->epoch, 3 * sizeof(uint64_t) },
		{ (unsigned char *)&s->header->seats_high, 4 * sizeof(uint64_t) },
	};
	int i;

	for (i = 0; i < 50; i++) {
		int part = rand_r(seed) % (i ? 5 : 7); /* the header less often */
		size_t word = (size_t)rand_r(seed) % (parts[part].bytes / 8);
		uint64_t value = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11 ^
				 (uint64_t)rand_r(seed);
		uint64_t *target = (uint64_t *)(parts[part].at + word * 8);

		/*
		 * Not only noise: a flipped bit of the old word, or a word from
		 * elsewhere.
		 */
		switch (rand_r(seed) % 3) {
		case 0:
			value = *target ^ 1ull << (value & 63);
			break;
		case 1:
			value = s->buckets[value % 512];
			break;
		}
		store_relaxed(target, value); /* relaxed: any process could write anything */
	}
}

static void use_everything(unsigned int *seed)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg_owner self;
	char value[512];
	int i, count = 0;

	for (i = 0; i < 50; i++) {
		int key = rand_r(seed) % 500;

		kreg_lookup(k, &key, sizeof(key), value, sizeof(value), NULL);
		kreg_register(k, &key, sizeof(key), value, (size_t)key, NULL);
		kreg_unregister(k, &key, sizeof(key));
	}
	kreg_each(k, NULL, 0, count_entry, &count);
	if (!kreg_self(k, &self))
		kreg_each_of_owner(k, &self, count_entry, &count);
	kreg_count(k);
	kreg_stat(k, &stat);
	kreg_sweep(k);
}

START_TEST(damaged_memory_neither_crashes_nor_blocks_a_call)
{
	KREG_OPTIONS(options, .directory = tmp_directory());
	unsigned int seed = unit_seed();
	uint32_t slabs;
	int round, i;

	printf("# KREG_SEED=%u\n", seed);
	fflush(stdout);
	for (round = 0; round < 100; round++) {
		k->segment.header->seed = seed; /* of the hash */
		hash_seed_make(&k->segment.hash, seed);
		for (i = 0; i < 500; i++)
			kreg_register(k, &i, sizeof(i), &i, sizeof(i), NULL);
		slabs = land_slabs(&k->segment);
		for (i = 0; i < 10; i++) {
			damage(&seed, slabs);
			use_everything(&seed);
		}
		kreg_close(k);
		ck_assert_int_eq(kreg_destroy("table", &options, KREG_DESTROY_FORCE), 0);
		open_small();
	}
}
END_TEST

/* The entries under "key", neighbours in the list, and the references to them. */
static struct entry *entries[3];
static ref_t refs[3];

static void find_entries(uint64_t **first)
{
	struct query q = table_query(&k->segment, "key", 3);
	struct table_walk walk;
	struct found found;
	ref_t word;
	int i;

	table_line(&k->segment, &q, &walk);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(table_line_next(&k->segment, &k->lives, &q, &walk, &found), 0);
		entries[i] = found.entry;
		refs[i] = ref_make(found.place, q.order);
	}
	ck_assert(table_bucket(&k->segment, q.hash, first, &word));
	while (ref_place(**first) != ref_place(refs[0])) {
		struct entry *entry = segment_entry(&k->segment, ref_place(**first));

		*first = order_is_entry(ref_order(**first))
				 ? &entry->next
				 : &k->segment.buckets[ref_place(**first)];
	}
}

static int match_none(const struct kreg_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return 0;
}

/* All calls that read, and all that search for an entry to change. */
static void use_the_key(struct kreg *of)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg_found found = { 0 };
	struct kreg_key key = { .key = "other", .key_size = KREG_STRING };
	struct kreg_owner self;
	int64_t sum;
	int count = 0;

	KREG_PATTERN(none, .key = "key", .key_size = KREG_STRING, .prefix = "x", .prefix_size = 1);
	kreg_lookup(of, "key", KREG_STRING, NULL, 0, NULL);
	kreg_lookup(of, "other", KREG_STRING, NULL, 0, NULL);
	kreg_lookup_many(of, &key, 1, &found);
	kreg_count(of);
	kreg_stat(of, &stat);
	kreg_each(of, NULL, 0, count_entry, &count);
	kreg_each_of_key(of, "key", KREG_STRING, count_entry, &count);
	kreg_count_select(of, &none);
	kreg_dispatch(of, "key", KREG_STRING, count_entry, &count);
	kreg_counter_sum(of, "key", KREG_STRING, &sum);
	if (!kreg_self(k, &self))
		kreg_each_of_owner(of, &self, count_entry, &count);
}

static void change_the_key(void)
{
	const void *value;

	if (!kreg_read_enter(k)) {
		kreg_read(k, "other", KREG_STRING, &value, NULL);
		kreg_read_leave(k);
	}
	kreg_await(k, "other", KREG_STRING, 0, NULL);
	kreg_await_gone(k, "key", KREG_STRING, NULL, 0);
	kreg_unregister_match(k, "key", KREG_STRING, match_none, NULL);
	kreg_register(k, "other", KREG_STRING, "x", 1, NULL);
	kreg_publish(k, "key", KREG_STRING, "x", 1);
	kreg_counter_add(k, "key", KREG_STRING, 1, NULL);
	kreg_sweep(k);
	kreg_unregister(k, "key", KREG_STRING);
}

/* What forms the circle; the last is a circle over all three. */
enum { CIRCLE_OF_ONE, CIRCLE_OF_TWO, CIRCLE_OF_ALL, CIRCLE_OF_DEAD, CIRCLE_OF_GIFTS, CIRCLES };

static void make_circle(int kind)
{
	uint64_t *first;
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "x", 1, NULL), 0);
	find_entries(&first);
	switch (kind) {
	case CIRCLE_OF_ONE:
		store_relaxed(&entries[1]->next, refs[1]); /* relaxed: damage */
		break;
	case CIRCLE_OF_TWO:
		store_relaxed(&entries[1]->next, refs[0]); /* relaxed: damage */
		break;
	case CIRCLE_OF_GIFTS:
		/*
		 * The first entry of each slab is marked as a gift, and is not in the
		 * circle that the list leads to.
		 */
		for (i = 0; i < (int)land_slabs(&k->segment); i++)
			k->segment.directory[i].owner = LAND_GIFT;
		store_relaxed(&k->segment.header->gifts, 1ull); /* relaxed: damage */
		store_relaxed(first, refs[1]);                  /* relaxed: damage */
		store_relaxed(&entries[2]->next, refs[1]);      /* relaxed: damage */
		break;
	default:
		for (i = 0; kind == CIRCLE_OF_DEAD && i < 3; i++)
			entries[i]->owner = dead_owner();
		store_relaxed(&entries[2]->next, refs[0]); /* relaxed: damage */
	}
}

START_TEST(every_call_ends_on_a_circular_list)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct kreg *reader;
	uint32_t keys;
	int kind;

	for (kind = 0; kind < CIRCLES; kind++) {
		for (keys = KREG_KEYS_DUPLICATE; keys <= KREG_KEYS_DUPLICATE_BY_KEY; keys++) {
			kreg_close(k);
			ck_assert_int_eq(kreg_destroy("table", &options, KREG_DESTROY_FORCE), 0);
			open_small_of(keys);
			make_circle(kind);
			options.flags = KREG_OPEN_READONLY;
			ck_assert_int_eq(kreg_open(&reader, "table", &options), 0);
			options.flags = 0;
			use_the_key(reader);
			use_the_key(k);
			change_the_key();
			kreg_close(reader);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		keys_of_the_same_order_are_distinguished,
		all_entries_are_found_while_the_table_grows_and_after,
		a_bucket_only_claimed_by_a_dead_process_is_linked_by_its_heir,
		a_bucket_linked_by_a_dead_process_is_finished_by_its_heir,
		a_bucket_claimed_by_a_living_process_is_bypassed,
		a_bucket_in_front_of_a_refused_gift_is_finished_by_its_heir,
		a_claim_that_leads_to_no_entry_is_damage,
		damaged_memory_neither_crashes_nor_blocks_a_call,
		every_call_ends_on_a_circular_list,
		NULL,
	};

	return unit_run("table", set_up, tear_down, tests);
}
