/* SPDX-License-Identifier: MIT */
/*
 * Measures kreg beside a floor and beside its peers, in one run and by turns: see README.md.
 * It uses the public headers only, like any user's program.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/contestant.h"
#include "tests/benchmark/tables.h"

static const struct table *const tables[] = {
	&table_lookup, &table_sizes,  &table_section, &table_write, &table_shared,
	&table_two,    &table_tail,   &table_owners,  &table_list,  &table_attach,
	&table_start,  &table_grow,   &table_memory,  &table_hole,  &table_sweep,
	&table_death,  &table_listen, &table_guard,   &table_ls,    &table_peers,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const char help[] =
	"Usage: benchmark [OPTION]... [TABLE]...\n"
	"Measures kreg beside a floor and beside its peers, by turns. Without a TABLE: all of "
	"them.\n"
	"  --keys N        lookups among N keys; may be repeated (default 1000, 100000, 1000000)\n"
	"  --key-size N    bytes of a key, 4 to 255 (default 32)\n"
	"  --value-size N  bytes of a value, 0 to 4096 (default 8)\n"
	"  --turns N       how often each has its turn, 1 to 101 (default 9)\n"
	"  --many N        entries of a large registry (default 1000000)\n"
	"  --owners N      of a registry with many (default 4000)\n"
	"  --guard PATH    under the guard that runs there; else in the fallback\n"
	"Tables:\n";

static int help_print(FILE *to)
{
	size_t i;

	fputs(help, to);
	for (i = 0; i < TABLES; i++)
		fprintf(to, "  %-14s  %s\n", tables[i]->name, tables[i]->title);
	return to == stderr ? 2 : 0;
}

static int number_read(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return errno || end == text || *end || *number < least || *number > most ? -EINVAL : 0;
}

static int option_read(struct bench_options *options, int option, const char *text)
{
	uint64_t number = 0;
	int err = 0;

	switch (option) {
	case 'k':
		err = number_read(text, 1, 100000000, &number);
		if (!err && options->counts_used == COUNTS_MAX)
			err = -EINVAL;
		if (!err)
			options->counts[options->counts_used++] = (uint32_t)number;
		break;
	case 's':
		err = number_read(text, 4, KREG_KEY_MAX, &number);
		options->key_size = number;
		break;
	case 'v':
		err = number_read(text, 0, VALUE_SIZE_MAX, &number);
		options->value_size = number;
		break;
	case 't':
		err = number_read(text, 1, TURNS_MAX, &number);
		options->turns = (int)number;
		break;
	case 'm':
		err = number_read(text, 1000, 100000000, &number);
		options->many = (uint32_t)number;
		break;
	case 'o':
		err = number_read(text, 10, 60000, &number);
		options->owners = (uint32_t)number;
		break;
	case 'g':
		options->registry.guard = text;
		break;
	default:
		err = -EINVAL;
	}
	return err;
}

static bool is_wanted(const struct table *table, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, table->name))
			return true;
	}
	return false;
}

static bool is_table(const char *name)
{
	size_t i;

	for (i = 0; i < TABLES; i++) {
		if (!strcmp(name, tables[i]->name))
			return true;
	}
	return false;
}

static void measure(const struct bench_options *options, char **names)
{
	size_t i;

	for (i = 0; i < TABLES; i++) {
		if (is_wanted(tables[i], names))
			tables[i]->run(options);
	}
}

static void folder_remove(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *file;

	while (folder && (file = readdir(folder)))
		unlinkat(dirfd(folder), file->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

static pid_t measuring;

static void measuring_end(int signal_number)
{
	(void)signal_number;
	kill(measuring, SIGKILL);
}

/*
 * A child measures, so that the folder, which takes memory, is removed however it ends. Its
 * own children end with it.
 */
static int measure_and_tidy(const struct bench_options *options, char **names)
{
	int status = 0;

	if (mkdir(options->registry.directory, 0700))
		die(options->registry.directory, -errno);
	measuring = fork();
	if (measuring < 0)
		die("fork", -errno);
	if (!measuring) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		measure(options, names);
		exit(0);
	}
	signal(SIGINT, measuring_end);
	signal(SIGTERM, measuring_end);
	while (waitpid(measuring, &status, 0) < 0 && errno == EINTR)
		;
	folder_remove(options->registry.directory);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "keys", required_argument, NULL, 'k' },
		{ "key-size", required_argument, NULL, 's' },
		{ "value-size", required_argument, NULL, 'v' },
		{ "turns", required_argument, NULL, 't' },
		{ "many", required_argument, NULL, 'm' },
		{ "owners", required_argument, NULL, 'o' },
		{ "guard", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct bench_options options = {
		.many = 1000000, .owners = 4000, .key_size = 32, .value_size = 8, .turns = 9
	};
	char directory[64];
	int option;
	size_t i;

	if (argc == 4 && !strcmp(argv[1], "--attach-once"))
		return attach_once(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "--read-once"))
		return read_once();
	snprintf(directory, sizeof(directory), "/dev/shm/kreg-benchmark-%d", getpid());
	KREG_OPTIONS(registry, .directory = directory, .guard = "none");
	options.registry = registry;
	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'h')
			return help_print(stdout);
		if (option_read(&options, option, optarg))
			return help_print(stderr);
	}
	for (i = (size_t)optind; i < (size_t)argc; i++) {
		if (!is_table(argv[i]))
			return help_print(stderr);
	}
	if (!options.counts_used) {
		static const uint32_t usual[] = { 1000, 100000, 1000000 };

		memcpy(options.counts, usual, sizeof(usual));
		options.counts_used = sizeof(usual) / sizeof(usual[0]);
	}
	return measure_and_tidy(&options, argv + optind);
}
