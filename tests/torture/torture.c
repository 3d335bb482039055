/* SPDX-License-Identifier: MIT */
/*
 * The torture as a program: see README.md.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_GUARD
#include "bpf/guard.h"
#endif
#include "tests/torture/engine.h"

static const char help[] =
	"Usage: torture [options]\n"
	"Processes use a registry while they are killed at random.\n"
	"  --seconds N    for so long (default 10, unless --kills is given)\n"
	"  --kills N      so many kills\n"
	"  --workers N    so many at once (default 8)\n"
	"  --mode MODE    fallback (default), or guard: under one of its own, which takes root\n"
	"  --guard PATH   under the guard that runs there\n"
	"  --stop         stop some at random, too\n"
	"  --seed N       as an earlier run (default: $KREG_SEED, else random)\n";

/* The pins for --mode guard. */
static char own_guard[64];

#ifdef HAVE_GUARD

static void guard_says(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "torture: %s\n", sentence);
}

static int guard_begin(void)
{
	struct guard_options options = { .path = own_guard, .seats = 256, .log = guard_says };

	return guard_start(&options);
}

static int guard_end(void)
{
	struct guard_options options = { .path = own_guard, .log = guard_says };
	struct guard_status status;
	int err = guard_status(&options, &status);

	if (!err && (status.seats_used || (status.recursion_misses && !status.is_sure))) {
		fprintf(stderr, "torture: the guard has %u seats used and missed %llu events\n",
			status.seats_used, (unsigned long long)status.recursion_misses);
		err = -EBUSY;
	}
	return guard_stop(&options, true) ? -EBUSY : err;
}

#else

static int guard_begin(void)
{
	fprintf(stderr, "torture: built without the guard\n");
	return -ENOTSUP;
}

static int guard_end(void)
{
	return 0;
}

#endif

static uint64_t seed_of_run(const char *option)
{
	const char *text = option ? option : getenv("KREG_SEED");
	uint64_t seed = 0;

	if (text)
		return strtoull(text, NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)getpid();
	return seed >> 16;
}

static int mode_read(const char *mode, struct torture_plan *plan)
{
	if (!strcmp(mode, "guard"))
		plan->guard = own_guard;
	else if (!strcmp(mode, "fallback"))
		plan->guard = NULL;
	else
		return -1;
	return 0;
}

static int options_read(int argc, char **argv, struct torture_plan *plan)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "kills", required_argument, NULL, 'k' },
		{ "workers", required_argument, NULL, 'w' },
		{ "mode", required_argument, NULL, 'm' },
		{ "guard", required_argument, NULL, 'g' },
		{ "stop", no_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *seed = NULL;
	int option, err = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			plan->seconds = strtod(optarg, NULL);
			break;
		case 'k':
			plan->kills = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			plan->workers = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			err = mode_read(optarg, plan);
			break;
		case 'g':
			plan->guard = optarg;
			break;
		case 't':
			plan->stop = true;
			break;
		case 'r':
			seed = optarg;
			break;
		default:
			fputs(help, option == 'h' ? stdout : stderr);
			return option == 'h' ? 1 : -1;
		}
	}
	if (!plan->kills && !(plan->seconds > 0))
		plan->seconds = 10;
	plan->seed = seed_of_run(seed);
	if (plan->workers && plan->workers <= TORTURE_WORKERS_MAX && optind == argc && !err)
		return 0;
	fputs(help, stderr);
	return -1;
}

static void figures_print(const struct torture_figures *f)
{
	uint64_t calls = 0;
	int i;

	for (i = 1; i < TORTURE_CALLS; i++)
		calls += f->calls[i];
	printf("kills %llu (%.0f a minute), rounds %llu, calls %llu, entries checked %llu\n",
	       (unsigned long long)f->kills, (double)f->kills * 60 / f->seconds,
	       (unsigned long long)f->rounds, (unsigned long long)calls,
	       (unsigned long long)f->checks);
	printf("stops %llu, sections expelled %llu, reads repeated %llu, out of memory %llu, "
	       "events received %llu, odd ones %llu\n",
	       (unsigned long long)f->stops, (unsigned long long)f->expelled,
	       (unsigned long long)f->again, (unsigned long long)f->full,
	       (unsigned long long)f->events, (unsigned long long)f->odd);
	printf("execs %llu, begun %llu, in the middle of a call %llu, setuids %llu\n",
	       (unsigned long long)f->execs, (unsigned long long)f->execs_begun,
	       (unsigned long long)f->execs_inside, (unsigned long long)f->calls[CALL_SETUID]);
	printf("starts %llu, programs %llu, processes that outlived their starter %llu\n",
	       (unsigned long long)f->calls[CALL_START], (unsigned long long)f->started,
	       (unsigned long long)f->orphans);
	printf("killed inside:");
	for (i = 1; i < TORTURE_CALLS; i++)
		printf(" %s %llu", torture_call_names[i], (unsigned long long)f->killed_in[i]);
	printf(", outside %llu\n", (unsigned long long)f->killed_in[CALL_NONE]);
}

static int run_in(const char *directory, struct torture_plan *plan)
{
	char complaint[TORTURE_COMPLAINT];
	struct torture_figures figures;
	int faulty;

	/* Victims started by root become other users. */
	if (mkdir(directory, 0777) || chmod(directory, 01777)) {
		fprintf(stderr, "torture: %s: %s\n", directory, strerror(errno));
		return -1;
	}
	plan->directory = directory;
	printf("seed %llu, %u workers, %s%s\n", (unsigned long long)plan->seed, plan->workers,
	       plan->guard ? "guard at " : "fallback", plan->guard ? plan->guard : "");
	fflush(stdout);
	faulty = torture_run(plan, &figures, complaint);
	figures_print(&figures);
	printf("errors %d%s%s\n", faulty ? 1 : 0, faulty ? ": " : "", faulty ? complaint : "");
	if (!rmdir(directory))
		return faulty;
	fprintf(stderr, "torture: %s: %s\n", directory, strerror(errno));
	return -1;
}

/*
 * In a process of its own, because under the guard the end of the process returns its
 * seat.
 */
static int run_apart(const char *directory, struct torture_plan *plan)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		exit(run_in(directory, plan) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "torture: %s\n", strerror(errno));
		return -1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct torture_plan plan = { .workers = 8 };
	char directory[64];
	int faulty;

	torture_next(argc, argv);
	faulty = options_read(argc, argv, &plan);
	if (faulty)
		return faulty < 0 ? 2 : 0;
	snprintf(own_guard, sizeof(own_guard), "/sys/fs/bpf/kreg-torture-%d", getpid());
	snprintf(directory, sizeof(directory), "/dev/shm/kreg-torture-%d", getpid());
	if (plan.guard == own_guard && guard_begin() < 0)
		return 1;
	faulty = run_apart(directory, &plan);
	if (plan.guard == own_guard && guard_end())
		faulty = -1;
	return faulty ? 1 : 0;
}
