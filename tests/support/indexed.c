/* SPDX-License-Identifier: MIT */
#include "tests/support/indexed.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/child.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

struct kreg *k;

void open_index(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .max_bytes = 32 << 20,
		     .slots = 32, .seats = 16);

	/* Of a test that has failed. */
	kreg_destroy("index", &options, KREG_DESTROY_FORCE);
	ck_assert_int_eq(kreg_open(&k, "index", &options), 0);
}

void close_index(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("index", &options, KREG_DESTROY_FORCE), 0);
}

struct query query_of(const char *key)
{
	return table_query(&k->segment, key, strlen(key));
}

uint64_t buckets(void)
{
	return segment_buckets_of(k->segment.header->buckets);
}

/* The @number-th name of @bucket, with the buckets of a new registry. */
const char *name_in(uint32_t bucket, int number)
{
	static char names[16][KEY];
	char *name = names[number % 16];
	int i, found = -1;

	for (i = 0; found < number; i++) {
		snprintf(name, KEY, "name-%d", i);
		found += (query_of(name).hash & (SEGMENT_BUCKETS_FIRST - 1)) == bucket;
	}
	return name;
}

void register_as(const char *key, uint32_t flags)
{
	ck_assert_int_eq(kreg_register_with(k, key, KREG_STRING, "v", 1, flags, NULL), 0);
}

void unregister(const char *key)
{
	ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
}

bool is_found(const char *key)
{
	ssize_t got = kreg_lookup(k, key, KREG_STRING, NULL, 0, NULL);

	unit_assert(got >= 0 || got == -ENOENT);
	return got >= 0;
}

int probe(const char *key)
{
	struct query q = query_of(key);
	struct found found;

	return index_find(&k->segment, &k->lives, &q, &found);
}

struct index_line *line_of_name(const char *key)
{
	return &k->segment.lines[query_of(key).hash & (uint32_t)(buckets() - 1)];
}

/* What the cell of the only entry of @key says; 0: it has none. */
uint64_t cell_of(const char *key)
{
	const struct index_line *line = line_of_name(key);
	struct query q = query_of(key);
	uint64_t cell = 0;
	uint32_t i;

	for (i = 0; i < INDEX_CELLS; i++) {
		if (ref_order(line->cells[i]) != q.order || line->cells[i] & CELL_BUILT)
			continue;
		ck_assert_uint_eq(cell, 0);
		cell = line->cells[i];
	}
	return cell;
}

bool is_settled(const char *key)
{
	uint64_t cell = cell_of(key);

	ck_assert_uint_ne(cell, 0);
	return !(cell & CELL_LOOK);
}

bool is_complete(const char *key)
{
	return line_of_name(key)->control & INDEX_COMPLETE;
}

void next_epoch(void)
{
	uint64_t epoch = k->segment.header->epoch;

	while (k->segment.header->epoch == epoch)
		grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL);
}

void build_line(void)
{
	struct thread *thread;

	ck_assert_int_eq(handle_enter(k, &thread), 0);
	index_build(&thread->writer, BUCKET);
	handle_leave(thread);
}

/* Another process, which registers, gives up, or ends. */
int other(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	const char *key = data;
	struct kreg *own;
	int64_t order;

	if (kreg_open(&own, "index", &options))
		return 1;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		uint32_t flags = order == TAKE_OVER ? KREG_REGISTER_REPLACE : 0;

		link_say(link, order == UNREGISTER ? kreg_unregister(own, key, KREG_STRING)
						   : kreg_register_with(own, key, KREG_STRING, "o",
									1, flags, NULL));
	}
	return 0;
}
