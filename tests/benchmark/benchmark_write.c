/* SPDX-License-Identifier: MIT */
/*
 * Writers of one key beside each other, by turns: see README.md. It uses kreg.h only,
 * like any user's program.
 *
 * Each process registers an entry under the same duplicate key and unregisters it, over
 * and over, in a registry of 1, 2 and 4 partitions; and, as the lower bound, under a key
 * of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "lib/kreg.h"

#define PAIRS 200000u
#define PROCESSES_MAX 64
#define ROUNDS_MAX 101

/* How the processes meet; the others are compared with the first. */
static const struct way {
	const char *name;
	uint32_t partitions;
	bool apart; /* each has a key of its own */
} ways[] = {
	{ "one partition", 1, false },
	{ "2 partitions", 2, false },
	{ "4 partitions", 4, false },
	{ "keys apart", 1, true },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Shared: the common start, and how long each process took. */
struct board {
	uint32_t ready;
	uint32_t go;
	double seconds[PROCESSES_MAX];
};

static void die(const char *what, int err)
{
	fprintf(stderr, "benchmark_write: %s: %s\n", what, kreg_strerror(err));
	exit(1);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct kreg *open_way(const struct way *way, const struct kreg_options *options)
{
	struct kreg_options with = *options;
	char name[32];
	struct kreg *k;
	int err;

	with.keys = KREG_KEYS_DUPLICATE;
	with.partitions = way->partitions;
	snprintf(name, sizeof(name), "write-%td", way - ways);
	err = kreg_open(&k, name, &with);
	if (err)
		die("kreg_open", err);
	return k;
}

static _Noreturn void work(const struct way *way, const struct kreg_options *options,
			   struct board *board, int number)
{
	struct kreg *k = open_way(way, options);
	char key[32];
	double start;
	uint32_t i;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(key, sizeof(key), "key-%d", way->apart ? number : 0);
	__atomic_fetch_add(&board->ready, 1, __ATOMIC_ACQ_REL);
	while (!__atomic_load_n(&board->go, __ATOMIC_ACQUIRE))
		;
	start = now();
	for (i = 0; i < PAIRS; i++) {
		err = kreg_register(k, key, KREG_STRING, &i, sizeof(i), NULL);
		if (err)
			die("kreg_register", err);
		err = kreg_unregister(k, key, KREG_STRING);
		if (err != 1)
			die("kreg_unregister", err);
	}
	board->seconds[number] = now() - start;
	_exit(0);
}

/* Nanoseconds for each registration with its end, for the slowest process. */
static double turn(const struct way *way, const struct kreg_options *options, int processes)
{
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double longest = 0;
	int i, status = 0;

	if (board == MAP_FAILED)
		die("memory", -errno);
	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (!pid)
			work(way, options, board, i);
		if (pid < 0)
			die("fork", -errno);
	}
	while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) != (uint32_t)processes)
		;
	__atomic_store_n(&board->go, 1, __ATOMIC_RELEASE);
	while (wait(&status) > 0) {
		if (status)
			exit(1);
	}
	for (i = 0; i < processes; i++)
		longest = board->seconds[i] > longest ? board->seconds[i] : longest;
	munmap(board, sizeof(*board));
	return longest * 1e9 / PAIRS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void run(const struct kreg_options *options, int processes, int rounds)
{
	double ns[WAYS][ROUNDS_MAX], ratio[WAYS][ROUNDS_MAX];
	struct kreg *kept[WAYS];
	char name[32];
	size_t way;
	int i;

	for (way = 0; way < WAYS; way++)
		kept[way] = open_way(&ways[way], options);
	for (i = 0; i < rounds; i++) {
		for (way = 0; way < WAYS; way++)
			ns[way][i] = turn(&ways[way], options, processes);
		for (way = 0; way < WAYS; way++)
			ratio[way][i] = ns[way][i] / ns[0][i];
	}
	for (way = 0; way < WAYS; way++) {
		qsort(ns[way], (size_t)rounds, sizeof(double), by_size);
		qsort(ratio[way], (size_t)rounds, sizeof(double), by_size);
		printf("%-14s %7.0f  %5.2f (%4.2f-%4.2f)\n", ways[way].name, ns[way][rounds / 2],
		       ratio[way][rounds / 2], ratio[way][0], ratio[way][rounds - 1]);
		kreg_close(kept[way]);
		snprintf(name, sizeof(name), "write-%zu", way);
		kreg_destroy(name, options, KREG_DESTROY_FORCE);
	}
}

static const char help[] =
	"Usage: benchmark_write [--processes N] [--rounds N] [--guard PATH]\n"
	"Processes that register and unregister under one key, by turns in registries of 1, 2 and "
	"4\n"
	"partitions.\n"
	"  --processes N  at once (default: the processors)\n"
	"  --rounds N     turns (default 9)\n"
	"  --guard PATH   under the guard that runs there; else in the fallback\n";

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "processes", required_argument, NULL, 'p' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "guard", required_argument, NULL, 'g' },
		{ 0 },
	};
	long processes = sysconf(_SC_NPROCESSORS_ONLN);
	char directory[64];
	int option, rounds = 9;

	snprintf(directory, sizeof(directory), "/dev/shm/kreg-benchmark-%d", getpid());
	KREG_OPTIONS(options, .directory = directory, .guard = "none");
	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'p')
			processes = atoi(optarg);
		else if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'g')
			options.guard = optarg;
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || processes < 1 || processes > PROCESSES_MAX ||
	    optind != argc) {
		fputs(help, stderr);
		return 2;
	}
	if (mkdir(directory, 0700))
		die(directory, -errno);
	printf("ns for a registration and its end, %ld processes at once; median of %d rounds of "
	       "%u;\n"
	       "and its ratio to that with one partition\n",
	       processes, rounds, PAIRS);
	run(&options, (int)processes, rounds);
	return rmdir(directory) ? 1 : 0;
}
