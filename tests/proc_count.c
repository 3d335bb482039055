/* SPDX-License-Identifier: MIT */
/*
 * kreg_count() is right at once after each change by another process and after each death,
 * however often the same handle has counted before.
 *
 * KREG_CHANGES=100000 is the long run.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "shm/atomic.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/unit.h"

#define CHANGES 1000u
#define CHANGERS 3
#define DEATHS 30

static uint32_t changes_many(void)
{
	return unit_many("KREG_CHANGES", CHANGES) / unit_slowness();
}

/* In shared memory. */
struct board {
	uint32_t asked; /* for so many changes */
	uint32_t done;  /* UINT32_MAX: one has failed */
};

struct changer {
	int mode;
	int number;
	struct board *board;
};

static void await(const uint32_t *word, uint32_t value)
{
	while (load_acquire(word) != value)
		sched_yield();
}

/* Registers a name, unregisters it, and so on, one change each time it is asked. */
static int change_as_asked(int link, void *data)
{
	struct changer *changer = data;
	struct board *board = changer->board;
	struct kreg *k = mode_open(changer->mode, "count");
	char key[] = { 'k', (char)('a' + changer->number), 0 };
	uint32_t i;
	int err;

	link_say(link, 0);
	for (i = 1; i <= changes_many(); i++) {
		await(&board->asked, i);
		err = i & 1 ? kreg_register(k, key, KREG_STRING, NULL, 0, NULL)
			    : kreg_unregister(k, key, KREG_STRING);
		store_release(&board->done, err < 0 ? UINT32_MAX : i);
	}
	link_hear(link);
	kreg_close(k);
	return 0;
}

/* Counts while a change is made, then once more. */
static void changes_are_counted(struct kreg *k, struct board *boards, int changers)
{
	uint32_t i, done, looks = 0;
	int64_t count;
	int c;

	for (i = 1; i <= changes_many(); i++) {
		for (c = 0; c < changers; c++)
			store_release(&boards[c].asked, i);
		do {
			for (done = 0, c = 0; c < changers; c++) {
				uint32_t last = load_acquire(&boards[c].done);

				unit_assert(last <= i);
				done += last == i;
			}
			count = kreg_count(k);
			unit_assert(count >= 0 && count <= changers);
			/* They may be waiting for this CPU. */
			if (++looks % 32 == 0)
				sched_yield();
		} while (done < (uint32_t)changers);
		unit_assert(count == (i & 1 ? changers : 0));
		unit_assert(kreg_count(k) == count);
	}
}

static void assert_changes_are_counted(int mode, int changers)
{
	struct board *boards = child_shared(sizeof(*boards) * CHANGERS);
	struct kreg *k = mode_open(mode, "count");
	struct child children[CHANGERS];
	struct changer changer = { .mode = mode };
	int c;

	ck_assert_int_eq(kreg_count(k), 0);
	for (c = 0; c < changers; c++) {
		changer.number = c;
		changer.board = &boards[c];
		children[c] = child_start_ready(change_as_asked, &changer);
	}
	changes_are_counted(k, boards, changers);
	for (c = 0; c < changers; c++)
		child_kill(&children[c]);
	ck_assert_int_eq(kreg_count(k), 0);
	kreg_close(k);
}

START_TEST(a_change_by_another_process_is_counted_at_once)
{
	assert_changes_are_counted(_i, 1);
}
END_TEST

START_TEST(so_are_changes_by_several_at_the_same_time)
{
	assert_changes_are_counted(_i, CHANGERS);
}
END_TEST

static int hold_a_name(int link, void *data)
{
	struct kreg *k = mode_open(*(int *)data, "count");

	if (kreg_register(k, "held", KREG_STRING, NULL, 0, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

START_TEST(a_death_is_counted_before_it_is_reported)
{
	struct kreg *k = mode_open(_i, "count");
	int i;

	for (i = 0; i < DEATHS; i++) {
		struct child child = child_start_ready(hold_a_name, &_i);

		ck_assert_int_eq(kreg_count(k), 1);
		ck_assert_int_eq(kreg_count(k), 1);
		child_kill_by_pidfd(&child);
		ck_assert_int_eq(kreg_count(k), 0);
		child_end(&child);
		ck_assert_int_eq(kreg_count(k), 0);
	}
	kreg_close(k);
}
END_TEST

/* One handle counts in several threads, which share what it has kept. */
static struct kreg *shared;

static void *count_always(void *ended)
{
	while (!load_acquire((uint32_t *)ended)) {
		int64_t count = kreg_count(shared);

		if (count != 1 && count != 2)
			return (void *)1;
	}
	return NULL;
}

START_TEST(threads_of_one_handle_count_the_same)
{
	uint32_t ended = 0, i;
	pthread_t threads[3];
	void *wrong;

	shared = mode_open(_i, "count");
	ck_assert_int_eq(kreg_register(shared, "always", KREG_STRING, NULL, 0, NULL), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_always, &ended), 0);
	for (i = 0; i < changes_many(); i++) {
		unit_assert(kreg_register(shared, "name", KREG_STRING, NULL, 0, NULL) == 0);
		unit_assert(kreg_count(shared) == 2);
		unit_assert(kreg_unregister(shared, "name", KREG_STRING) >= 0);
		unit_assert(kreg_count(shared) == 1);
	}
	store_release(&ended, 1u);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
	kreg_close(shared);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_change_by_another_process_is_counted_at_once,
		so_are_changes_by_several_at_the_same_time,
		a_death_is_counted_before_it_is_reported,
		threads_of_one_handle_count_the_same,
		NULL,
	};
	TCase *both = tcase_create("count");

	tcase_set_timeout(both, 120);
	return modes_run(suite_create("count"), both, tests, NULL, NULL);
}
