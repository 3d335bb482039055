/* SPDX-License-Identifier: MIT */
#include "tests/support/whole.h"

#include <check.h>
#include <stdio.h>

/* What one sweep ends, the next one retires, and a third one gives back. */
#define SWEEPS 3

struct kreg_owner self_of(struct kreg *k)
{
	struct kreg_owner self;

	ck_assert_int_eq(kreg_self(k, &self), 0);
	return self;
}

uint64_t bytes_used(struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int i;

	for (i = 0; i < SWEEPS; i++)
		ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_uint_eq(stat.entries, (uint64_t)kreg_count(k));
	return stat.bytes_used + stat.bytes_dead;
}

int count_entry(const struct kreg_entry *entry, void *count)
{
	(void)entry;
	(*(int *)count)++;
	return 0;
}

void assert_count(struct kreg *k, int count)
{
	struct kreg_owner self = self_of(k);
	int visited = 0;

	ck_assert_int_eq(kreg_count(k), count);
	ck_assert_int_eq(kreg_each(k, NULL, 0, count_entry, &visited), 0);
	ck_assert_int_eq(visited, count);
	visited = 0;
	ck_assert_int_eq(kreg_each_of_owner(k, &self, count_entry, &visited), 0);
	ck_assert_int_eq(visited, count);
}

static void say_fault(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "%s\n", sentence);
}

void assert_whole(struct kreg *k)
{
	ck_assert_int_eq(kreg_check(k, say_fault, NULL), 0);
}
