/* SPDX-License-Identifier: MIT */
/*
 * The stepper as a program: see README.md.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#ifdef HAVE_GUARD
#include "bpf/guard.h"
#endif
#include "tests/step/series.h"
#include "tests/support/tmp.h"

static const char help[] =
	"Usage: step [options]\n"
	"Each call that writes, and what is left if its process is killed, stopped or calls exec "
	"inside.\n"
	"  --op NAME        this operation alone\n"
	"  --mode MODE      guard, under one of its own, which takes root; or fallback\n"
	"  --with COMPANY   alone, or watched: by a waiter for each thing and by a listener\n"
	"  --what WHAT      kill, stop or exec\n"
	"  --at POINT       this point alone, as a failure says it\n"
	"  --points N       so many points that matter, for each line; default: all of them\n"
	"  --others N       so many of all other points, for each line (default 40)\n"
	"  --failures N     after so many a line is left (default 5)\n"
	"  --seed N         of the samples\n";

struct options {
	const char *operation, *mode, *company, *what;
	struct series series;
};

static char guard_path[64];
static int failures_of_all, points_of_all, worst_of_all;

#ifdef HAVE_GUARD

static void guard_says(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "step: %s\n", sentence);
}

static bool guard_begin(void)
{
	struct guard_options options = { .path = guard_path, .seats = 512, .log = guard_says };

	return !guard_start(&options);
}

static void guard_end(void)
{
	struct guard_options options = { .path = guard_path };

	guard_stop(&options, true);
}

#else

static bool guard_begin(void)
{
	return false;
}

static void guard_end(void)
{
}

#endif

static bool is_wanted(const char *wanted, const char *name)
{
	return !wanted || !strcmp(wanted, name);
}

/* The function at the address, where addr2line is available. */
static void name_address(uint64_t address, char *out, size_t size)
{
	char command[600], own[256] = "";
	Dl_info object, self;
	bool is_own;
	FILE *pipe;

	out[0] = 0;
	if (!dladdr((void *)(uintptr_t)address, &object) ||
	    !dladdr((void *)(uintptr_t)name_address, &self) ||
	    readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return;
	is_own = object.dli_fbase == self.dli_fbase;
	snprintf(command, sizeof(command), "addr2line -fpse %.255s %#llx 2>/dev/null",
		 is_own ? own : object.dli_fname,
		 (unsigned long long)(address - (uintptr_t)object.dli_fbase));
	pipe = popen(command, "r");
	if (!pipe)
		return;
	while (!fgets(out, (int)size, pipe) && ferror(pipe) && errno == EINTR)
		clearerr(pipe);
	out[strcspn(out, "\n")] = 0;
	pclose(pipe);
}

static void line(const struct series *series, const char *mode, int what,
		 const struct figures *figures)
{
	const char *company = series->watched ? "watched" : "alone";
	char where[200];

	printf("%-20s %-8s %-7s %-4s %6u points %4u failures %6d ms at most",
	       series->operation->name, mode, company, befalls_names[what], figures->points,
	       figures->failures, figures->worst_ms);
	if (figures->missed)
		printf("  (%u not come by)", figures->missed);
	if (figures->left_out)
		printf("  (%u left out)", figures->left_out);
	printf("\n");
	if (figures->failures)
		name_address(figures->first.address, where, sizeof(where));
	if (figures->failures)
		printf("  %s\n  in %s\n  step --op %s --mode %s --with %s --what %s --at "
		       "%#llx/%u\n",
		       figures->complaint, where, series->operation->name, mode, company,
		       befalls_names[what], (unsigned long long)figures->first.address,
		       figures->first.times);
	fflush(stdout);
	failures_of_all += (int)figures->failures;
	points_of_all += (int)figures->points;
	if (figures->worst_ms > worst_of_all)
		worst_of_all = figures->worst_ms;
}

static void run_one(struct options *options, const struct operation *operation, const char *mode,
		    bool watched)
{
	struct series *series = &options->series;
	struct figures figures[BEFALLS];
	int what;

	series->operation = operation;
	series->watched = watched;
	for (what = 0; what < BEFALLS; what++)
		series->what[what] = is_wanted(options->what, befalls_names[what]);
	if (series_run(series, figures)) {
		printf("%-20s %-8s %-7s cannot be run: %s\n", operation->name, mode,
		       watched ? "watched" : "alone", figures[0].complaint);
		fflush(stdout);
		failures_of_all++;
		return;
	}
	for (what = 0; what < BEFALLS; what++) {
		if (series->what[what])
			line(series, mode, what, &figures[what]);
	}
}

static void stop(int signal)
{
	(void)signal;
	series_stops = 1;
}

static void run_mode(struct options *options, const char *mode, bool has_guard)
{
	bool guarded = !strcmp(mode, "guard");
	struct series *series = &options->series;
	uint32_t i;

	series->at = (struct place_of_registry){ .directory = tmp_directory(),
						 .guard = guarded ? guard_path : "none",
						 .name = "step" };
	series->other_life = guarded ? "none" : has_guard ? guard_path : NULL;
	for (i = 0; i < operations_count && !series_stops; i++) {
		const struct operation *operation = &operations[i];

		if (!is_wanted(options->operation, operation->name) ||
		    ((operation->flags & OPERATION_TAKES_OVER) && !series->other_life))
			continue;
		if (is_wanted(options->company, "alone"))
			run_one(options, operation, mode, false);
		if (is_wanted(options->company, "watched") && !(operation->flags & OPERATION_APART))
			run_one(options, operation, mode, true);
	}
}

static int options_read(int argc, char **argv, struct options *out)
{
	static const struct option options[] = {
		{ "op", required_argument, NULL, 'o' },
		{ "mode", required_argument, NULL, 'm' },
		{ "with", required_argument, NULL, 'c' },
		{ "what", required_argument, NULL, 'w' },
		{ "at", required_argument, NULL, 'a' },
		{ "points", required_argument, NULL, 'p' },
		{ "others", required_argument, NULL, 'n' },
		{ "failures", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct series *series = &out->series;
	char *end;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'o':
			out->operation = optarg;
			break;
		case 'm':
			out->mode = optarg;
			break;
		case 'c':
			out->company = optarg;
			break;
		case 'w':
			out->what = optarg;
			break;
		case 'a':
			series->only.address = strtoull(optarg, &end, 0);
			series->only.times = *end ? (uint32_t)strtoul(end + 1, NULL, 0) : 1;
			break;
		case 'p':
			series->points_max = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'n':
			series->others = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'f':
			series->failures_max = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 's':
			series->seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fputs(help, option == 'h' ? stdout : stderr);
			return option == 'h' ? 1 : -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/* So that the addresses in a failure's message are the same in the next run. */
static void fix_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now < 0 || (now & ADDR_NO_RANDOMIZE) ||
	    personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0)
		return;
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	struct options options = { .series = { .others = 40, .failures_max = 5, .seed = 1 } };
	bool has_guard;
	int err;

	point_image(argc, argv);
	err = options_read(argc, argv, &options);
	if (err)
		return err < 0 ? 2 : 0;
	fix_addresses(argv);
	snprintf(guard_path, sizeof(guard_path), "/sys/fs/bpf/kreg-step-%d", getpid());
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	has_guard = guard_begin();
	tracer_timer();
	if (is_wanted(options.mode, "fallback"))
		run_mode(&options, "fallback", has_guard);
	if (is_wanted(options.mode, "guard") && has_guard)
		run_mode(&options, "guard", has_guard);
	if (has_guard)
		guard_end();
	printf("%d points, %d failures, %d ms at most\n", points_of_all, failures_of_all,
	       worst_of_all);
	return failures_of_all ? 1 : 0;
}
