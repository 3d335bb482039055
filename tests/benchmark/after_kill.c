/* SPDX-License-Identifier: MIT */
/*
 * How long a name is found after its owner was killed: in a registry of kreg, and in a table of pids that is looked
 * through once a second, as registries without the kernel's help do it.
 *
 * Prints a table: of how many names of killed processes are still found, so many milliseconds after kill(2) was called.
 * $KREG_DIR and $KREG_GUARD apply; the argument is the registry. Each process is killed when the one before is gone from
 * kreg, at moments that have nothing to do with those of the looks.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg.h"

#define KILLS 100
#define PERIOD_NS 1000000000L

/* The other table. A pid is 0 when the name is free. */
static _Atomic pid_t table[KILLS];
static double freed_at[KILLS];
static atomic_bool ended;

static double now_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void *look_through(void *data)
{
	const struct timespec period = { .tv_sec = PERIOD_NS / 1000000000L };
	bool last;
	int i;

	do {
		last = atomic_load(&ended);
		nanosleep(&period, NULL);
		for (i = 0; i < KILLS; i++) {
			pid_t pid = atomic_load(&table[i]);

			if (pid && kill(pid, 0) && errno == ESRCH) {
				freed_at[i] = now_ms();
				atomic_store(&table[i], 0);
			}
		}
	} while (!last);
	return data;
}

static void name_of(int i, char name[16])
{
	snprintf(name, 16, "killed.%d", i);
}

static _Noreturn void hold(const char *registry, int i, int ready)
{
	char name[16];
	struct kreg *k;
	int err = kreg_open(&k, registry, NULL);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	name_of(i, name);
	if (!err)
		err = kreg_register(k, name, KREG_STRING, NULL, 0, NULL);
	if (err || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Return: 0 when all hold their names. */
static int start_all(const char *registry)
{
	char bytes[KILLS];
	int ready[2], i, read_already = 0;

	if (pipe(ready))
		return -1;
	for (i = 0; i < KILLS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -1;
		if (!pid) {
			close(ready[0]);
			hold(registry, i, ready[1]);
		}
		atomic_store(&table[i], pid);
	}
	close(ready[1]);
	while (read_already < KILLS) {
		ssize_t got = read(ready[0], bytes, sizeof(bytes));

		if (got <= 0)
			break;
		read_already += (int)got;
	}
	close(ready[0]);
	return read_already == KILLS ? 0 : -1;
}

/* Return: for how many milliseconds a lookup finds it. */
static double kill_one(struct kreg *k, int i, double *start)
{
	pid_t pid = atomic_load(&table[i]);
	double end;
	char name[16];

	name_of(i, name);
	*start = now_ms();
	kill(pid, SIGKILL);
	while (kreg_lookup(k, name, KREG_STRING, NULL, 0, NULL) >= 0)
		;
	end = now_ms();
	waitpid(pid, NULL, 0);
	return end - *start;
}

static void print_found(const double *kreg, const double *other)
{
	const double at[] = {
		0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 100, 200, 400, 600, 800, 1000
	};
	size_t row;
	int i;

	printf("| ms after kill -9 | found in kreg, of %d | found in a table looked through once a "
	       "second |\n"
	       "|---|---|---|\n",
	       KILLS);
	for (row = 0; row < sizeof(at) / sizeof(at[0]); row++) {
		int in_kreg = 0, in_other = 0;

		for (i = 0; i < KILLS; i++) {
			in_kreg += kreg[i] > at[row];
			in_other += other[i] > at[row];
		}
		printf("| %g | %d | %d |\n", at[row], in_kreg, in_other);
	}
}

int main(int argc, char **argv)
{
	const char *registry = argc > 1 ? argv[1] : "after-kill";
	double kreg[KILLS], other[KILLS], start[KILLS];
	const struct timespec gap = { .tv_nsec = 13000000 };
	struct kreg *k;
	pthread_t thread;
	int i, err = kreg_open(&k, registry, NULL);

	if (err || start_all(registry)) {
		fprintf(stderr, "cannot use %s: %s\n", registry, kreg_strerror(err));
		return 1;
	}
	if (pthread_create(&thread, NULL, look_through, NULL))
		return 1;
	for (i = 0; i < KILLS; i++) {
		kreg[i] = kill_one(k, i, &start[i]);
		nanosleep(&gap, NULL);
	}
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
	for (i = 0; i < KILLS; i++)
		other[i] = freed_at[i] - start[i];
	print_found(kreg, other);
	kreg_close(k);
	return kreg_destroy(registry, NULL, 0) ? 1 : 0;
}
