/* SPDX-License-Identifier: MIT */
/*
 * Uses ptrace(2) on the one thread that asked for it; all other threads and children of
 * the process run freely.
 *
 * While the thread sleeps in a system call, a timer interrupts the wait, and the caller
 * may do what the thread sleeps for.
 */
#include "tests/step/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/row.h"
#include "tests/support/clock.h"
#include "base/process.h"

#define TICK_MS 20

/* The child's entry to and exit from an operation: a trap, at a known address. */
__asm__(".text\n"
	".globl tracer_trap\n"
	".hidden tracer_trap\n"
	".type tracer_trap, @function\n"
	"tracer_trap:\n"
	"	int3\n"
	"	ret\n"
	".size tracer_trap, . - tracer_trap\n");
void tracer_trap(void);

bool tracer_works(void)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 1 : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !status;
}

int tracer_begin(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return -errno;
	tracer_trap();
	return 0;
}

void tracer_end(void)
{
	tracer_trap();
}

static void ignore(int signal)
{
	(void)signal;
}

void tracer_timer(void)
{
	const struct itimerval tick = { { 0, TICK_MS * 1000 }, { 0, TICK_MS * 1000 } };
	const struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

static bool is_asleep(pid_t tid)
{
	struct process thread;

	return process_read(tid, &thread) && thread.state == 'S';
}

struct sleeper {
	int request; /* how the child goes on after a signal of its own */
	tracer_sleeps_fn wake;
	void *data;
	bool woken;
};

/*
 * Waits until the child stops with a SIGTRAP; other signals belong to the child and are
 * passed on.
 */
static enum tracer_result wait_trap(pid_t pid, struct sleeper *sleeper)
{
	int64_t until = clock_ms() + TRACER_HANG_MS;
	int status;

	for (;;) {
		if (waitpid(pid, &status, 0) < 0) {
			if (errno != EINTR)
				return TRACER_GONE;
			if (sleeper->wake && !sleeper->woken && is_asleep(pid)) {
				sleeper->woken = true;
				sleeper->wake(sleeper->data);
			}
			if (clock_ms() > until)
				return TRACER_HANGS;
			continue;
		}
		if (!WIFSTOPPED(status))
			return TRACER_GONE;
		if (WSTOPSIG(status) == SIGTRAP)
			return TRACER_THERE;
		ptrace((enum __ptrace_request)sleeper->request, pid, NULL, WSTOPSIG(status));
	}
}

enum tracer_result tracer_wait_begin(pid_t pid)
{
	struct sleeper none = { .request = PTRACE_CONT };

	return wait_trap(pid, &none);
}

static uint64_t address_of(pid_t pid)
{
	struct user_regs_struct registers;

	return ptrace(PTRACE_GETREGS, pid, NULL, &registers) ? 0 : registers.rip;
}

static int recording_add(struct recording *recording, uint64_t address)
{
	if (recording->count == recording->size) {
		uint32_t size = recording->size ? recording->size * 2 : 4096;
		uint64_t *addresses = realloc(recording->address, size * sizeof(*addresses));
		unsigned char *marks = addresses ? realloc(recording->mark, size) : NULL;

		if (addresses)
			recording->address = addresses;
		if (!marks)
			return -ENOMEM;
		recording->mark = marks;
		recording->size = size;
	}
	recording->address[recording->count] = address;
	recording->mark[recording->count++] = STEP_PLAIN;
	return 0;
}

static bool has_changed(struct watched *watched, size_t count)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!memcmp(watched[i].copy, watched[i].at, watched[i].bytes))
			continue;
		memcpy(watched[i].copy, watched[i].at, watched[i].bytes);
		changed = true;
	}
	return changed;
}

/* Whether the instruction there is a syscall. */
static bool is_call(pid_t pid, uint64_t address)
{
	unsigned char bytes[2];
	struct iovec to = { bytes, sizeof(bytes) };
	struct iovec from = { (void *)(uintptr_t)address, sizeof(bytes) };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == sizeof(bytes) && bytes[0] == 0x0f &&
	       bytes[1] == 0x05;
}

/* A set bit for each address modulo its size spares most of the reads. */
static void mark_calls(pid_t pid, struct recording *recording)
{
	static unsigned char known[1 << 20];
	uint32_t i;

	memset(known, 0, sizeof(known));
	for (i = 0; i < recording->count; i++) {
		unsigned char *at = &known[recording->address[i] % sizeof(known)];

		if (!*at)
			*at = is_call(pid, recording->address[i]) ? 2 : 1;
		if (*at == 2 && is_call(pid, recording->address[i]))
			recording->mark[i] = STEP_CALL;
	}
}

enum tracer_result tracer_record(pid_t pid, struct recording *out, struct watched *watched,
				 size_t count, tracer_sleeps_fn sleeps, void *data)
{
	struct sleeper sleeper = { .request = PTRACE_SINGLESTEP, .wake = sleeps, .data = data };
	enum tracer_result result;
	uint64_t address, last = 0;

	memset(out, 0, sizeof(*out));
	has_changed(watched, count);
	for (;;) {
		address = address_of(pid);
		if (address == (uintptr_t)tracer_trap) {
			mark_calls(pid, out);
			return TRACER_ENDED;
		}
		/* An instruction that repeats itself counts as one. */
		if (address != last && recording_add(out, address))
			return TRACER_GONE;
		last = address;
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			return TRACER_GONE;
		result = wait_trap(pid, &sleeper);
		if (result != TRACER_THERE)
			return result;
		if (has_changed(watched, count))
			out->mark[out->count - 1] = STEP_WRITE;
	}
}

void recording_free(struct recording *recording)
{
	free(recording->address);
	free(recording->mark);
	memset(recording, 0, sizeof(*recording));
}

struct spot recording_spot(const struct recording *recording, uint32_t index)
{
	struct spot spot = { .address = recording->address[index] };
	uint32_t i;

	for (i = 0; i <= index; i++)
		spot.times += recording->address[i] == spot.address;
	return spot;
}

static bool set_breakpoints(pid_t pid, uint64_t first, uint64_t second)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0L) &&
	       !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), first) &&
	       !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[1]), second) &&
	       !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 5L);
}

static void clear_breakpoints(pid_t pid)
{
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0L);
}

/* Without breakpoints, or for an instruction that repeats itself. */
static enum tracer_result step_to(pid_t pid, struct spot spot, struct sleeper *sleeper)
{
	enum tracer_result result;
	uint64_t address, last = 0;

	sleeper->request = PTRACE_SINGLESTEP;
	for (;;) {
		address = address_of(pid);
		if (address == (uintptr_t)tracer_trap)
			return TRACER_ENDED;
		if (address == spot.address && address != last && !--spot.times)
			return TRACER_THERE;
		last = address;
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			return TRACER_GONE;
		result = wait_trap(pid, sleeper);
		if (result != TRACER_THERE)
			return result;
	}
}

enum tracer_result tracer_run_to(pid_t pid, struct spot spot, tracer_sleeps_fn sleeps, void *data)
{
	struct sleeper sleeper = { .request = PTRACE_CONT, .wake = sleeps, .data = data };
	enum tracer_result result = TRACER_THERE;

	/*
	 * The breakpoint triggers when the thread comes to the instruction, not where it
	 * stands.
	 */
	if (address_of(pid) == spot.address && !--spot.times)
		return TRACER_THERE;
	if (!set_breakpoints(pid, spot.address, (uintptr_t)tracer_trap))
		return step_to(pid, spot, &sleeper);
	while (result == TRACER_THERE) {
		if (ptrace(PTRACE_CONT, pid, NULL, NULL))
			return TRACER_GONE;
		result = wait_trap(pid, &sleeper);
		if (result == TRACER_THERE && address_of(pid) == (uintptr_t)tracer_trap)
			result = TRACER_ENDED;
		else if (result == TRACER_THERE && !--spot.times)
			break;
	}
	if (result != TRACER_GONE)
		clear_breakpoints(pid);
	return result;
}

void tracer_release(pid_t pid, int signal)
{
	long word = ptrace(PTRACE_PEEKTEXT, pid, (void *)tracer_trap, NULL);

	/* The child runs untraced now, so the trap still ahead must go. */
	ptrace(PTRACE_POKETEXT, pid, (void *)tracer_trap, (word & ~0xffl) | 0x90);
	ptrace(PTRACE_DETACH, pid, NULL, signal);
}
