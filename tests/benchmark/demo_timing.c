/* SPDX-License-Identifier: MIT */
/*
 * Measures the figures of the demo: a lookup, and the time from kill -9 until the name is
 * gone. It uses kreg.h only, like any user's program. $KREG_DIR and $KREG_GUARD apply;
 * the argument is the registry.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg.h"

#define LOOKUPS 1000000
#define KILLS 200
#define NAME "timed"

static double now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static _Noreturn void hold_name(const char *registry, int ready)
{
	struct kreg *k;
	int err = kreg_open(&k, registry, NULL);

	if (!err)
		err = kreg_register(k, NAME, KREG_STRING, "here", 4, NULL);
	if (err || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_holder(const char *registry)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		hold_name(registry, ready[1]);
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static void time_lookups(struct kreg *k)
{
	struct kreg_owner owner;
	char value[16];
	double start;
	long i, found = 0;

	start = now_ns();
	for (i = 0; i < LOOKUPS; i++)
		found += kreg_lookup(k, NAME, KREG_STRING, value, sizeof(value), &owner) == 4;
	printf("a lookup from another process: %.0f ns (%ld of %d found it)\n",
	       (now_ns() - start) / LOOKUPS, found, LOOKUPS);
}

/*
 * The time from kill() until the first lookup that finds nothing; and whether one after
 * waitpid() finds the name.
 */
static int time_death(struct kreg *k, pid_t pid, double *gone)
{
	double start = now_ns();

	kill(pid, SIGKILL);
	while (kreg_lookup(k, NAME, KREG_STRING, NULL, 0, NULL) >= 0)
		;
	*gone = now_ns() - start;
	waitpid(pid, NULL, 0);
	return kreg_lookup(k, NAME, KREG_STRING, NULL, 0, NULL) >= 0;
}

int main(int argc, char **argv)
{
	const char *registry = argc > 1 ? argv[1] : "demo";
	double gone[KILLS];
	struct kreg *k;
	int i, stale = 0, err;

	err = kreg_open(&k, registry, NULL);
	if (err) {
		fprintf(stderr, "cannot open %s: %s\n", registry, kreg_strerror(err));
		return 1;
	}
	for (i = 0; i < KILLS; i++) {
		pid_t pid = start_holder(registry);

		if (pid < 0)
			return 1;
		if (!i)
			time_lookups(k);
		stale += time_death(k, pid, &gone[i]);
	}
	qsort(gone, KILLS, sizeof(gone[0]), by_size);
	printf("from kill -9 to gone: %.0f us (median of %d kills, worst %.0f us)\n",
	       gone[KILLS / 2] / 1e3, KILLS, gone[KILLS - 1] / 1e3);
	printf("found after waitpid had reported the death: %d of %d\n", stale, KILLS);
	kreg_close(k);
	return stale ? 1 : 0;
}
