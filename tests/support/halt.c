/* SPDX-License-Identifier: MIT */
#include "tests/support/halt.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/program.h"

/* For parent and child: when it has halted, or 0; and whether it is done. */
static struct {
	uint64_t at, done;
} * halted;
static int wanted, left;

const char *halt_name(int how)
{
	static const char *const names[] = { "killed", "stopped", "exec" };

	return names[how];
}

void halt_new(void)
{
	if (!halted)
		halted = child_shared(sizeof(*halted));
	/* relaxed: before the child is there */
	store_relaxed(&halted->at, 0ull);
	store_relaxed(&halted->done, 0ull); /* relaxed: as above */
	left = 0;
}

void halt_at(int how, int calls)
{
	wanted = how;
	left = calls;
}

void halt_here(void)
{
	if (!left || --left)
		return;
	store_relaxed(&halted->at, clock_now()); /* relaxed: a word that stands for itself */
	if (wanted == HALT_EXEC)
		execl(PROGRAM, "program", "sleep", NULL);
	kill(getpid(), wanted == HALT_STOP ? SIGSTOP : SIGKILL);
}

void halt_done(void)
{
	left = 0;
	store_relaxed(&halted->done, 1ull); /* relaxed: as above */
}

uint64_t halt_await(void)
{
	uint64_t at;

	while (!(at = load_relaxed(&halted->at))) /* relaxed: as above */
		sched_yield();
	return at;
}

bool halt_comes(void)
{
	/* relaxed: as above */
	while (!load_relaxed(&halted->at) && !load_relaxed(&halted->done))
		sched_yield();
	return load_relaxed(&halted->at); /* relaxed: as above */
}

void halt_await_done(void)
{
	while (!load_relaxed(&halted->done)) /* relaxed: as above */
		sched_yield();
}
