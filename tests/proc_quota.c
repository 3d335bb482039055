/* SPDX-License-Identifier: MIT */
/*
 * Quota: how much of a registry one owner may take. An owner that leaks is refused more
 * memory while others go on; a refused call changes nothing, and whatever is given up, in
 * any way, may be taken again.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "shm/layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/value.h"

#define MAX_BYTES (4u << 20)
#define QUOTA_SLABS 512u
#define QUOTA (QUOTA_SLABS * SLAB_BYTES)
/* Eight slabs; and one of entries for each 16 of them. */
#define VALUE 8000u
#define FIT ((QUOTA_SLABS - 4) / 8)
#define FIT_BYTES ((FIT * 8 + (FIT + 15) / 16) * SLAB_BYTES)
#define LOCK_MS 0

static struct kreg *k;
static int mode;
static char value[KREG_VALUE_MAX];

static struct kreg *open_it(void)
{
	KREG_OPTIONS(options, .max_bytes = MAX_BYTES, .owner_bytes = QUOTA);

	return mode_open_as(mode, "quota", &options);
}

static void begin(int in)
{
	mode = in;
	k = open_it();
}

static void end(void)
{
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}

static int add(struct kreg *in, const char *name, int number, size_t size)
{
	char key[32];

	snprintf(key, sizeof(key), "%s-%d", name, number);
	return kreg_register(in, key, KREG_STRING, value, size, NULL);
}

/* Return: how many are registered before a refusal; @err: the error. */
static int fill(struct kreg *in, const char *name, int *err)
{
	int count = 0;

	while (!(*err = add(in, name, count, VALUE)))
		count++;
	return count;
}

static void give_up(struct kreg *in, const char *name, int count)
{
	char key[32];

	while (count--) {
		snprintf(key, sizeof(key), "%s-%d", name, count);
		ck_assert_int_eq(kreg_unregister(in, key, KREG_STRING), 1);
	}
}

/* ---- a process that leaks */

enum leak { FILL, GIVE_UP, CLOSE, REOPEN };

static int leak(int link, void *data)
{
	struct kreg *own = open_it();
	int64_t order;
	int count = 0, err = 0;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) >= 0) {
		switch (order) {
		case FILL:
			count = fill(own, "leak", &err);
			link_say(link, err == -EDQUOT ? count : err);
			break;
		case GIVE_UP:
			give_up(own, "leak", count);
			link_say(link, 0);
			break;
		case CLOSE:
			kreg_close(own);
			link_say(link, 0);
			break;
		default:
			own = open_it();
			link_say(link, 0);
		}
	}
	return 0;
}

/* What has been refused was less than this. */
#define NEARLY (QUOTA - 2 * SLAB_RUN * SLAB_BYTES)

static void stat_says(uint64_t least, uint64_t most, pid_t owner)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_uint_eq(stat.bytes_owner_max, QUOTA);
	ck_assert_uint_ge(stat.bytes_owner_most, least);
	ck_assert_uint_le(stat.bytes_owner_most, most);
	ck_assert_int_eq(stat.owner_most, owner);
}

START_TEST(a_leaking_owner_is_refused_memory_and_others_go_on)
{
	struct child child, second;
	int err, round;

	begin(_i);
	child = child_start_ready(leak, NULL);
	ck_assert_int_eq(child_ask(&child, FILL), FIT);
	stat_says(FIT_BYTES, FIT_BYTES, child.pid);
	ck_assert_int_eq(kreg_count(k), FIT);
	ck_assert_int_eq(fill(k, "mine", &err), FIT);
	ck_assert_int_eq(err, -EDQUOT);
	ck_assert_int_eq(kreg_count(k), 2 * FIT);
	second = child_start_ready(leak, NULL);
	ck_assert_int_eq(add(k, "leak", 0, 1), -EEXIST);
	/* By unregistering, close and death: each time all of the quota is free again. */
	for (round = 0; round < 3; round++) {
		ck_assert_int_eq(child_ask(&child, GIVE_UP), 0);
		ck_assert_int_eq(child_ask(&child, FILL), FIT);
		ck_assert_int_eq(child_ask(&child, CLOSE), 0);
		ck_assert_int_eq(child_ask(&child, REOPEN), 0);
		ck_assert_int_eq(child_ask(&child, FILL), FIT);
	}
	child_kill(&child);
	ck_assert_int_eq(child_ask(&second, FILL), FIT);
	child_kill(&second);
	give_up(k, "mine", FIT);
	ck_assert_int_eq(kreg_count(k), 0);
	end();
}
END_TEST

START_TEST(handles_of_one_process_share_a_quota)
{
	struct kreg *other;
	int err, count;

	begin(_i);
	other = open_it();
	for (count = 0; !(err = add(count % 2 ? k : other, "both", count, VALUE)); count++)
		;
	ck_assert_int_eq(err, -EDQUOT);
	ck_assert_int_eq(count, FIT);
	kreg_close(other);
	ck_assert_int_eq(kreg_count(k), FIT / 2);
	ck_assert_int_ge(fill(k, "again", &err), FIT / 2 - 2);
	ck_assert_int_eq(err, -EDQUOT);
	end();
}
END_TEST

/* Each call that would allocate. */
static void all_are_refused(void)
{
	char key[200];
	struct kreg_lock lock;
	int64_t number = 0, now;
	int err, i;

	/* Uses what is left of slabs that are already cut. */
	for (i = 0, err = 0; !err; i++) {
		snprintf(key, sizeof(key), "%0*d", 150, i);
		err = kreg_register(k, key, KREG_STRING, NULL, 0, NULL);
	}
	ck_assert_int_eq(err, -EDQUOT);
	while (!(err = kreg_register(k, &i, sizeof(i), NULL, 0, NULL)))
		i++;
	ck_assert_int_eq(err, -EDQUOT);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, value, VALUE, NULL, 0), -EDQUOT);
	ck_assert_int_eq(kreg_update_if(k, "mine", KREG_STRING, value, VALUE, "old", 3), -EDQUOT);
	ck_assert_int_eq(kreg_update_with(k, "mine", KREG_STRING, value_grow, NULL), -EDQUOT);
	ck_assert_int_eq(kreg_publish(k, "reserved", KREG_STRING, value, VALUE), -EDQUOT);
	ck_assert_int_eq(kreg_register_with(k, "theirs", KREG_STRING, value, VALUE,
					    KREG_REGISTER_REPLACE, NULL),
			 -EDQUOT);
	ck_assert_int_eq(kreg_register_with(k, "theirs", KREG_STRING, value, VALUE,
					    KREG_REGISTER_QUEUE, NULL),
			 -EDQUOT);
	ck_assert_int_eq(kreg_lock(k, "lock", KREG_STRING, LOCK_MS, &lock), -EDQUOT);
	/* None of it has happened; and calls that do not allocate work. */
	value_is(k, "mine", "old");
	value_is(k, "theirs", "v");
	ck_assert_int_eq(kreg_lookup(k, "reserved", KREG_STRING, NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_counter_add(k, "counter", KREG_STRING, 5, &now), 0);
	ck_assert_int_eq(now, number + 5);
	/* Meta belongs to no owner. */
	ck_assert_int_eq(kreg_meta_put(k, "meta", KREG_STRING, value, VALUE), 0);
	ck_assert_int_eq(kreg_meta_put(k, "meta", KREG_STRING, value, KREG_VALUE_MAX), 0);
}

static int hold_theirs(int link, void *data)
{
	struct kreg *own = open_it();

	(void)data;
	link_say(link, kreg_register_with(own, "theirs", KREG_STRING, "v", 1,
					  KREG_REGISTER_REPLACEABLE, NULL));
	link_hear(link);
	return 0;
}

START_TEST(every_call_that_allocates_is_refused_and_changes_nothing)
{
	struct child child;
	int64_t number = 0;
	int err;

	begin(_i);
	child = child_start_ready(hold_theirs, NULL);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "old", 3, NULL), 0);
	ck_assert_int_eq(kreg_register(k, "counter", KREG_STRING, &number, sizeof(number), NULL),
			 0);
	ck_assert_int_eq(kreg_register_with(k, "reserved", KREG_STRING, NULL, 0,
					    KREG_REGISTER_RESERVED, NULL),
			 0);
	fill(k, "fill", &err);
	ck_assert_int_eq(err, -EDQUOT);
	all_are_refused();
	/* With a little room all of them succeed. */
	ck_assert_int_eq(kreg_unregister(k, "fill-0", KREG_STRING), 1);
	ck_assert_int_eq(kreg_update(k, "mine", KREG_STRING, value, VALUE, NULL, 0), 3);
	child_kill(&child);
	end();
}
END_TEST

/* ---- gifts */

static int receive(int link, void *data)
{
	struct kreg *own = open_it();
	struct kreg_owner self;
	char key[32];
	int64_t number;

	(void)data;
	if (kreg_self(own, &self))
		return 1;
	link_say(link, (int64_t)self.token);
	while ((number = link_hear(link)) >= 0) {
		snprintf(key, sizeof(key), "gift-%d", (int)number);
		link_say(link, kreg_unregister(own, key, KREG_STRING));
	}
	return 0;
}

/* How many names @in can create and give away. */
static int give_on(struct kreg *in, const char *name, struct kreg_owner to, int *err)
{
	char key[32];
	int count = 0;

	do {
		snprintf(key, sizeof(key), "%s-%d", name, count);
		*err = kreg_register(in, key, KREG_STRING, "v", 1, NULL);
		if (!*err)
			*err = kreg_give(in, key, KREG_STRING, &to);
		count += !*err;
	} while (!*err);
	return count;
}

START_TEST(gifts_count_for_their_maker_until_they_end)
{
	struct kreg_owner to = { 0 };
	struct child child;
	int i, err, count;

	begin(_i);
	child = child_start(receive, NULL);
	to.token = (uint64_t)link_hear(child.link);
	count = give_on(k, "gift", to, &err);
	ck_assert_int_eq(err, -EDQUOT);
	ck_assert_int_ge(count, NEARLY / SLAB_BYTES);
	ck_assert_int_lt(count, QUOTA_SLABS);
	/* The name that could not be given still belongs to the giver. */
	ck_assert_int_eq(kreg_count(k), count + 1);
	stat_says(NEARLY, QUOTA, getpid());
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(child_ask(&child, i), 1);
	ck_assert_int_ge(give_on(k, "more", to, &err), 5);
	ck_assert_int_eq(err, -EDQUOT);
	/* Gifts end with their owner. Its own name keeps a run of slabs. */
	child_kill(&child);
	ck_assert_int_ge(fill(k, "own", &err), FIT - 1);
	ck_assert_int_eq(err, -EDQUOT);
	end();
}
END_TEST

static int give_and_end(int link, void *data)
{
	struct kreg *own = open_it();
	struct kreg_owner to = { .token = *(uint64_t *)data };
	int err;

	link_say(link, give_on(own, "gift", to, &err));
	link_hear(link);
	return 0;
}

START_TEST(gifts_of_a_dead_maker_count_for_no_process)
{
	struct kreg_owner self;
	struct child child;
	int64_t count;
	int err;

	begin(_i);
	ck_assert_int_eq(kreg_self(k, &self), 0);
	child = child_start(give_and_end, &self.token);
	count = link_hear(child.link);
	ck_assert_int_ge(count, NEARLY / SLAB_BYTES);
	ck_assert_int_lt(count, QUOTA_SLABS);
	stat_says(NEARLY, QUOTA, child.pid);
	child_kill(&child);
	stat_says(0, 0, 0);
	ck_assert_int_eq(kreg_count(k), count);
	ck_assert_int_eq(fill(k, "own", &err), FIT);
	ck_assert_int_eq(err, -EDQUOT);
	end();
}
END_TEST

/* ---- programs */

static const char *const sleeps[] = { "sleep", "1000", NULL };

START_TEST(a_program_is_not_started_without_room_for_its_name)
{
	KREG_START(how, .argv = sleeps);
	struct kreg_started started = { .size = sizeof(started) };
	int err, count, i;

	begin(_i);
	count = fill(k, "fill", &err);
	ck_assert_int_eq(count, FIT);
	/* Smaller ones, until there is not one slab left. */
	for (i = 0; !add(k, "rest", i, SLAB_BYTES); i++)
		;
	ck_assert_int_eq(kreg_start(k, "program", KREG_STRING, &how, &started), -EDQUOT);
	ck_assert_int_eq(started.child, 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(kreg_lookup(k, "program", KREG_STRING, NULL, 0, NULL), -ENOENT);
	give_up(k, "fill", FIT / 2);
	ck_assert_int_eq(kreg_start(k, "program", KREG_STRING, &how, &started), 0);
	ck_assert_int_eq(kreg_signal(k, "program", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(waitpid(started.child, NULL, 0), started.child);
	kreg_close(k);
}
END_TEST

static int fill_and_exec(int link, void *data)
{
	char in[8];
	struct kreg *own = open_it();

	(void)data;
	(void)link;
	snprintf(in, sizeof(in), "%d", mode);
	setenv("KREG_DIR", tmp_directory(), 1);
	setenv("KREG_GUARD", mode_guard(mode), 1);
	for (int i = 0; i < (int)FIT / 2; i++) {
		if (add(own, "before", i, VALUE))
			return 200;
	}
	execl("/proc/self/exe", "proc_quota", "fill", NULL);
	return 201;
}

/* Runs in another program of the same process. */
static int run_fill(void)
{
	struct kreg *own;
	int err, count;

	if (kreg_open(&own, "quota", NULL))
		return 202;
	count = fill(own, "after", &err);
	if (err != -EDQUOT)
		return 203;
	kreg_close(own);
	if (kreg_open(&own, "quota", NULL))
		return 204;
	if (fill(own, "again", &err) != FIT)
		return 205;
	return count;
}

START_TEST(what_a_program_had_before_exec_counts)
{
	struct child child;
	int status, count;

	begin(MODE_GUARD);
	child = child_start(fill_and_exec, NULL);
	status = child_end(&child);
	ck_assert(WIFEXITED(status));
	count = WEXITSTATUS(status);
	/* The slabs that both programs cut into entries are not full. */
	ck_assert_int_le(count, FIT - FIT / 2);
	ck_assert_int_ge(count, (int)FIT / 2 - 4);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		a_leaking_owner_is_refused_memory_and_others_go_on,
		handles_of_one_process_share_a_quota,
		every_call_that_allocates_is_refused_and_changes_nothing,
		gifts_count_for_their_maker_until_they_end,
		gifts_of_a_dead_maker_count_for_no_process,
		a_program_is_not_started_without_room_for_its_name,
		NULL,
	};
	const TTest *const guard[] = { what_a_program_had_before_exec_counts, NULL };

	if (argc == 2 && !strcmp(argv[1], "fill"))
		return run_fill();
	return modes_run(suite_create("quota"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
