/* SPDX-License-Identifier: MIT */
/*
 * The torture as a program: see README.md.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/engine.h"

static const char help[] =
	"Usage: torture [options]\n"
	"Processes use a registry while they are killed at random.\n"
	"  --seconds N    for so long (default 10, unless --kills is given)\n"
	"  --kills N      so many kills\n"
	"  --workers N    so many at once (default 8)\n"
	"  --guard PATH   under the guard that runs there, instead of in the fallback\n"
	"  --stop         stop some at random, too\n"
	"  --seed N       as an earlier run (default: $KREG_SEED, else random)\n";

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

static int options_read(int argc, char **argv, struct torture_plan *plan)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "kills", required_argument, NULL, 'k' },
		{ "workers", required_argument, NULL, 'w' },
		{ "guard", required_argument, NULL, 'g' },
		{ "stop", no_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *seed = NULL;
	int option;

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
	if (plan->workers && plan->workers <= TORTURE_WORKERS_MAX && optind == argc)
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
	printf("stops %llu, sections expelled %llu, reads repeated %llu, out of memory %llu\n",
	       (unsigned long long)f->stops, (unsigned long long)f->expelled,
	       (unsigned long long)f->again, (unsigned long long)f->full);
	printf("killed inside:");
	for (i = 1; i < TORTURE_CALLS; i++)
		printf(" %s %llu", torture_call_names[i], (unsigned long long)f->killed_in[i]);
	printf(", outside %llu\n", (unsigned long long)f->killed_in[CALL_NONE]);
}

int main(int argc, char **argv)
{
	struct torture_plan plan = { .workers = 8 };
	char complaint[TORTURE_COMPLAINT], directory[64];
	struct torture_figures figures;
	int faulty = options_read(argc, argv, &plan);

	if (faulty)
		return faulty < 0 ? 2 : 0;
	snprintf(directory, sizeof(directory), "/dev/shm/kreg-torture-%d", getpid());
	if (mkdir(directory, 0700)) {
		fprintf(stderr, "torture: %s: %s\n", directory, strerror(errno));
		return 1;
	}
	plan.directory = directory;
	printf("seed %llu, %u workers, %s%s\n", (unsigned long long)plan.seed, plan.workers,
	       plan.guard ? "guard at " : "fallback", plan.guard ? plan.guard : "");
	fflush(stdout);
	faulty = torture_run(&plan, &figures, complaint);
	figures_print(&figures);
	printf("errors %d%s%s\n", faulty ? 1 : 0, faulty ? ": " : "", faulty ? complaint : "");
	if (rmdir(directory)) {
		fprintf(stderr, "torture: %s: %s\n", directory, strerror(errno));
		return 1;
	}
	return faulty ? 1 : 0;
}
