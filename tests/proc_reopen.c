/* SPDX-License-Identifier: MIT */
/*
 * `guard stop --force` ends the lives of processes that go on. They open the registry
 * again, in the fallback or under the next guard, whatever they had in it and in
 * whichever order they do it, and none of them blocks another: not one that has not
 * looked yet, is stopped, or has called exec. A life counts as alive until a process has
 * seen its end.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

#define WORKERS 8

/* How a worker learns of its end. */
enum how {
	BY_CALL,  /* it is refused a call, closes, and opens */
	BY_CLOSE, /* it closes, and opens */
	BY_OPEN, /* it opens while the handle of the ended life is still open, and closes that afterwards */
	HOWS,
};

struct plan {
	bool restart; /* the guard is started again before they open */
	uint32_t life;
	int workers;
	enum how how;
};

static void start_guard(void)
{
	struct guard_options options = { .path = second_guard(), .seats = 32 };

	ck_assert_int_eq(guard_start(&options), 0);
}

static void stop_guard(void)
{
	struct guard_options options = { .path = second_guard() };

	ck_assert_int_eq(guard_stop(&options, true), 0);
}

static int open_as(struct kreg **k, uint32_t life)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard(), .life = life);

	return kreg_open(k, "reopen", &options);
}

static int destroy(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = second_guard());

	return kreg_destroy("reopen", &options, 0);
}

/* Takes a name and a lock. */
static int take_all(struct kreg *k)
{
	struct kreg_lock lock;
	char key[32];
	int err;

	snprintf(key, sizeof(key), "name %d", getpid());
	err = kreg_register(k, key, KREG_STRING, "x", 1, NULL);
	return err ? err : kreg_lock(k, key, KREG_STRING, 0, &lock);
}

static int reopen(struct kreg **k, const struct plan *plan)
{
	struct kreg *old = *k;
	int err;

	if (plan->how == BY_CALL && kreg_register(old, "late", 4, "x", 1, NULL) != -EOWNERDEAD)
		return -EPROTO;
	if (plan->how != BY_OPEN)
		kreg_close(old);
	err = open_as(k, plan->life);
	if (plan->how == BY_OPEN)
		kreg_close(old);
	return err ? err : take_all(*k);
}

static int work(int link, void *data)
{
	struct kreg *k;
	int err = open_as(&k, KREG_LIFE_GUARD);

	link_say(link, err ? err : take_all(k));
	link_hear(link);
	link_say(link, reopen(&k, data));
	link_hear(link);
	return 0;
}

static void all_reopen(const struct plan *plan)
{
	struct child workers[WORKERS];
	struct kreg *k;
	int i;

	start_guard();
	for (i = 0; i < plan->workers; i++)
		workers[i] = child_start_ready(work, (void *)(uintptr_t)plan);
	stop_guard();
	if (plan->restart)
		start_guard();
	for (i = 0; i < plan->workers; i++)
		link_say(workers[i].link, 1);
	for (i = 0; i < plan->workers; i++)
		ck_assert_int_eq(link_hear(workers[i].link), 0);
	ck_assert_int_eq(open_as(&k, plan->life), 0);
	ck_assert_int_eq(kreg_count(k), plan->workers);
	for (i = 0; i < plan->workers; i++)
		child_kill(&workers[i]);
	kreg_close(k);
	ck_assert_int_eq(destroy(), 0);
	if (plan->restart)
		stop_guard();
}

START_TEST(workers_whose_lives_were_ended_by_force_reopen_the_registry)
{
	const struct plan plans[] = {
		{ .restart = false, .life = KREG_LIFE_AUTO },
		{ .restart = true, .life = KREG_LIFE_AUTO },
		{ .restart = true, .life = KREG_LIFE_GUARD },
	};
	struct plan plan;
	int i;

	for (i = 0; i < (int)(sizeof(plans) / sizeof(*plans)) * HOWS; i++) {
		plan = plans[i / HOWS];
		plan.how = (enum how)(i % HOWS);
		plan.workers = 1;
		all_reopen(&plan);
		plan.workers = WORKERS;
		all_reopen(&plan);
	}
}
END_TEST

/* Before the guard is back no process has a life under it; afterwards all are equal. */
START_TEST(a_worker_that_tries_before_the_guard_is_back_is_admitted_later)
{
	struct kreg *k, *next;

	start_guard();
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(take_all(k), 0);
	stop_guard();
	kreg_close(k);
	ck_assert_int_eq(open_as(&next, KREG_LIFE_GUARD), -ENODEV);
	start_guard();
	ck_assert_int_eq(open_as(&next, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(take_all(next), 0);
	kreg_close(next);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}
END_TEST

/* Takes all, and reports that; then stops, or calls exec. */
static int stay(int link, void *data)
{
	struct kreg *k;
	int err = open_as(&k, KREG_LIFE_GUARD);

	link_say(link, err ? err : take_all(k));
	if (data)
		execl("/bin/sleep", "sleep", "600", (char *)NULL);
	link_hear(link);
	return 0;
}

static void one_reopens_beside(struct child *other)
{
	struct kreg *k;

	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(take_all(k), 0);
	stop_guard();
	start_guard();
	kreg_close(k);
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kill(other->pid, 0), 0);
	kreg_close(k);
	child_kill(other);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}

START_TEST(a_stopped_process_whose_life_was_ended_blocks_no_process)
{
	struct child other;

	start_guard();
	other = child_start_ready(stay, NULL);
	ck_assert_int_eq(kill(other.pid, SIGSTOP), 0);
	one_reopens_beside(&other);
}
END_TEST

START_TEST(a_process_after_exec_whose_life_was_ended_blocks_no_process)
{
	struct child other;

	start_guard();
	other = child_start_ready(stay, (void *)1);
	/* exec closes the link. */
	ck_assert_int_eq(link_hear(other.link), INT64_MIN);
	one_reopens_beside(&other);
}
END_TEST

START_TEST(a_process_counts_as_alive_until_its_end_was_seen)
{
	struct child other;
	struct kreg *k;

	start_guard();
	other = child_start_ready(stay, NULL);
	ck_assert_int_eq(kill(other.pid, SIGSTOP), 0);
	stop_guard();
	start_guard();
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), -EBUSY);
	ck_assert_int_eq(destroy(), -EBUSY);
	child_kill(&other);
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}
END_TEST

static int await(int link, void *data)
{
	struct kreg *k;
	int err = open_as(&k, KREG_LIFE_GUARD);

	(void)data;
	link_say(link, err ? err : take_all(k));
	link_say(link, kreg_await(k, "never", KREG_STRING, -1, NULL));
	link_hear(link);
	return 0;
}

START_TEST(a_notified_waiter_no_longer_blocks_others)
{
	struct child waiter;
	struct kreg *k;

	start_guard();
	waiter = child_start_ready(await, NULL);
	child_await_sleep(&waiter);
	stop_guard();
	start_guard();
	ck_assert_int_eq(link_hear(waiter.link), -EOWNERDEAD);
	ck_assert_int_eq(destroy(), 0);
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	kreg_close(k);
	child_kill(&waiter);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}
END_TEST

START_TEST(a_process_may_destroy_what_its_ended_life_left)
{
	struct kreg *k;

	start_guard();
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(take_all(k), 0);
	stop_guard();
	ck_assert_int_eq(destroy(), 0);
	kreg_close(k);
	ck_assert_int_eq(destroy(), -ENOENT);
}
END_TEST

START_TEST(the_old_handle_reports_its_own_end_although_another_registry_has_the_name)
{
	struct kreg_listener *l;
	struct kreg_event event;
	struct kreg *k, *next;
	int got;

	start_guard();
	ck_assert_int_eq(open_as(&k, KREG_LIFE_GUARD), 0);
	ck_assert_int_eq(take_all(k), 0);
	ck_assert_int_ge(kreg_listen(&l, k, NULL, 0), 0);
	stop_guard();
	start_guard();
	ck_assert_int_eq(open_as(&next, KREG_LIFE_GUARD), 0);
	do {
		got = kreg_listener_next(l, &event);
	} while (got > 0);
	ck_assert_int_eq(got, -EOWNERDEAD);
	ck_assert_int_eq(kreg_register(k, "late", 4, "x", 1, NULL), -EOWNERDEAD);
	ck_assert_int_eq(kreg_await(k, "never", KREG_STRING, -1, NULL), -EOWNERDEAD);
	kreg_listener_close(l);
	kreg_close(k);
	kreg_close(next);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}
END_TEST

START_TEST(a_life_that_goes_on_under_its_own_guard_does_not_count_as_ended)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(MODE_GUARD));
	struct kreg *k, *other;

	start_guard();
	ck_assert_int_eq(kreg_open(&k, "reopen", &options), 0);
	ck_assert_int_eq(take_all(k), 0);
	ck_assert_int_eq(open_as(&other, KREG_LIFE_GUARD), -EBUSY);
	ck_assert_int_eq(destroy(), -EBUSY);
	ck_assert_int_eq(kreg_count(k), 1);
	kreg_close(k);
	ck_assert_int_eq(open_as(&other, KREG_LIFE_GUARD), 0);
	kreg_close(other);
	ck_assert_int_eq(destroy(), 0);
	stop_guard();
}
END_TEST

int main(void)
{
	const TTest *const guard[] = {
		workers_whose_lives_were_ended_by_force_reopen_the_registry,
		a_worker_that_tries_before_the_guard_is_back_is_admitted_later,
		a_stopped_process_whose_life_was_ended_blocks_no_process,
		a_process_after_exec_whose_life_was_ended_blocks_no_process,
		a_process_counts_as_alive_until_its_end_was_seen,
		a_notified_waiter_no_longer_blocks_others,
		a_process_may_destroy_what_its_ended_life_left,
		the_old_handle_reports_its_own_end_although_another_registry_has_the_name,
		a_life_that_goes_on_under_its_own_guard_does_not_count_as_ended,
		NULL,
	};

	return modes_run(suite_create("reopen"), NULL, NULL, tcase_create("guard"), guard);
}
