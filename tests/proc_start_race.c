/* SPDX-License-Identifier: MIT */
/*
 * A thousand processes want to start one service at the same moment. One does; the others learn whom it has
 * started, and their programs never run.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/guard.h"
#include "tests/support/program.h"
#include "tests/support/tmp.h"

/* A sanitizer's processes take too much memory for a thousand. */
#if defined(__SANITIZE_ADDRESS__)
#define STARTERS 100
#else
#define STARTERS 1000
#endif
#define ROUNDS 200

struct answer {
	int err;
	pid_t pid;
};

/* All of them share it. */
struct race {
	pthread_barrier_t barrier; /* of all starters and the referee */
	struct answer answers[STARTERS];
};

static struct race *race;
static int mode;
static char marks[256];

static void race_new(void)
{
	pthread_barrierattr_t shared;

	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(race, MAP_FAILED);
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	ck_assert_int_eq(pthread_barrier_init(&race->barrier, &shared, STARTERS + 1), 0);
}

/* Each that runs writes one line. */
static void starter(int number)
{
	const char *const argv[] = { PROGRAM, "tell", marks, "ran", NULL };
	KREG_START(how, .argv = argv, .flags = KREG_START_DIES_WITH_STARTER);
	struct answer *answer = &race->answers[number];
	struct kreg *k = mode_open(mode, "race");
	int round;

	for (round = 0; round < ROUNDS; round++) {
		struct kreg_started started = { .size = sizeof(started) };

		pthread_barrier_wait(&race->barrier);
		answer->err = kreg_service_start(k, "production", "config", &how, &started);
		answer->pid = started.owner.pid;
		pthread_barrier_wait(&race->barrier);
		if (!answer->err)
			waitpid(started.child, NULL, 0);
		pthread_barrier_wait(&race->barrier);
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
	/* The one that was started may not have come so far. */
	while (lines_written() <= round)
		usleep(100);
	ck_assert_int_eq(lines_written(), round + 1);
	ck_assert_int_eq(kreg_signal(k, "production/config", KREG_STRING, SIGKILL), 0);
	ck_assert_int_eq(kreg_service_await_gone(k, "production", "config", NULL, 60000), 0);
}

START_TEST(of_a_thousand_starters_of_one_name_exactly_one_starts_a_process)
{
	struct kreg *k;
	int i, round, status;

	mode = _i;
	snprintf(marks, sizeof(marks), "%s/marks-%d", tmp_directory(), _i);
	race_new();
	for (i = 0; i < STARTERS; i++) {
		if (!fork())
			starter(i);
	}
	k = mode_open(mode, "race");
	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->barrier);
		pthread_barrier_wait(&race->barrier);
		judge(k, round);
		pthread_barrier_wait(&race->barrier);
	}
	for (i = 0; i < STARTERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	}
	ck_assert_int_eq(lines_written(), ROUNDS);
	kreg_close(k);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const both[] = {
		of_a_thousand_starters_of_one_name_exactly_one_starts_a_process,
		NULL,
	};

	program_run(argc, argv);
	return modes_run(suite_create("start_race"), tcase_create("both"), both, NULL, NULL);
}
