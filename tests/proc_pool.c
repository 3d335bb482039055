/* SPDX-License-Identifier: MIT */
/*
 * Pools: turns, the smallest counter, and the worker for a sub-key; with duplicate keys, also in partitions, and with
 * services. Workers are processes that come, go and are killed. KREG_KILLS: how many of them.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/support/guard.h"

#define WORKERS 6
#define SUBKEYS 2000

static struct kreg *k;
static int mode;

/* One that is not all: with partitions; with unique keys, for services. */
enum kind { PLAIN, PARTITIONS, SERVICES };
static enum kind kind;

static struct kreg *open_kind(void)
{
	static const char *const names[] = { "pool", "pool-partitions", "pool-services" };
	KREG_OPTIONS(options, .keys = kind == SERVICES ? KREG_KEYS_UNIQUE : KREG_KEYS_DUPLICATE,
		     .partitions = kind == PARTITIONS ? 4 : 0);

	return mode_open_as(mode, names[kind], &options);
}

static const char *role_of(int number)
{
	static char role[32];

	snprintf(role, sizeof(role), "worker-%d", number);
	return role;
}

/* A worker has a counter, "workers" or the service worker-NUMBER, to which it adds each number that it hears. */
static int work(int link, void *data)
{
	struct kreg *own = open_kind();
	int64_t value = *(const int *)data, more;
	const char *role = role_of((int)value);
	int err;

	if (kind == SERVICES)
		err = kreg_service_register(own, "shop", role, &value, sizeof(value), NULL);
	else
		err = kreg_register(own, "workers", KREG_STRING, &value, sizeof(value), NULL);
	link_say(link, err);
	while ((more = link_hear(link)) != INT64_MIN) {
		if (kind == SERVICES)
			err = kreg_service_counter_add(own, "shop", role, more, NULL);
		else
			err = kreg_counter_add(own, "workers", KREG_STRING, more, NULL);
		link_say(link, err);
	}
	return 0;
}

static struct child start_worker(int number)
{
	return child_start_ready(work, &number);
}

static struct kreg_pool pool_of_kind(void)
{
	static char key[KREG_KEY_MAX];
	struct kreg_pool pool = KREG_POOL("workers", KREG_STRING);

	if (kind == SERVICES)
		ck_assert_int_eq(kreg_service_pool(&pool, "shop", "worker-", key, sizeof(key)), 0);
	return pool;
}

/* What is found of the workers; its number. */
static int next_of(struct kreg_pool *pool)
{
	struct kreg_owner owner;
	int64_t value;

	ck_assert_int_eq(kreg_pool_next(k, pool, &value, sizeof(value), &owner), sizeof(value));
	ck_assert(kreg_owner_is_alive(k, &owner));
	if (kind == SERVICES)
		ck_assert_str_eq(strrchr(pool->found, '/') + 1, role_of((int)value));
	else
		ck_assert_str_eq(pool->found, "workers");
	ck_assert_uint_eq(pool->found_size, strlen(pool->found));
	return (int)value;
}

static void open_with_workers(int in, struct child *workers)
{
	int i;

	mode = in;
	k = open_kind();
	for (i = 0; i < WORKERS; i++)
		workers[i] = start_worker(i);
}

static void end_workers(struct child *workers)
{
	int i;

	for (i = 0; i < WORKERS; i++) {
		if (workers[i].pid)
			child_kill(&workers[i]);
	}
	kreg_close(k);
}

#define FOR_EACH_KIND for (kind = PLAIN; kind <= SERVICES; kind++)

START_TEST(each_worker_has_one_turn_in_a_round)
{
	struct child workers[WORKERS];
	struct kreg_pool pool;
	int round, i, seen;

	FOR_EACH_KIND
	{
		open_with_workers(_i, workers);
		pool = pool_of_kind();
		for (round = 0; round < 100; round++) {
			for (seen = 0, i = 0; i < WORKERS; i++)
				seen |= 1 << next_of(&pool);
			ck_assert_int_eq(seen, (1 << WORKERS) - 1);
		}
		end_workers(workers);
	}
}
END_TEST

/*
 * Others register and unregister, and one worker after the other is killed: between two turns of one each other one
 * that was there meanwhile has had one.
 */
START_TEST(those_that_stay_keep_their_turns_while_others_come_and_go)
{
	int turns[WORKERS + 1], turn, i, left = WORKERS, at;
	struct child workers[WORKERS];
	int64_t other = WORKERS;
	struct kreg_pool pool;

	kind = PLAIN;
	open_with_workers(_i, workers);
	pool = pool_of_kind();
	for (turn = 0; turn < 3000 && left; turn++) {
		if (!turn || turn % 500 == 0) {
			if (turn)
				child_kill(&workers[--left]);
			memset(turns, 0, sizeof(turns));
		}
		if (rand() % 2)
			ck_assert_int_eq(kreg_register(k, "workers", KREG_STRING, &other, 8, NULL),
					 0);
		else if (rand() % 2)
			ck_assert_int_ge(kreg_unregister(k, "workers", KREG_STRING), 0);
		if (!left)
			break;
		at = next_of(&pool);
		if (at == WORKERS)
			continue;
		ck_assert_int_lt(at, left);
		turns[at]++;
		for (i = 0; i < left; i++) {
			ck_assert_int_ge(turns[i], turns[at] - 1);
			ck_assert_int_le(turns[i], turns[at] + 1);
		}
	}
	ck_assert_int_eq(left, 1);
	child_kill(&workers[0]);
	kreg_unregister(k, "workers", KREG_STRING);
	ck_assert_int_eq(kreg_pool_next(k, &pool, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
}
END_TEST

START_TEST(a_process_with_two_entries_has_two_turns)
{
	struct kreg_pool pool = KREG_POOL("workers", KREG_STRING);
	int turns[3] = { 0 }, i;
	int64_t value;
	struct child worker;

	mode = _i;
	kind = PLAIN;
	k = open_kind();
	for (value = 0; value < 2; value++)
		ck_assert_int_eq(kreg_register(k, "workers", KREG_STRING, &value, 8, NULL), 0);
	worker = start_worker(2);
	for (i = 0; i < 30; i++)
		turns[next_of(&pool)]++;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(turns[i], 10);
	child_kill(&worker);
	kreg_close(k);
}
END_TEST

START_TEST(new_pools_begin_with_any_worker)
{
	int firsts[WORKERS], i;
	struct child workers[WORKERS];
	struct kreg_pool pool;

	FOR_EACH_KIND
	{
		memset(firsts, 0, sizeof(firsts));
		open_with_workers(_i, workers);
		for (i = 0; i < 100 * WORKERS; i++) {
			pool = pool_of_kind();
			firsts[next_of(&pool)]++;
		}
		/* Five standard deviations. */
		for (i = 0; i < WORKERS; i++) {
			ck_assert_int_gt(firsts[i], 50);
			ck_assert_int_lt(firsts[i], 150);
		}
		end_workers(workers);
	}
}
END_TEST

static int least_of(struct kreg_pool *pool)
{
	int64_t value;

	ck_assert_int_eq(kreg_pool_least(k, pool, &value, sizeof(value), NULL), sizeof(value));
	return (int)value;
}

START_TEST(the_smallest_counter_is_found)
{
	struct child workers[WORKERS];
	struct kreg_owner owner;
	struct kreg_pool pool;
	int i, turn, seen = 0;

	FOR_EACH_KIND
	{
		open_with_workers(_i, workers);
		pool = pool_of_kind();
		/* Not a counter. */
		ck_assert_int_eq(kind == SERVICES
					 ? kreg_service_register(k, "shop", "worker-x", "", 0, NULL)
					 : kreg_register(k, "workers", KREG_STRING, "", 0, NULL),
				 0);
		for (i = 0; i < WORKERS; i++) {
			for (turn = 0; turn < 3; turn++)
				ck_assert_int_eq(least_of(&pool), i);
			ck_assert_int_eq(child_ask(&workers[i], 100), 0);
		}
		ck_assert_int_eq(child_ask(&workers[3], -1000), 0);
		ck_assert_int_eq(least_of(&pool), 3 + 100 - 1000);
		child_kill(&workers[3]);
		workers[3].pid = 0;
		ck_assert_int_eq(least_of(&pool), 100);
		/* Of equal ones the next. */
		for (i = 0; i < WORKERS; i++) {
			if (workers[i].pid)
				ck_assert_int_eq(child_ask(&workers[i], -i), 0);
		}
		for (turn = 0; turn < 5; turn++) {
			for (seen = 0, i = 0; i < WORKERS - 1; i++) {
				ck_assert_int_eq(kreg_pool_least(k, &pool, NULL, 0, &owner), 8);
				for (int w = 0; w < WORKERS; w++)
					seen |= (workers[w].pid == owner.pid) << w;
			}
			ck_assert_int_eq(seen, ((1 << WORKERS) - 1) & ~(1 << 3));
		}
		for (i = 0; i < WORKERS; i++) {
			if (workers[i].pid)
				child_kill(&workers[i]);
		}
		ck_assert_int_eq(kreg_pool_least(k, &pool, NULL, 0, &owner), -ENOENT);
		kreg_close(k);
	}
}
END_TEST

START_TEST(a_unique_name_that_is_no_counter_is_none_of_a_pool)
{
	struct kreg_pool pool = KREG_POOL("alone", KREG_STRING);
	struct kreg_owner owner;

	k = mode_open(_i, "pool-alone");
	ck_assert_int_eq(kreg_register(k, "alone", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_pool_next(k, &pool, NULL, 0, &owner), 1);
	ck_assert_int_eq(kreg_pool_least(k, &pool, NULL, 0, &owner), -ENOENT);
	ck_assert_int_eq(kreg_update(k, "alone", KREG_STRING, "8 bytes.", 8, NULL, 0), 1);
	ck_assert_int_eq(kreg_pool_least(k, &pool, NULL, 0, &owner), 8);
	kreg_close(k);
}
END_TEST

/* The pid of the worker for each sub-key. */
static void map(pid_t *to)
{
	struct kreg_pool pool = pool_of_kind();
	struct kreg_owner owner;
	uint32_t i;

	for (i = 0; i < SUBKEYS; i++) {
		ck_assert_int_eq(kreg_pool_for(k, &pool, &i, sizeof(i), NULL, 0, &owner), 8);
		to[i] = owner.pid;
	}
}

/* How many of the sub-keys are @of's. */
static int share(const pid_t *in, pid_t of)
{
	int i, count = 0;

	for (i = 0; i < SUBKEYS; i++)
		count += in[i] == of;
	return count;
}

/* How many are another's now than before, and were not @old's or are not @new's. */
static int moved_besides(const pid_t *before, const pid_t *now, pid_t old, pid_t new)
{
	int i, count = 0;

	for (i = 0; i < SUBKEYS; i++)
		count += before[i] != now[i] && before[i] != old && now[i] != new;
	return count;
}

/* Answers each sub-key with the pid of its worker. */
static int choose(int link, void *data)
{
	struct kreg_pool pool = pool_of_kind();
	struct kreg *own = open_kind();
	struct kreg_owner owner;
	int64_t order;
	uint32_t what;

	(void)data;
	link_say(link, 0);
	while ((order = link_hear(link)) != INT64_MIN) {
		what = (uint32_t)order;
		if (kreg_pool_for(own, &pool, &what, sizeof(what), NULL, 0, &owner) != 8)
			return 1;
		link_say(link, owner.pid);
	}
	return 0;
}

START_TEST(a_death_moves_only_the_sub_keys_of_the_dead)
{
	static pid_t before[SUBKEYS], now[SUBKEYS], back[SUBKEYS];
	struct child workers[WORKERS], other;
	int i, mean = SUBKEYS / WORKERS;
	pid_t dead;

	FOR_EACH_KIND
	{
		open_with_workers(_i, workers);
		map(before);
		for (i = 0; i < WORKERS; i++) {
			/* Five standard deviations. */
			ck_assert_int_gt(share(before, workers[i].pid), mean - 85);
			ck_assert_int_lt(share(before, workers[i].pid), mean + 85);
		}
		/* Another process chooses the same. */
		other = child_start_ready(choose, NULL);
		for (i = 0; i < SUBKEYS; i += 10)
			ck_assert_int_eq(child_ask(&other, i), before[i]);
		child_kill(&other);

		/* None of the others has lost any, and each has got some. */
		dead = workers[2].pid;
		child_kill(&workers[2]);
		map(now);
		ck_assert_int_eq(share(now, dead), 0);
		ck_assert_int_eq(moved_besides(before, now, dead, 0), 0);
		for (i = 0; i < WORKERS; i++) {
			if (i != 2)
				ck_assert_int_gt(share(now, workers[i].pid),
						 share(before, workers[i].pid));
		}

		/* A newcomer takes its share, and no other one gets any. */
		workers[2] = start_worker(2);
		map(back);
		ck_assert_int_eq(moved_besides(now, back, 0, workers[2].pid), 0);
		ck_assert_int_gt(share(back, workers[2].pid), mean - 85);
		ck_assert_int_lt(share(back, workers[2].pid), mean + 85);
		/* A service gets what was its own. */
		for (i = 0; i < SUBKEYS && kind == SERVICES; i++)
			ck_assert_int_eq(back[i], before[i] == dead ? workers[2].pid : before[i]);
		end_workers(workers);
	}
}
END_TEST

START_TEST(a_sub_key_has_any_size_and_the_order_of_turns_stays)
{
	struct kreg_owner empty, text, sized, first;
	struct child workers[WORKERS];
	struct kreg_pool pool;
	static char big[5000];
	int i, turn;

	kind = PLAIN;
	open_with_workers(_i, workers);
	pool = pool_of_kind();
	turn = next_of(&pool);
	ck_assert_int_eq(kreg_pool_for(k, &pool, NULL, 0, NULL, 0, &empty), 8);
	ck_assert_int_eq(kreg_pool_for(k, &pool, "customer", KREG_STRING, NULL, 0, &text), 8);
	ck_assert_int_eq(kreg_pool_for(k, &pool, "customer", 8, NULL, 0, &sized), 8);
	ck_assert_uint_eq(text.token, sized.token);
	ck_assert_int_eq(kreg_pool_for(k, &pool, big, sizeof(big), NULL, 0, &first), 8);
	for (i = 1; i < WORKERS; i++)
		ck_assert_int_ne(next_of(&pool), turn);
	ck_assert_int_eq(next_of(&pool), turn);
	end_workers(workers);
}
END_TEST

START_TEST(no_dead_worker_is_found_while_they_are_killed_at_random)
{
	int kills = getenv("KREG_KILLS") ? atoi(getenv("KREG_KILLS")) : 40;
	struct child workers[WORKERS];
	struct kreg_owner owner;
	struct kreg_pool pool;
	int kill, which, i;
	pid_t dead;
	int64_t value;

	FOR_EACH_KIND
	{
		open_with_workers(_i, workers);
		pool = pool_of_kind();
		for (kill = 0; kill < kills; kill++) {
			which = rand() % WORKERS;
			dead = workers[which].pid;
			for (i = rand() % 50; i; i--)
				next_of(&pool);
			child_kill(&workers[which]);
			for (i = 0; i < 20; i++) {
				ck_assert_int_eq(kreg_pool_next(k, &pool, &value, 8, &owner), 8);
				ck_assert_int_ne(owner.pid, dead);
				ck_assert_int_eq(kreg_pool_least(k, &pool, &value, 8, &owner), 8);
				ck_assert_int_ne(owner.pid, dead);
				ck_assert_int_eq(
					kreg_pool_for(k, &pool, &i, sizeof(i), &value, 8, &owner),
					8);
				ck_assert_int_ne(owner.pid, dead);
			}
			workers[which] = start_worker(which);
		}
		end_workers(workers);
	}
}
END_TEST

/* Waits in line for the service worker-0, and has reserved worker-9. */
static int wait_in_line(int link, void *data)
{
	struct kreg *own = open_kind();
	int64_t value = -5;
	int err;

	(void)data;
	err = kreg_service_register_with(own, "shop", "worker-0", &value, 8, KREG_REGISTER_QUEUE,
					 NULL);
	if (err == KREG_WAITING)
		err = kreg_service_register_with(own, "shop", "worker-9", &value, 8,
						 KREG_REGISTER_RESERVED, NULL);
	link_say(link, err);
	link_hear(link);
	return 0;
}

START_TEST(who_waits_for_a_name_is_not_in_the_pool_and_a_name_alone_is_one)
{
	struct kreg_pool alone = KREG_POOL("shop/worker-0", 13), pool;
	struct kreg_owner owner;
	struct child worker, waiter;
	int64_t value;
	char key[64];
	int i;

	mode = _i;
	kind = SERVICES;
	k = open_kind();
	worker = start_worker(0);
	waiter = child_start_ready(wait_in_line, NULL);
	ck_assert_int_eq(kreg_service_register(k, "shop", "manager", "", 0, NULL), 0);
	ck_assert_int_eq(kreg_service_register(k, "shop2", "worker-0", "", 0, NULL), 0);
	pool = pool_of_kind();
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(next_of(&pool), 0);
		ck_assert_int_eq(kreg_pool_least(k, &pool, &value, 8, &owner), 8);
		ck_assert_int_eq(owner.pid, worker.pid);
		ck_assert_int_eq(kreg_pool_next(k, &alone, &value, 8, &owner), 8);
		ck_assert_int_eq(owner.pid, worker.pid);
	}
	child_kill(&worker);
	ck_assert_int_eq(kreg_pool_next(k, &alone, &value, 8, &owner), 8);
	ck_assert_int_eq(owner.pid, waiter.pid);
	ck_assert_int_eq(kreg_pool_next(k, &pool, &value, 8, &owner), 8);
	ck_assert_int_eq(owner.pid, waiter.pid);
	child_kill(&waiter);
	ck_assert_int_eq(kreg_pool_next(k, &alone, &value, 8, &owner), -ENOENT);
	/* All of the namespace. */
	ck_assert_int_eq(kreg_service_pool(&pool, "shop", NULL, key, sizeof(key)), 0);
	ck_assert_int_eq(kreg_pool_next(k, &pool, NULL, 0, NULL), 0);
	ck_assert_str_eq(pool.found, "shop/manager");
	ck_assert_int_eq(kreg_service_pool(&pool, "shop", "worker-", key, 11), -ERANGE);
	ck_assert_int_eq(kreg_service_pool(&pool, "a b", NULL, key, sizeof(key)), -EINVAL);
	ck_assert_int_eq(kreg_service_pool(NULL, "shop", NULL, key, sizeof(key)), -EINVAL);
	kreg_close(k);
}
END_TEST

START_TEST(what_does_not_fit_does_not_use_up_the_turn_and_what_is_wrong_is_refused)
{
	struct kreg_pool pool, none = KREG_POOL("nobody", KREG_STRING);
	struct kreg_pool empty = KREG_POOL("", KREG_STRING), null = KREG_POOL(NULL, 3);
	struct kreg_pool long_key = KREG_POOL("x", KREG_KEY_MAX + 7), zero = { 0 };
	struct kreg_owner refused, found;
	struct child workers[WORKERS];
	char room[8];
	int i;

	FOR_EACH_KIND
	{
		open_with_workers(_i, workers);
		pool = pool_of_kind();
		for (i = 0; i < 4 * WORKERS; i++) {
			/* The first turn of a new pool, then the further ones. */
			if (i < 2 * WORKERS)
				pool = pool_of_kind();
			ck_assert_int_eq(kreg_pool_next(k, &pool, room, 7, &refused), -ERANGE);
			ck_assert_uint_eq(pool.found_size, strlen(pool.found));
			ck_assert_int_eq(kreg_pool_next(k, &pool, room, 8, &found), 8);
			ck_assert_uint_eq(refused.token, found.token);
		}
		ck_assert_int_eq(kreg_pool_for(k, &pool, "x", 1, room, 7, &refused), -ERANGE);
		ck_assert_int_eq(kreg_pool_for(k, &pool, "x", 1, room, 8, &found), 8);
		ck_assert_uint_eq(refused.token, found.token);
		ck_assert_int_eq(kreg_pool_next(k, &none, room, 8, &found), -ENOENT);
		ck_assert_int_eq(kreg_pool_next(k, &empty, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_next(k, &null, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_next(k, &zero, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_next(k, &long_key, room, 8, &found), -ENAMETOOLONG);
		ck_assert_int_eq(kreg_pool_next(k, &pool, NULL, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_next(k, NULL, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_least(NULL, &pool, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_for(k, &pool, NULL, 1, room, 8, &found), -EINVAL);
		ck_assert_int_eq(kreg_pool_for(NULL, &pool, "x", 1, room, 8, &found), -EINVAL);
		end_workers(workers);
	}
}
END_TEST

/* Through the handle of its parent. */
static int find_as_child(int link, void *data)
{
	link_say(link, kreg_pool_next(k, data, NULL, 0, NULL) == 8 ? 0 : 1);
	return 0;
}

START_TEST(a_reader_and_a_child_of_fork_find_workers)
{
	KREG_OPTIONS(readonly, .flags = KREG_OPEN_READONLY);
	struct child workers[WORKERS], child;
	struct kreg_pool pool;
	struct kreg *own;

	kind = PLAIN;
	open_with_workers(_i, workers);
	pool = pool_of_kind();
	child = child_start_ready(find_as_child, &pool);
	ck_assert_int_eq(child_end(&child), 0);
	own = k;
	k = mode_open_as(_i, "pool", &readonly);
	next_of(&pool);
	kreg_close(k);
	k = own;
	end_workers(workers);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		each_worker_has_one_turn_in_a_round,
		those_that_stay_keep_their_turns_while_others_come_and_go,
		a_process_with_two_entries_has_two_turns,
		new_pools_begin_with_any_worker,
		the_smallest_counter_is_found,
		a_unique_name_that_is_no_counter_is_none_of_a_pool,
		a_death_moves_only_the_sub_keys_of_the_dead,
		a_sub_key_has_any_size_and_the_order_of_turns_stays,
		no_dead_worker_is_found_while_they_are_killed_at_random,
		who_waits_for_a_name_is_not_in_the_pool_and_a_name_alone_is_one,
		what_does_not_fit_does_not_use_up_the_turn_and_what_is_wrong_is_refused,
		a_reader_and_a_child_of_fork_find_workers,
		NULL,
	};

	return modes_run(suite_create("pool"), tcase_create("both"), both, NULL, NULL);
}
