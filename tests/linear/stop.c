/* SPDX-License-Identifier: MIT */
/*
 * The trap flag is one of the registers that a signal handler may change: a signal that
 * the process sends to itself sets it, and the last trap clears it. Only the program's
 * own text is learnt, which includes kreg here.
 */
#include "tests/linear/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static void (*stop_here)(void);

#if defined(__x86_64__)

#define INSTRUCTIONS_MAX 8192u
#define TRAP_FLAG 0x100
#define BREAKPOINT 0xcc

/* Set by the linker: where the program's text begins and ends. */
extern unsigned char __executable_start[], etext[];

struct trace {
	uint32_t count;
	unsigned char *instructions[INSTRUCTIONS_MAX];
};

static struct trace traces[STOP_KINDS];
static struct trace *volatile learning;
static unsigned char *volatile armed;
static volatile unsigned char replaced; /* the byte that the breakpoint replaces */

static void note(struct trace *trace, unsigned char *at)
{
	uint32_t i;

	if (at < __executable_start || at >= etext || trace->count == INSTRUCTIONS_MAX)
		return;
	for (i = 0; i < trace->count; i++) {
		if (trace->instructions[i] == at)
			return;
	}
	trace->instructions[trace->count++] = at;
}

static void trapped(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned char *at = (unsigned char *)registers[REG_RIP];
	int before = errno;

	(void)number, (void)info;
	registers[REG_EFL] &= ~TRAP_FLAG;
	if (learning) {
		note(learning, at);
		registers[REG_EFL] |= TRAP_FLAG;
	} else if (armed && at == armed + 1) {
		stop_disarm();
		registers[REG_RIP]--;
		stop_here();
	}
	errno = before;
}

int stop_init(void (*stop)(void))
{
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_RESTART };
	size_t before = (uintptr_t)__executable_start % (size_t)getpagesize();

	stop_here = stop;
	if (mprotect(__executable_start - before, (size_t)(etext - __executable_start) + before,
		     PROT_READ | PROT_WRITE | PROT_EXEC))
		return -errno;
	return sigaction(SIGTRAP, &action, NULL) ? -errno : 0;
}

void stop_learn(uint32_t kind)
{
	learning = &traces[kind];
	raise(SIGTRAP);
}

void stop_learnt(void)
{
	learning = NULL;
}

void stop_arm(uint32_t kind, uint64_t random)
{
	struct trace *trace = &traces[kind];

	if (!trace->count)
		return;
	armed = trace->instructions[random % trace->count];
	replaced = *armed;
	*armed = BREAKPOINT;
}

void stop_disarm(void)
{
	if (armed)
		*armed = replaced;
	armed = NULL;
}

#else

int stop_init(void (*stop)(void))
{
	stop_here = stop;
	return 0;
}

void stop_learn(uint32_t kind)
{
	(void)kind;
}

void stop_learnt(void)
{
}

void stop_arm(uint32_t kind, uint64_t random)
{
	(void)kind, (void)random;
	stop_here();
}

void stop_disarm(void)
{
}

#endif
