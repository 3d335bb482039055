/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/processes.h"

#define TOGETHER_MAX 64

void numbered_key(unsigned char *key, uint64_t number)
{
	uint64_t state = number * 4, word;
	int i;

	for (i = 0; i < NUMBERED_SIZE; i += 8) {
		word = random_next(&state);
		memcpy(key + i, &word, 8);
	}
	memcpy(key, &number, 4);
}

void numbered_register(struct kreg *k, uint64_t number)
{
	unsigned char key[NUMBERED_SIZE];
	int err;

	numbered_key(key, number);
	err = kreg_register(k, key, sizeof(key), &number, sizeof(number), NULL);
	if (err)
		die("kreg_register", err);
}

static void numbered_fill(struct kreg *k, uint32_t first, uint32_t entries)
{
	uint32_t i;

	for (i = 0; i < entries; i++)
		numbered_register(k, first + i);
}

static pid_t fork_child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork", -errno);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void child_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		exit(1);
}

static void *shared_room(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("memory", -errno);
	return at;
}

struct holders *holders_start(const struct bench_options *options, const char *registry,
			      uint32_t count, uint32_t entries, fill_fn fill)
{
	struct holders *holders = room(sizeof(*holders));
	int ready[2];
	uint32_t i;
	char byte;

	holders->pids = room(count * sizeof(*holders->pids));
	holders->count = count;
	if (pipe(ready))
		die("pipe", -errno);
	for (i = 0; i < count; i++) {
		struct kreg *k;

		holders->pids[i] = fork_child();
		if (holders->pids[i])
			continue;
		k = registry_open(options, registry);
		(fill ? fill : numbered_fill)(k, i * entries, entries);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		/* So that the reader sees the end of the pipe if one dies before it is ready. */
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	for (i = 0; i < count; i++) {
		if (read(ready[0], &byte, 1) != 1)
			die("a holder of names", -ESRCH);
	}
	close(ready[0]);
	return holders;
}

void holders_end(struct holders *holders)
{
	uint32_t i;

	for (i = 0; i < holders->count; i++)
		kill(holders->pids[i], SIGKILL);
	for (i = 0; i < holders->count; i++)
		waitpid(holders->pids[i], NULL, 0);
	free(holders->pids);
	free(holders);
}

double in_child(double (*work)(void *state), void *state)
{
	double *result = shared_room(sizeof(*result)), value;
	pid_t pid = fork_child();

	if (!pid) {
		*result = work(state);
		_exit(0);
	}
	child_wait(pid);
	value = *result;
	munmap(result, sizeof(*result));
	return value;
}

struct board {
	uint32_t ready;
	double results[TOGETHER_MAX];
};

static void pin(int number)
{
	cpu_set_t allowed, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || number-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

double together(const struct together *what, void *state, int count)
{
	struct board *board = shared_room(sizeof(*board));
	pid_t pids[TOGETHER_MAX];
	double longest = 0;
	int i;

	for (i = 0; i < count; i++) {
		void *prepared;

		pids[i] = fork_child();
		if (pids[i])
			continue;
		pin(i);
		prepared = what->prepare(state, i);
		__atomic_fetch_add(&board->ready, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) != (uint32_t)count)
			;
		board->results[i] = what->work(prepared, i);
		_exit(0);
	}
	for (i = 0; i < count; i++)
		child_wait(pids[i]);
	for (i = 0; i < count; i++)
		longest = board->results[i] > longest ? board->results[i] : longest;
	munmap(board, sizeof(*board));
	return longest;
}
