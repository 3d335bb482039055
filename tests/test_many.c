/* SPDX-License-Identifier: MIT */
/*
 * Lookups of many keys from inside: each key gets what a lookup of its own says, and only the
 * unusual ones take one.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/handle/handle.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* Several groups, the last of which is not full. */
#define KEYS 333
#define LONGEST 260

static struct kreg *k;
static int lookups;        /* by kreg_lookup() */
static bool ends_an_epoch; /* the next one of these */

static char names[KEYS][LONGEST];
static struct kreg_key keys[KEYS];
static char values[KEYS][LONGEST];
static struct kreg_found found[KEYS];

ssize_t __real_kreg_lookup(struct kreg *in, const void *key, size_t key_size, void *value,
			   size_t capacity, struct kreg_owner *owner);
ssize_t __wrap_kreg_lookup(struct kreg *in, const void *key, size_t key_size, void *value,
			   size_t capacity, struct kreg_owner *owner);
ssize_t __wrap_kreg_lookup(struct kreg *in, const void *key, size_t key_size, void *value,
			   size_t capacity, struct kreg_owner *owner)
{
	lookups++;
	if (ends_an_epoch)
		ck_assert_int_eq(grace_advance(&k->segment, &k->lives, GRACE_AT_ONCE, NULL), 0);
	ends_an_epoch = false;
	return __real_kreg_lookup(in, key, key_size, value, capacity, owner);
}

static void open_many(enum kreg_keys kind)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .keys = kind);

	ck_assert_int_eq(kreg_open(&k, "many", &options), 0);
}

static void close_many(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory());

	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("many", &options, 0), 0);
}

/* A name of @size bytes for key number @i, and room for its value. */
static void name_make(int i, size_t size)
{
	snprintf(names[i], LONGEST, "%.*s%d", size < 8 ? 0 : 5, "name-", i);
	memset(names[i] + strlen(names[i]), '.', LONGEST - strlen(names[i]));
	keys[i] = (struct kreg_key){ names[i], size };
	memset(values[i], 0, LONGEST);
	found[i] = (struct kreg_found){ .value = values[i], .capacity = LONGEST };
}

static void name_register(int i, size_t value_size)
{
	char value[LONGEST];

	memset(value, 'a' + i % 26, sizeof(value));
	ck_assert_int_eq(kreg_register(k, keys[i].key, keys[i].key_size, value, value_size, NULL),
			 0);
}

/* Of all sizes; two of three are registered, with values of many sizes. */
static void names_make(void)
{
	int i;

	for (i = 0; i < KEYS; i++) {
		name_make(i, 3 + (size_t)i % 253);
		if (i % 3)
			name_register(i, i % 2 ? 8 : (size_t)i % LONGEST);
	}
	/* What a lookup refuses, or does not copy. */
	keys[1].key = NULL;
	keys[2].key_size = 0;
	keys[3].key_size = LONGEST;
	keys[4] = (struct kreg_key){ "no-such-name", KREG_STRING };
	found[5].value = NULL;
	found[6].value = NULL;
	found[20].value = NULL;
	found[20].capacity = 0;
	found[22].value = NULL;
	found[23].capacity = 7;
}

static const enum kreg_keys kinds[] = { KREG_KEYS_UNIQUE, KREG_KEYS_DUPLICATE };

START_TEST(each_key_gets_what_a_lookup_of_its_own_says)
{
	static char value[LONGEST];
	struct kreg_owner owner;
	int i, some = 0;

	open_many(kinds[_i]);
	names_make();
	ck_assert_int_eq(kreg_lookup_many(k, keys, 0, found), 0);
	for (i = 0; i < KEYS; i++) {
		ssize_t size;

		memset(value, 0, sizeof(value));
		size = kreg_lookup(k, keys[i].key, keys[i].key_size, found[i].value ? value : NULL,
				   found[i].capacity, &owner);
		some += size >= 0;
		ck_assert_int_eq(kreg_lookup_many(k, &keys[i], 1, &found[i]), size >= 0);
		ck_assert_int_eq(found[i].size, size);
		memset(values[i], 0, LONGEST);
	}
	ck_assert_int_eq(kreg_lookup_many(k, keys, KEYS, found), some);
	ck_assert_int_ge(some, KEYS / 2);
	for (i = 0; i < KEYS; i++) {
		ssize_t size;

		memset(value, 0, sizeof(value));
		size = kreg_lookup(k, keys[i].key, keys[i].key_size, found[i].value ? value : NULL,
				   found[i].capacity, &owner);
		ck_assert_int_eq(found[i].size, size);
		ck_assert_mem_eq(values[i], value, LONGEST);
		if (size >= 0)
			ck_assert_uint_eq(found[i].owner.token, owner.token);
		if (size >= 0)
			ck_assert_int_eq(found[i].owner.pid, owner.pid);
	}
	close_many();
}
END_TEST

/* Names with a cell each, and as many that are free. */
static void plain_names(int count)
{
	int i;

	open_many(KREG_KEYS_UNIQUE);
	for (i = 0; i < count; i++) {
		name_make(i, 8 + (size_t)(7 * i) % 57);
		if (i % 2)
			name_register(i, 8);
	}
	/* The last name may be behind what the process has seen of the land: one lookup of its own moves that bound. */
	kreg_lookup_many(k, keys, (size_t)count, found);
	ck_assert_int_le(lookups, 1);
	lookups = 0;
}

START_TEST(usual_keys_take_no_lookup_of_their_own)
{
	plain_names(32);
	ck_assert_int_eq(kreg_lookup_many(k, keys, 32, found), 16);
	ck_assert_int_eq(lookups, 0);
	close_many();
}
END_TEST

/* What was found in a look that is over may be wrong. */
START_TEST(all_are_looked_up_again_where_an_epoch_begins_meanwhile)
{
	plain_names(32);
	keys[9].key_size = 200;
	ck_assert_int_eq(kreg_lookup_many(k, keys, 32, found), 15);
	ck_assert_int_eq(lookups, 1);
	lookups = 0;
	ends_an_epoch = true;
	ck_assert_int_eq(kreg_lookup_many(k, keys, 32, found), 15);
	ck_assert_int_eq(lookups, 1 + 32);
	/* The next group has a look of its own. */
	lookups = 0;
	ck_assert_int_eq(kreg_lookup_many(k, keys, 32, found), 15);
	ck_assert_int_eq(lookups, 1);
	close_many();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("many");
	TCase *tcase = tcase_create("many");

	tcase_add_loop_test(tcase, each_key_gets_what_a_lookup_of_its_own_says, 0, 2);
	tcase_add_test(tcase, usual_keys_take_no_lookup_of_their_own);
	tcase_add_test(tcase, all_are_looked_up_again_where_an_epoch_begins_meanwhile);
	suite_add_tcase(suite, tcase);
	return unit_run_suite(suite);
}
