/* SPDX-License-Identifier: MIT */
/*
 * Read sections: what they have read stays valid until they are left, they nest, and a
 * process that stays in one too long is expelled.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

START_TEST(sections_nest_and_keep_their_reads_valid)
{
	struct kreg *k = mode_open(_i, "read");
	const void *value;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_read(k, "key", KREG_STRING, &value, NULL), -EINVAL);
	ck_assert_int_eq(kreg_read_leave(k), -EINVAL);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	ck_assert_int_eq(kreg_read(k, "key", KREG_STRING, &value, NULL), 5);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	ck_assert_int_eq(kreg_unregister(k, "key", KREG_STRING), 1);
	ck_assert_mem_eq(value, "value", 5);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	kreg_close(k);
}
END_TEST

/* Inner ones of either, whichever of the two was used last. */
START_TEST(sections_of_two_registries_do_not_mix)
{
	struct kreg *a = mode_open(_i, "read"), *b = mode_open(_i, "another");
	const void *value;

	ck_assert_int_eq(kreg_register(a, "key", KREG_STRING, "of a", 4, NULL), 0);
	ck_assert_int_eq(kreg_register(b, "key", KREG_STRING, "of b", 4, NULL), 0);
	ck_assert_int_eq(kreg_read_enter(a), 0);
	ck_assert_int_eq(kreg_read(b, "key", KREG_STRING, &value, NULL), -EINVAL);
	ck_assert_int_eq(kreg_read_leave(b), -EINVAL);
	ck_assert_int_eq(kreg_read_enter(b), 0);
	ck_assert_int_eq(kreg_read_enter(a), 0);
	ck_assert_int_eq(kreg_read(b, "key", KREG_STRING, &value, NULL), 4);
	ck_assert_mem_eq(value, "of b", 4);
	ck_assert_int_eq(kreg_read_leave(b), 0);
	ck_assert_int_eq(kreg_read_leave(b), -EINVAL);
	ck_assert_int_eq(kreg_read(a, "key", KREG_STRING, &value, NULL), 4);
	ck_assert_int_eq(kreg_read_leave(a), 0);
	ck_assert_int_eq(kreg_read(a, "key", KREG_STRING, &value, NULL), 4);
	ck_assert_mem_eq(value, "of a", 4);
	ck_assert_int_eq(kreg_read_leave(a), 0);
	ck_assert_int_eq(kreg_read_leave(a), -EINVAL);
	kreg_close(a);
	/* The number of the closed one means nothing to the next. */
	a = mode_open(_i, "read");
	ck_assert_int_eq(kreg_read_leave(a), -EINVAL);
	kreg_close(a);
	kreg_close(b);
}
END_TEST

START_TEST(a_child_of_fork_is_not_in_the_section_of_its_parent)
{
	struct kreg *k = mode_open(_i, "read");
	const void *value;
	int status;
	pid_t pid;

	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, "value", 5, NULL), 0);
	ck_assert_int_eq(kreg_read_enter(k), 0);
	pid = fork();
	if (!pid)
		_exit(kreg_read(k, "key", KREG_STRING, &value, NULL) != -EOWNERDEAD ||
		      kreg_read_leave(k) != -EOWNERDEAD || kreg_read_enter(k) != -EOWNERDEAD);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(kreg_read(k, "key", KREG_STRING, &value, NULL), 5);
	ck_assert_int_eq(kreg_read_leave(k), 0);
	kreg_close(k);
}
END_TEST

static const size_t key_sizes[] = { 1, 7, 8, 16, 17, 32, 33, 40, 41, 64, 65, 255 };
static const size_t value_sizes[] = { 0, 1, 8, 24, 100, 255, 4096, 65536 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(keys_and_values_of_all_sizes_are_read)
{
	struct kreg *k = mode_open(_i, "read");
	static char written[65536], key[256];
	struct kreg_owner owner;
	const void *value;
	size_t i, j;

	memset(written, 'w', sizeof(written));
	for (i = 0; i < COUNT(key_sizes); i++) {
		for (j = 0; j < COUNT(value_sizes); j++) {
			memset(key, 'a' + (int)j, sizeof(key));
			ck_assert_int_eq(
				kreg_register(k, key, key_sizes[i], written, value_sizes[j], NULL),
				0);
			ck_assert_int_eq(kreg_read_enter(k), 0);
			ck_assert_int_eq(kreg_read(k, key, key_sizes[i], &value, &owner),
					 (ssize_t)value_sizes[j]);
			ck_assert_mem_eq(value, written, value_sizes[j]);
			ck_assert_int_eq(owner.pid, getpid());
			key[key_sizes[i] - 1] = 'z';
			ck_assert_int_eq(kreg_read(k, key, key_sizes[i], &value, NULL), -ENOENT);
			ck_assert_int_eq(kreg_read_leave(k), 0);
		}
	}
	kreg_close(k);
}
END_TEST

static int stay_in_section(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(*(int *)data));
	const void *value;
	struct kreg *k;

	if (kreg_open(&k, "patience", &options) || kreg_read_enter(k) ||
	    kreg_read(k, "name", KREG_STRING, &value, NULL) != 1)
		return 1;
	link_say(link, 1);
	link_hear(link);
	link_say(link, kreg_read_leave(k));
	link_hear(link);
	return 0;
}

static int is_of(const struct kreg_owner_facts *facts, void *data)
{
	struct kreg_owner_facts *out = data;

	if (facts->owner.pid != out->owner.pid)
		return 0;
	*out = *facts;
	return 1;
}

/* The facts of the only owner that @pid is. */
static struct kreg_owner_facts facts_of(struct kreg *k, pid_t pid)
{
	struct kreg_owner_facts facts = { .owner.pid = pid };

	ck_assert_int_eq(kreg_each_owner(k, is_of, &facts), 1);
	return facts;
}

START_TEST(a_reader_that_stays_too_long_is_expelled_and_notified)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i),
		     .patience_ms = 20);
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg_owner_facts facts;
	struct child child;
	uint64_t epoch;
	struct kreg *k;

	ck_assert_int_eq(kreg_open(&k, "patience", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	child = child_start(stay_in_section, &_i);
	ck_assert_int_eq(link_hear(child.link), 1);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	/* It delays the epoch for its patience, and no longer. */
	epoch = stat.epoch;
	while (stat.epoch < epoch + 3) {
		ck_assert_int_ge(kreg_sweep(k), 0);
		ck_assert_int_eq(kreg_stat(k, &stat), 0);
	}
	/* The others can see who it was. */
	facts = facts_of(k, child.pid);
	ck_assert_uint_eq(facts.expelled, 1);
	ck_assert_int_ge(facts.expelled_ms, 0);
	ck_assert_uint_eq(facts.readers, 0);
	ck_assert_uint_eq(facts_of(k, getpid()).expelled, 0);
	ck_assert_int_eq(facts_of(k, getpid()).expelled_ms, -1);
	link_say(child.link, 1);
	ck_assert_int_eq(link_hear(child.link), -ESTALE);
	child_kill(&child);
	/* And after its death, still. */
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_uint_eq(stat.expelled, 1);
	ck_assert_int_eq(stat.expelled_last, child.pid);
	ck_assert_int_ge(stat.expelled_ms, 0);
	kreg_close(k);
	/* The next case needs more patience. */
	ck_assert_int_eq(kreg_destroy("patience", &options, 0), 0);
}
END_TEST

static int sweep_for_ever(int link, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(*(int *)data));
	struct kreg *k;

	(void)link;
	if (kreg_open(&k, "patience", &options))
		return 1;
	while (kreg_sweep(k) >= 0)
		;
	return 1;
}

START_TEST(a_reader_that_delays_reuse_is_named_with_the_time_for_which_it_has)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i),
		     .patience_ms = 60000);
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct child reader, sweeper;
	struct kreg *k;

	ck_assert_int_eq(kreg_open(&k, "patience", &options), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, "x", 1, NULL), 0);
	reader = child_start(stay_in_section, &_i);
	ck_assert_int_eq(link_hear(reader.link), 1);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_uint_eq(stat.readers, 1);
	/* Nobody has wanted the memory yet. */
	ck_assert_int_eq(stat.held_up_by, 0);
	ck_assert_int_eq(stat.held_up_ms, -1);
	ck_assert_int_eq(facts_of(k, reader.pid).held_up_ms, -1);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
	sweeper = child_start(sweep_for_ever, &_i);
	while (stat.held_up_ms < 20)
		ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_int_eq(stat.held_up_by, reader.pid);
	ck_assert_int_ge(facts_of(k, reader.pid).held_up_ms, 20);
	ck_assert_uint_eq(facts_of(k, reader.pid).readers, 1);
	ck_assert_uint_eq(facts_of(k, reader.pid).slots, 1);
	ck_assert_int_eq(facts_of(k, sweeper.pid).held_up_ms, -1);
	ck_assert_uint_eq(stat.expelled, 0);
	ck_assert_int_eq(stat.expelled_ms, -1);
	child_kill(&sweeper);
	child_kill(&reader);
	kreg_close(k);
	ck_assert_int_eq(kreg_destroy("patience", &options, 0), 0);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		sections_nest_and_keep_their_reads_valid,
		sections_of_two_registries_do_not_mix,
		a_child_of_fork_is_not_in_the_section_of_its_parent,
		keys_and_values_of_all_sizes_are_read,
		a_reader_that_stays_too_long_is_expelled_and_notified,
		a_reader_that_delays_reuse_is_named_with_the_time_for_which_it_has,
		NULL,
	};

	return modes_run(suite_create("read"), tcase_create("both"), both, NULL, NULL);
}
