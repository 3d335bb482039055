/* SPDX-License-Identifier: MIT */
/*
 * Threads of one process on few keys: every value that is read is whole and belongs to its key, each
 * name has one owner, and all memory comes back.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A value says of itself which key it belongs to, and how long it is. */
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

START_TEST(threads_on_few_keys_read_whole_values_and_lose_nothing)
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

int main(void)
{
	const TTest *const tests[] = { threads_on_few_keys_read_whole_values_and_lose_nothing,
				       NULL };

	seed = unit_seed();
	return unit_run("threads", NULL, NULL, tests);
}
