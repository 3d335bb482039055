/* SPDX-License-Identifier: MIT */
/*
 * Threads of one process on few keys: every value that is read is whole and belongs to
 * its key, each name has one owner, and all memory is reclaimed.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define THREADS 4
#define KEYS 64
#define ROUNDS 20000

static struct kreg *k;
static unsigned int seed;

struct worker {
	pthread_t thread;
	unsigned int random;
	int held;    /* names that it registered and has not unregistered */
	int wrong;   /* values that do not belong to their key */
	int refused; /* registrations that another thread was first in */
	int error;
};

/* A value contains its key's number and its own length. */
static size_t value_make(unsigned char *value, int key, unsigned int random)
{
	size_t size = 8 + random % 900;

	memset(value, key, size);
	memcpy(value, &size, sizeof(size));
	return size;
}

static int value_is_wrong(const unsigned char *value, ssize_t size, int key)
{
	size_t said;
	ssize_t i;

	memcpy(&said, value, sizeof(said));
	for (i = 8; i < size; i++) {
		if (value[i] != (unsigned char)key)
			return 1;
	}
	return said != (size_t)size;
}

static void read_in_section(struct worker *worker, const char *name, int key)
{
	const void *value;
	ssize_t size;
	int wrong;

	if (kreg_read_enter(k)) {
		worker->error = 1;
		return;
	}
	size = kreg_read(k, name, KREG_STRING, &value, NULL);
	wrong = size >= 0 && value_is_wrong(value, size, key);
	if (kreg_read_leave(k) != -ESTALE)
		worker->wrong += wrong;
}

static void *work(void *data)
{
	struct worker *worker = data;
	unsigned char value[1024];
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		int key = rand_r(&worker->random) % KEYS;
		ssize_t size;
		char name[16];

		snprintf(name, sizeof(name), "key-%d", key);
		size = (ssize_t)value_make(value, key, (unsigned int)rand_r(&worker->random));
		err = kreg_register(k, name, KREG_STRING, value, (size_t)size, NULL);
		worker->held += !err;
		worker->refused += err == -EEXIST;
		worker->error |= err && err != -EEXIST;
		size = kreg_lookup(k, name, KREG_STRING, value, sizeof(value), NULL);
		worker->wrong += size >= 0 && value_is_wrong(value, size, key);
		worker->error |= size < 0 && size != -ENOENT;
		read_in_section(worker, name, key);
		err = kreg_unregister(k, name, KREG_STRING);
		worker->held -= err > 0 ? err : 0;
		worker->error |= err < 0;
	}
	return NULL;
}

START_TEST(threads_on_few_keys_read_whole_values_and_leak_nothing)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct worker workers[THREADS];
	int i, held = 0, refused = 0;

	ck_assert_int_eq(kreg_open(&k, "threads", &options), 0);
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < THREADS; i++) {
		workers[i].random = seed + (unsigned int)i;
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		ck_assert_int_eq(workers[i].error, 0);
		ck_assert_int_eq(workers[i].wrong, 0);
		held += workers[i].held;
		refused += workers[i].refused;
	}
	ck_assert_int_eq(held, 0);
	ck_assert_int_eq(kreg_count(k), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_ge(kreg_sweep(k), 0);
	ck_assert_int_eq(kreg_stat(k, &stat), 0);
	ck_assert_uint_eq(stat.bytes_used, 0);
	printf("# KREG_SEED=%u: %d rounds of %d threads, %d refused\n", seed, ROUNDS, THREADS,
	       refused);
	fflush(stdout);
	kreg_close(k);
}
END_TEST

/* Threads that have registered, and now end at the same time as the handle is closed. */
#define ENDING 4
#define CLOSES 1000

static pthread_barrier_t at_the_end;

static void *register_and_end(void *data)
{
	char name[16];

	snprintf(name, sizeof(name), "ending-%d", *(int *)data);
	*(int *)data = kreg_register(k, name, KREG_STRING, NULL, 0, NULL);
	pthread_barrier_wait(&at_the_end);
	return NULL;
}

/* Fails under ASan or TSan, or in a later round, if a thread's end touches what the close has freed. */
START_TEST(threads_may_end_while_the_handle_is_closed)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct kreg_stat stat = { .size = sizeof(stat) };
	pthread_t threads[ENDING];
	int numbers[ENDING], round, i;
	struct kreg *other;

	ck_assert_int_eq(kreg_open(&other, "ending", &options), 0);
	pthread_barrier_init(&at_the_end, NULL, ENDING + 1);
	for (round = 0; round < CLOSES; round++) {
		ck_assert_int_eq(kreg_open(&k, "ending", &options), 0);
		for (i = 0; i < ENDING; i++) {
			numbers[i] = i;
			ck_assert_int_eq(
				pthread_create(&threads[i], NULL, register_and_end, &numbers[i]),
				0);
		}
		pthread_barrier_wait(&at_the_end);
		kreg_close(k);
		for (i = 0; i < ENDING; i++) {
			pthread_join(threads[i], NULL);
			ck_assert_int_eq(numbers[i], 0);
		}
	}
	ck_assert_int_eq(kreg_stat(other, &stat), 0);
	ck_assert_uint_eq(stat.slots_used, 0);
	ck_assert_int_eq(kreg_count(other), 0);
	pthread_barrier_destroy(&at_the_end);
	kreg_close(other);
}
END_TEST

/*
 * One processor, and three threads of different rank on it; the lowest is in a call, with
 * its key's mutex.
 */
enum { LOW = 1, MIDDLE, HIGH };

/* Only a hang takes this long. */
#define INVERTED_S 20

struct ranked {
	pthread_t thread;
	int rank;
	void (*run)(void);
	pid_t tid;
	int refused;
};

static sem_t low_is_inside, low_may_leave;
static atomic_bool high_is_done, middle_gave_up;

static int stay_inside(const struct kreg_entry *entry, void *data)
{
	(void)entry, (void)data;
	sem_post(&low_is_inside);
	sem_wait(&low_may_leave);
	return 1;
}

static void be_low(void)
{
	kreg_unregister_match(k, "key", KREG_STRING, stay_inside, NULL);
}

static void be_middle(void)
{
	time_t end = time(NULL) + INVERTED_S;

	while (!high_is_done && time(NULL) < end)
		;
	middle_gave_up = !high_is_done;
}

static void be_high(void)
{
	kreg_unregister(k, "key", KREG_STRING);
	high_is_done = true;
}

static void *run_ranked(void *data)
{
	struct ranked *ranked = data;
	struct sched_param param = { .sched_priority = ranked->rank };
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	ranked->refused = pthread_setaffinity_np(pthread_self(), sizeof(first), &first) ||
			  pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	__atomic_store_n(&ranked->tid, gettid(), __ATOMIC_RELEASE);
	if (!ranked->refused)
		ranked->run();
	return NULL;
}

static void start_ranked(struct ranked *ranked)
{
	ck_assert_int_eq(pthread_create(&ranked->thread, NULL, run_ranked, ranked), 0);
	while (!__atomic_load_n(&ranked->tid, __ATOMIC_ACQUIRE))
		usleep(100);
}

/* Or gone, if it did not sleep at all. */
static void await_asleep(const struct ranked *ranked)
{
	char path[64], text[256], *at;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", ranked->tid);
	do {
		usleep(100);
		stat = fopen(path, "r");
		at = stat && fgets(text, sizeof(text), stat) ? strrchr(text, ')') : NULL;
		if (stat)
			fclose(stat);
	} while (at && at[2] != 'S');
}

START_TEST(a_middle_priority_thread_does_not_delay_a_higher_one_behind_a_lower_one)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none");
	struct ranked low = { .rank = LOW, .run = be_low },
		      middle = { .rank = MIDDLE, .run = be_middle };
	struct ranked high = { .rank = HIGH, .run = be_high };

	ck_assert_int_eq(kreg_open(&k, "ranks", &options), 0);
	ck_assert_int_eq(kreg_register(k, "key", KREG_STRING, NULL, 0, NULL), 0);
	sem_init(&low_is_inside, 0, 0);
	sem_init(&low_may_leave, 0, 0);
	start_ranked(&low);
	if (low.refused) {
		printf("# not run: SCHED_FIFO is refused here\n");
		fflush(stdout);
		pthread_join(low.thread, NULL);
		kreg_close(k);
		return;
	}
	sem_wait(&low_is_inside);
	start_ranked(&high);
	await_asleep(&high);
	start_ranked(&middle);
	sem_post(&low_may_leave);
	pthread_join(high.thread, NULL);
	pthread_join(middle.thread, NULL);
	pthread_join(low.thread, NULL);
	ck_assert_msg(!middle_gave_up, "it waited for %d s", INVERTED_S);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		threads_on_few_keys_read_whole_values_and_leak_nothing,
		threads_may_end_while_the_handle_is_closed,
		a_middle_priority_thread_does_not_delay_a_higher_one_behind_a_lower_one,
		NULL,
	};

	seed = unit_seed();
	return unit_run("threads", NULL, NULL, tests);
}
