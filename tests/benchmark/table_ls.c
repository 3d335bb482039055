/* SPDX-License-Identifier: MIT */
/*
 * The table of `regtool ls`: many names of many owners, beside a program that reads them and keeps
 * a copy of each key and value.
 *
 * Each time it is a new program, whose CPU time counts, its start and the kernel's part included;
 * the reader of the pipe is not. The program that reads is this one again. Reading waits for
 * memory, so that a ratio depends on what else uses the cache; instructions are exact, and are
 * counted where valgrind is installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define OWNERS 100u
#define EACH 1600u
#define ARGUMENTS_MAX 5
#define CHUNK 1048576u

struct listed {
	char self[256], regtool[256], out[256];
};

/* Names of namespaces of ten services each. */
static void services_fill(struct kreg *k, uint32_t first, uint32_t entries)
{
	char key[64];
	uint32_t i;
	int err = 0;

	for (i = 0; i < entries && !err; i++) {
		snprintf(key, sizeof(key), "space-%u/role-%u", (first + i) / 10, i % 10);
		err = kreg_register(k, key, KREG_STRING, "8 bytes.", 8, NULL);
	}
	if (err)
		die("kreg_register", err);
}

/* ---- the program that reads */

struct copies {
	char *at;
	size_t left;
	uint32_t count;
};

static void copy(struct copies *copies, const void *bytes, size_t size)
{
	if (copies->left < size) {
		copies->at = malloc(CHUNK);
		if (!copies->at)
			die("memory", -ENOMEM);
		copies->left = CHUNK;
	}
	memcpy(copies->at, bytes, size);
	copies->at += size;
	copies->left -= size;
}

static int entry_copy(const struct kreg_entry *entry, void *data)
{
	struct copies *copies = data;

	copy(copies, entry->key, entry->key_size);
	copy(copies, entry->value, entry->value_size);
	copies->count++;
	return 0;
}

int read_once(void)
{
	KREG_OPTIONS(how, .flags = KREG_OPEN_READONLY);
	KREG_PATTERN(all);
	struct copies copies = { 0 };
	struct kreg *k;
	int err = kreg_open(&k, REGISTRY, &how);

	if (err)
		die("kreg_open", err);
	err = kreg_select(k, &all, entry_copy, &copies);
	if (err || copies.count != OWNERS * EACH)
		die("kreg_select", err);
	kreg_close(k);
	return 0;
}

/* ---- programs and their time */

static void drain(int from)
{
	static char bytes[65536];

	while (read(from, bytes, sizeof(bytes)) > 0)
		;
}

static double time_of(const struct rusage *usage)
{
	return ((double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec) * 1e3 +
	       ((double)usage->ru_utime.tv_usec + (double)usage->ru_stime.tv_usec) / 1e3;
}

/* The CPU time of a program whose output goes to @to; @from is the other end of a pipe, or -1. */
static double program_run(const char *const *argv, int to, int from)
{
	struct rusage usage;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork", -errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(to, STDOUT_FILENO) == STDOUT_FILENO)
			execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to);
	if (from >= 0)
		drain(from);
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	if (status)
		die(argv[0], -ECHILD);
	return time_of(&usage);
}

static double to_file(const struct listed *listed, const char *const *argv)
{
	int to = open(listed->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (to < 0)
		die(listed->out, -errno);
	return program_run(argv, to, -1);
}

static double to_pipe(const char *const *argv)
{
	double ms;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		die("pipe", -errno);
	ms = program_run(argv, ends[1], ends[0]);
	close(ends[0]);
	return ms;
}

static double reading(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->self, "--read-once", NULL };

	return to_file(listed, argv);
}

static double table_to_file(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "ls", NULL };

	return to_file(listed, argv);
}

static double table_to_pipe(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "ls", NULL };

	return to_pipe(argv);
}

static double json_to_file(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "--json", "ls", NULL };

	return to_file(listed, argv);
}

static double json_to_pipe(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "--json", "ls", NULL };

	return to_pipe(argv);
}

static double keys_to_file(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "ls", "--output", "key", NULL };

	return to_file(listed, argv);
}

static double quiet(void *state)
{
	const struct listed *listed = state;
	const char *const argv[] = { listed->regtool, "ls", "--quiet", NULL };

	return to_file(listed, argv);
}

/* The regtool of the same build: BUILD/regtool, or BUILD/.libs/regtool as libtool has it. */
static void programs_find(struct listed *listed)
{
	static const char here[] = "/tests/benchmark/";
	ssize_t length = readlink("/proc/self/exe", listed->self, sizeof(listed->self) - 1);
	char *folder;

	if (length < 0)
		die("/proc/self/exe", -errno);
	listed->self[length] = 0;
	folder = strstr(listed->self, here);
	if (!folder)
		die(listed->self, -ENOENT);
	snprintf(listed->regtool, sizeof(listed->regtool), "%.*s%sregtool",
		 (int)(folder - listed->self), listed->self,
		 strstr(folder, "/.libs/") ? "/.libs/" : "/");
}

/* ---- instructions */

/* Return: for each name; 0: there is no valgrind. */
static double instructions_of(const char *program, const char *arguments)
{
	char command[800], line[256];
	double count = 0;
	FILE *log;

	snprintf(command, sizeof(command),
		 "valgrind --tool=callgrind --callgrind-out-file=/dev/null '%s' %s "
		 "2>&1 >/dev/null",
		 program, arguments);
	log = popen(command, "r");
	if (!log)
		die(command, -errno);
	while (fgets(line, sizeof(line), log)) {
		if (strstr(line, "Collected : "))
			count = strtod(strstr(line, " : ") + 3, NULL);
	}
	pclose(log);
	return count / (OWNERS * EACH);
}

static void instructions_print(const struct listed *listed)
{
	static const char *const of[][2] = { { "regtool ls", "ls" },
					     { "regtool ls --output key", "ls --output key" },
					     { "regtool --json ls", "--json ls" } };
	double reading = instructions_of(listed->self, "--read-once"), count, ratio;
	size_t i;

	if (!reading) {
		printf("  instructions are left out: valgrind is not installed\n");
		return;
	}
	row_single("instructions for each name: reading", reading, "", NULL);
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		count = instructions_of(listed->regtool, of[i][1]);
		ratio = count / reading;
		row_print(of[i][0], &count, "", &ratio, 1, NULL);
	}
}

static void ls_run(const struct bench_options *options)
{
	static const struct way ways[] = {
		{ "a program that reads and copies them", reading },
		{ "regtool ls, to a file", table_to_file, "<= 1.5" },
		{ "regtool ls, to a pipe", table_to_pipe, "<= 1.5" },
		{ "regtool ls --output key, to a file", keys_to_file },
		{ "regtool --json ls, to a file", json_to_file },
		{ "regtool --json ls, to a pipe", json_to_pipe },
		{ "regtool ls --quiet", quiet },
	};
	struct holders *holders = holders_start(options, REGISTRY, OWNERS, EACH, services_fill);
	struct listed listed;
	char title[80];

	programs_find(&listed);
	snprintf(listed.out, sizeof(listed.out), "%s/out", options->registry.directory);
	setenv("KREG_DIR", options->registry.directory, 1);
	setenv("KREG_GUARD", options->registry.guard, 1);
	setenv("KREG_REGISTRY", REGISTRY, 1);
	snprintf(title, sizeof(title), "regtool ls: %u names of %u owners", OWNERS * EACH, OWNERS);
	title_print(options, title);
	row_heading("reading");
	ways_compare(options, ways, sizeof(ways) / sizeof(ways[0]), "ms", &listed);
	instructions_print(&listed);
	unlink(listed.out);
	holders_end(holders);
	registry_destroy(options, REGISTRY);
}

const struct table table_ls = { "ls", "regtool ls of many names beside a program that reads them",
				ls_run };
