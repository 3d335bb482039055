/* SPDX-License-Identifier: MIT */
/*
 * The table of starts: kreg_start() beside posix_spawn(), both until the program runs, from
 * a small process and from one that owns a large registry.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define AGAIN 5 /* starts in one turn */

static const char *const argv[] = { "/bin/sleep", "60", NULL };

static void ended(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static double spawned(void *state)
{
	double sum = 0, start;
	pid_t pid;
	int i, err;

	(void)state;
	for (i = 0; i < AGAIN; i++) {
		start = now_ns();
		err = posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
		sum += now_ns() - start;
		if (err)
			die("posix_spawn", -err);
		ended(pid);
	}
	return sum / AGAIN / 1000;
}

static double started(void *state)
{
	double sum = 0, start;
	int i, err;

	for (i = 0; i < AGAIN; i++) {
		KREG_START(how, .argv = argv);
		struct kreg_started what = { .size = sizeof(what) };

		start = now_ns();
		err = kreg_start(state, "started", KREG_STRING, &how, &what);
		sum += now_ns() - start;
		if (err)
			die("kreg_start", err);
		ended(what.child);
	}
	return sum / AGAIN / 1000;
}

static const struct bench_options *options_of_child;

static double compare(void *state)
{
	const uint32_t *entries = state;
	char names[2][64];
	struct way ways[] = {
		{ names[0], spawned },
		{ names[1], started, *entries ? "<= 1.5" : "<= 1.3" },
	};
	struct kreg *k = registry_open(options_of_child, REGISTRY);
	uint32_t i;

	for (i = 0; i < *entries; i++)
		numbered_register(k, i);
	snprintf(names[0], sizeof(names[0]), "posix_spawn, owner of %u entries", *entries);
	snprintf(names[1], sizeof(names[1]), "kreg_start, owner of %u entries", *entries);
	ways_compare(options_of_child, ways, 2, "us", k);
	kreg_close(k);
	return 0;
}

static void start_run(const struct bench_options *options)
{
	uint32_t sizes[] = { 0, options->many };
	int i;

	options_of_child = options;
	title_print(options, "Starting a program, until it runs");
	row_heading("posix_spawn");
	/* In a child, so that what other tables left in this process's memory does not count. */
	for (i = 0; i < 2; i++) {
		in_child(compare, &sizes[i]);
		registry_destroy(options, REGISTRY);
	}
}

const struct table table_start = { "start", "kreg_start beside posix_spawn", start_run };
