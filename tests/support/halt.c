/* SPDX-License-Identifier: MIT */
#include "tests/support/halt.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "shm/atomic.h"
#include "base/clock.h"
#include "tests/support/child.h"
#include "tests/support/program.h"

static uint64_t *halted; /* when, or 0 */
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
	store_relaxed(halted, 0ull); /* relaxed: before the child is there */
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
	store_relaxed(halted, clock_now()); /* relaxed: a word that stands for itself */
	if (wanted == HALT_EXEC)
		execl(PROGRAM, "program", "sleep", NULL);
	kill(getpid(), wanted == HALT_STOP ? SIGSTOP : SIGKILL);
}

uint64_t halt_await(void)
{
	uint64_t at;

	while (!(at = load_relaxed(halted))) /* relaxed: as above */
		sched_yield();
	return at;
}
