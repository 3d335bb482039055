/* SPDX-License-Identifier: MIT */
/*
 * The order of rows, which is made by counting bytes: it is that of memcmp(3), shorter first, and
 * rows that are equal stay as they were added.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/hash.h"
#include "tests/support/unit.h"
#include "tools/out/rows.h"

#define ROWS_MAX 3000u
#define TEXT_MAX 200u

/* A text, or a number, and when it was added. */
struct added {
	struct output_cell cell;
	size_t index;
};

static struct added added[ROWS_MAX];
static char texts[ROWS_MAX][TEXT_MAX];
static uint64_t state;

static uint64_t random_below(uint64_t limit)
{
	return hash_seed_next(&state) % limit;
}

/* ---- the texts */

/* Of few letters, among them 0: many are equal, or begin with another. */
static size_t few_letters(char *text)
{
	size_t size = random_below(30), i;

	for (i = 0; i < size; i++)
		text[i] = "\0ab\xff"[random_below(4)];
	return size;
}

/* All begin with the same bytes, some with more of them than are compared by counting. */
static size_t common_beginnings(char *text)
{
	size_t same = random_below(2) ? 40 : 40 + random_below(120), i;

	memset(text, 'x', same);
	for (i = same; i < same + 20; i++)
		text[i] = (char)('a' + random_below(2));
	return same + 20;
}

static size_t any_bytes(char *text)
{
	size_t size = random_below(TEXT_MAX), i;

	for (i = 0; i < size; i++)
		text[i] = (char)random_below(256);
	return size;
}

static size_t all_equal(char *text)
{
	memset(text, 'y', 50);
	return 50;
}

static size_t (*const kinds[])(char *) = { few_letters, common_beginnings, any_bytes, all_equal };
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static struct output_cell text_cell(char *text, size_t (*kind)(char *))
{
	return random_below(10) ? output_bytes(text, kind(text)) : output_none();
}

/* ---- what is expected */

static bool descending;

static int by_text(const struct output_cell *a, const struct output_cell *b)
{
	size_t least = a->size < b->size ? a->size : b->size;
	int order = least ? memcmp(a->bytes, b->bytes, least) : 0;

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int by_change(const struct output_cell *a, const struct output_cell *b)
{
	int64_t x = (int64_t)a->number, y = (int64_t)b->number;

	return (x > y) - (x < y);
}

static int by_number(const struct output_cell *a, const struct output_cell *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

static int (*by)(const struct output_cell *a, const struct output_cell *b);

static int expected(const void *x, const void *y)
{
	const struct added *a = x, *b = y;
	int order;

	if (!a->cell.is_there || !b->cell.is_there)
		order = b->cell.is_there - a->cell.is_there;
	else
		order = descending ? -by(&a->cell, &b->cell) : by(&a->cell, &b->cell);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* ---- */

/* The first column is what is sorted by, the second the number of the row. */
static void add_all(struct rows *rows, enum output_type type, size_t count)
{
	static struct output_column columns[] = { { "by", OUTPUT_TEXT, NULL, false },
						  { "index", OUTPUT_NUMBER, NULL, false } };
	struct rows_column *both = calloc(2, sizeof(*both));
	size_t i;

	columns[0].type = type;
	both[0].column = &columns[0];
	both[1] = (struct rows_column){ .column = &columns[1], .from = 1 };
	ck_assert_int_eq(rows_init(rows, both, 2, 2, 0, true), 0);
	for (i = 0; i < count; i++) {
		struct output_cell cells[] = { added[i].cell, output_number(i) };

		added[i].index = i;
		ck_assert_int_eq(rows_add(rows, cells, NULL), 0);
	}
}

static void check(enum output_type type, size_t count)
{
	struct rows rows = { 0 };
	size_t i;

	add_all(&rows, type, count);
	ck_assert_int_eq(rows_sort(&rows, descending), 0);
	qsort(added, count, sizeof(added[0]), expected);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(rows_cell(&rows, rows.row[i], 1)->number, added[i].index);
	rows_free(&rows);
}

static void seed_state(void)
{
	state = unit_seed();
	printf("# KREG_SEED=%llu\n", (unsigned long long)state);
	fflush(stdout);
}

/* _i: the kind of text, and whether the largest is first. */
START_TEST(texts_are_in_the_order_of_their_bytes)
{
	static const size_t counts[] = { 1, 2, 20, 100, ROWS_MAX };
	size_t round, i;

	seed_state();
	by = by_text;
	descending = _i >= KINDS;
	for (round = 0; round < sizeof(counts) / sizeof(counts[0]); round++) {
		for (i = 0; i < counts[round]; i++)
			added[i].cell = text_cell(texts[i], kinds[_i % KINDS]);
		check(OUTPUT_TEXT, counts[round]);
	}
}
END_TEST

#define LONG_ROWS 30u
#define LONG_TEXT (1u << 20)

static void *check_long(void *unused)
{
	check(OUTPUT_TEXT, LONG_ROWS);
	return unused;
}

/* Values of services can be alike for 64 KiB. With a frame for each window these would need some megabytes. */
START_TEST(long_texts_need_no_more_stack)
{
	char *text = malloc(LONG_TEXT);
	pthread_attr_t attributes;
	pthread_t thread;
	size_t i;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', LONG_TEXT);
	by = by_text;
	descending = false;
	for (i = 0; i < LONG_ROWS; i++)
		added[i].cell = output_bytes(text, LONG_TEXT - i);
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 512 * 1024), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, check_long, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	free(text);
}
END_TEST

/* _i: 0 and 1 numbers, 2 and 3 changes, which may be below 0. */
START_TEST(numbers_are_in_their_order)
{
	bool change = _i >= 2;
	size_t i;

	seed_state();
	by = change ? by_change : by_number;
	descending = _i % 2;
	for (i = 0; i < ROWS_MAX; i++) {
		uint64_t number = hash_seed_next(&state) >> random_below(64);

		added[i].cell = random_below(10)
					? output_number(change && i % 2 ? 0 - number : number)
					: output_none();
	}
	check(change ? OUTPUT_CHANGE : OUTPUT_NUMBER, ROWS_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rows");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, texts_are_in_the_order_of_their_bytes, 0, 2 * KINDS);
	tcase_add_test(tc, long_texts_need_no_more_stack);
	tcase_add_loop_test(tc, numbers_are_in_their_order, 0, 4);
	suite_add_tcase(suite, tc);
	return unit_run_suite(suite);
}
