/* SPDX-License-Identifier: MIT */
/*
 * The table of bystanders: what the guard costs programs that have nothing to do with kreg.
 * Its programs run at each exit and each exec on the machine.
 *
 * A block of processes with a guard and one without take turns; the guard is started for a
 * block and stopped after it, by regtool: ./regtool, or that of PATH. The time is that for
 * which this process and its children have run. A guard that runs besides counts on both
 * sides. Needs root, so the table may be left out.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

/* A block has so many parts, and before them one that is not timed. */
#define PARTS 21
/* Processes in a part. */
#define VFORKS 200
#define EXECS 10

struct bystander {
	char path[64];
};

static bool guard_run(const struct bystander *b, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "PATH=.:$PATH; regtool guard %s --path %s >/dev/null 2>&1", what, b->path);
	return !system(command);
}

static void guard_on(const struct bystander *b)
{
	if (!guard_run(b, "start"))
		die("regtool guard start", -ECHILD);
}

static void guard_off(const struct bystander *b)
{
	if (!guard_run(b, "stop"))
		die("regtool guard stop", -ECHILD);
}

/* ns that this thread and all children that it has reaped have run. */
static double all_run_ns(void)
{
	struct rusage children;

	getrusage(RUSAGE_CHILDREN, &children);
	return run_ns() + 1e9 * (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
	       1e3 * (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
}

static void vfork_exit(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void fork_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

/*
 * us for each process: a quarter of the parts of a block took less. The others met a busy
 * moment of the machine.
 */
static double block(void (*process)(void), int each)
{
	double parts[PARTS], start;
	int part, i;

	for (i = 0; i < each; i++)
		process();
	for (part = 0; part < PARTS; part++) {
		start = all_run_ns();
		for (i = 0; i < each; i++)
			process();
		parts[part] = (all_run_ns() - start) / each / 1000;
	}
	return spread_of(parts, PARTS).low;
}

/* Three digits, because the goal is below one in a hundred. */
static void guarded_print(double *us, double *ratios, int turns)
{
	struct spread of = spread_of(us, turns), to = spread_of(ratios, turns);

	printf("  %-44s %8.1f us   %8.3f (%.3f-%.3f)       <= 1.005\n", "under a guard", of.middle,
	       to.middle, to.low, to.high);
	fflush(stdout);
}

static void compare(const struct bench_options *options, const struct bystander *b,
		    const char *name, void (*process)(void), int each)
{
	double alone[TURNS_MAX], guarded[TURNS_MAX], ratios[TURNS_MAX];
	int turn, half;

	for (turn = 0; turn < options->turns; turn++) {
		for (half = 0; half < 2; half++) {
			if ((turn + half) % 2) {
				guard_on(b);
				guarded[turn] = block(process, each);
				guard_off(b);
			} else {
				alone[turn] = block(process, each);
			}
		}
		ratios[turn] = guarded[turn] / alone[turn];
	}
	row_print(name, alone, "us", NULL, options->turns, NULL);
	guarded_print(guarded, ratios, options->turns);
}

/* On one CPU, because processes that wait for one another differ by where they run. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static double measure(void *state)
{
	const struct bench_options *options = state;
	struct bystander b;

	snprintf(b.path, sizeof(b.path), "/sys/fs/bpf/kreg-benchmark-%d", getpid());
	stay_here();
	if (!guard_run(&b, "start")) {
		puts("  left out: `regtool guard start` fails; it needs root, and a kernel with "
		     "BPF");
		return 0;
	}
	guard_off(&b);
	row_heading("no guard");
	compare(options, &b, "vfork and _exit", vfork_exit, VFORKS);
	compare(options, &b, "fork, exec of /bin/true, exit", fork_exec, EXECS);
	return 0;
}

static void guard_table_run(const struct bench_options *options)
{
	title_print(options, "Processes that have nothing to do with kreg");
	/* In a child, so that its CPU and its memory are those of this table alone. */
	in_child(measure, (void *)(uintptr_t)options);
}

const struct table table_guard = { "guard", "what a guard costs other programs", guard_table_run };
