/* SPDX-License-Identifier: MIT */
/*
 * A thousand processes start one service at the same moment. One does; the others learn
 * the pid of the process that it has started, and their programs never run. They wait for
 * the process that is starting it, and no longer than it exists.
 *
 * KREG_ROUNDS=50 is the long run.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "lib/find/lookup.h"
#include "lib/program/claim.h"
#include "shm/entry.h"
#include "shm/query.h"
#include "tests/support/child.h"
#include "tests/support/clock.h"
#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

/* A sanitizer's processes take too much memory for a thousand. */
#if defined(__SANITIZE_ADDRESS__)
#define STARTERS 100
#else
#define STARTERS 1000
#endif
/*
 * 12 races with both modes: a fault that shows in one of three is missed in one run of 130.
 */
#define ROUNDS 6

struct answer {
	int err;
	pid_t pid;
};

/* Shared by all of them. */
struct race {
	pthread_barrier_t barrier; /* for all starters and the referee */
	struct answer answers[STARTERS];
	int started; /* rounds in which one has started the service */
	int late;    /* starters, in all rounds */
};

static struct race *race;
static int mode, rounds;
static char marks[256];

static void race_new(void)
{
	pthread_barrierattr_t shared;

	race = child_shared(sizeof(*race));
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	ck_assert_int_eq(pthread_barrier_init(&race->barrier, &shared, STARTERS + 1), 0);
}

/*
 * One starter of ten that has seen the name reserved for a program that was started does
 * not see until later whether its starter is still there: it waits until that has made the
 * program ready and left its claim. Then the name looks like one whose starter has died. By
 * chance that happens in few rounds.
 */
#define ONE_IS_LATE_IN 10

static int late_in = -1; /* the round in which this starter is late */

int __real_lookup_first(struct kreg *k, const struct query *q, struct found *out,
			struct kreg_owner *owner);
int __wrap_lookup_first(struct kreg *k, const struct query *q, struct found *out,
			struct kreg_owner *owner);

int __wrap_lookup_first(struct kreg *k, const struct query *q, struct found *out,
			struct kreg_owner *owner)
{
	int err = __real_lookup_first(k, q, out, owner);

	if (err || late_in < 0 || entry_kind(out->info) == ENTRY_NAME)
		return err;
	while (__atomic_load_n(&race->started, __ATOMIC_ACQUIRE) <= late_in)
		usleep(1000);
	late_in = -1;
	__atomic_fetch_add(&race->late, 1, __ATOMIC_RELAXED);
	return err;
}

/* Each program that runs writes one line. */
static void starter(int number)
{
	const char *const argv[] = { PROGRAM, "tell", marks, "ran", NULL };
	KREG_START(how, .argv = argv, .flags = KREG_START_DIES_WITH_STARTER);
	struct answer *answer = &race->answers[number];
	struct kreg *k = mode_open(mode, "race");
	int round;

	for (round = 0; round < rounds; round++) {
		struct kreg_started started = { .size = sizeof(started) };

		late_in = number % ONE_IS_LATE_IN == 1 ? round : -1;
		pthread_barrier_wait(&race->barrier);
		answer->err = kreg_service_start(k, "production", "config", &how, &started);
		answer->pid = started.owner.pid;
		if (!answer->err)
			__atomic_store_n(&race->started, round + 1, __ATOMIC_RELEASE);
		pthread_barrier_wait(&race->barrier);
		if (!answer->err)
			waitpid(started.child, NULL, 0);
	}
	_exit(0);
}

static off_t lines_written(void)
{
	struct stat st;

	return stat(marks, &st) ? 0 : st.st_size / (off_t)strlen("ran\n");
}

static void judge(struct kreg *k, int round)
{
	struct kreg_owner holder;
	int i, winners = 0;

	ck_assert_int_eq(kreg_service_lookup(k, "production", "config", NULL, 0, &holder), 0);
	for (i = 0; i < STARTERS; i++) {
		const struct answer *answer = &race->answers[i];

		winners += !answer->err;
		ck_assert_msg(!answer->err || answer->err == -EEXIST, "round %d: %s", round,
			      kreg_strerror(answer->err));
		ck_assert_int_eq(answer->pid, holder.pid);
	}
	ck_assert_int_eq(winners, 1);
	/* The started program may not have come that far yet. */
	while (lines_written() <= round)
		usleep(100);
	ck_assert_int_eq(lines_written(), round + 1);
	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", NULL, 60000), 0);
}

START_TEST(exactly_one_of_a_thousand_starters_of_a_name_starts_a_process)
{
	struct kreg *k;
	int i, round, status;

	mode = _i;
	rounds = (int)unit_many("KREG_ROUNDS", ROUNDS);
	snprintf(marks, sizeof(marks), "%s/marks-%d", tmp_directory(), _i);
	race_new();
	for (i = 0; i < STARTERS; i++) {
		if (!fork())
			starter(i);
	}
	k = mode_open(mode, "race");
	for (round = 0; round < rounds; round++) {
		pthread_barrier_wait(&race->barrier);
		pthread_barrier_wait(&race->barrier);
		judge(k, round);
	}
	for (i = 0; i < STARTERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	}
	ck_assert_int_eq(lines_written(), rounds);
	printf("# %d of %d starters were late\n", race->late, rounds * STARTERS);
	fflush(stdout);
	ck_assert_int_gt(race->late, 0);
	kreg_close(k);
}
END_TEST

/* ---- a claim, whose holder does not get to the start */

#define WAITERS 3
#define PATIENCE_MS 20000

enum { HOLDER_KILLED, HOLDER_EXECS, HOLDER_ENDS };

static int claim_and_stay(int link, void *data)
{
	struct kreg *k = mode_open(mode, "claim");
	struct query q = table_query(&k->segment, "name", 4);
	struct claim_holder holder;
	struct claim claim;

	(void)data;
	q.kinds = KINDS_OF_NAMES;
	link_say(link, claim_take(k, &q, 0, &claim, &holder));
	link_hear(link);
	execl(PROGRAM, PROGRAM, "sleep", NULL);
	return 1;
}

static int start_name(struct kreg *k, int64_t timeout_ms, struct kreg_started *started)
{
	const char *const argv[] = { PROGRAM, "sleep", NULL };
	KREG_START(how, .argv = argv, .flags = KREG_START_DIES_WITH_STARTER,
		   .timeout_ms = timeout_ms);

	*started = (struct kreg_started){ .size = sizeof(*started) };
	return kreg_start(k, "name", KREG_STRING, &how, started);
}

static int start_behind(int link, void *data)
{
	struct kreg *k = mode_open(mode, "claim");
	struct kreg_started started;

	(void)data;
	link_say(link, 0);
	link_say(link, start_name(k, PATIENCE_MS, &started));
	link_say(link, started.owner.pid);
	link_hear(link);
	return 0;
}

/* One of the waiters starts the program, and the others learn of it. */
static void one_has_started(struct kreg *k, struct child *waiters)
{
	struct kreg_owner owner;
	int i, winners = 0;
	int64_t err, pids[WAITERS];

	for (i = 0; i < WAITERS; i++) {
		err = link_hear(waiters[i].link);
		ck_assert_msg(!err || err == -EEXIST, "%s", kreg_strerror((int)err));
		winners += !err;
		pids[i] = link_hear(waiters[i].link);
	}
	ck_assert_int_eq(winners, 1);
	ck_assert_int_eq(kreg_whereis(k, "name", KREG_STRING, &owner), 0);
	for (i = 0; i < WAITERS; i++)
		ck_assert_int_eq(pids[i], owner.pid);
}

static void wait_at_claim(struct kreg *k, int holder_end)
{
	struct child holder = child_start_ready(claim_and_stay, NULL), waiters[WAITERS];
	struct kreg_started started;
	int64_t before;
	int i;

	for (i = 0; i < WAITERS; i++) {
		waiters[i] = child_start_ready(start_behind, NULL);
		child_await_sleep(&waiters[i]);
	}
	/* A timeout holds although the holder is stopped. */
	kill(holder.pid, SIGSTOP);
	ck_assert_int_eq(start_name(k, 200, &started), -ETIMEDOUT);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	before = clock_ms();
	if (holder_end == HOLDER_EXECS) {
		kill(holder.pid, SIGCONT);
		link_say(holder.link, 0);
	} else {
		child_kill(&holder);
	}
	one_has_started(k, waiters);
	printf("# the holder of a claim %s: all have returned after %lld ms\n",
	       holder_end == HOLDER_EXECS ? "called exec" : "was killed",
	       (long long)(clock_ms() - before));
	fflush(stdout);
	ck_assert_int_lt(clock_ms() - before, PATIENCE_MS / 2);
	if (holder_end == HOLDER_EXECS)
		child_kill(&holder);
	for (i = 0; i < WAITERS; i++)
		child_kill(&waiters[i]);
	/* The name is free when the program has ended. */
	kreg_register_with(k, "name", KREG_STRING, NULL, 0, KREG_REGISTER_QUEUE, NULL);
	ck_assert_int_eq(kreg_await_turn(k, "name", KREG_STRING, PATIENCE_MS), 0);
	ck_assert_int_eq(kreg_unregister(k, "name", KREG_STRING), 1);
}

START_TEST(a_waiter_at_a_claim_is_next_when_its_holder_is_killed_or_execs)
{
	struct kreg *k;
	int end;

	mode = _i;
	k = mode_open(mode, "claim");
	for (end = 0; end < HOLDER_ENDS; end++)
		wait_at_claim(k, end);
	ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		exactly_one_of_a_thousand_starters_of_a_name_starts_a_process,
		a_waiter_at_a_claim_is_next_when_its_holder_is_killed_or_execs,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("start_race"), tcase_create("both"), both, NULL, NULL);
}
