/* SPDX-License-Identifier: MIT */
/*
 * regtool: picks the subcommand; knows nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tools/client.h"
#include "tools/regtool.h"

static const struct command *const commands[] = {
	&cmd_ls,     &cmd_get,    &cmd_lookup, &cmd_keys,   &cmd_select,  &cmd_count, &cmd_watch,
	&cmd_wait,   &cmd_signal, &cmd_run,    &cmd_meta,   &cmd_ps,      &cmd_up,    &cmd_down,
	&cmd_owners, &cmd_stat,   &cmd_check,  &cmd_create, &cmd_destroy, &cmd_sweep, &cmd_guard,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(FILE *to)
{
	size_t i;

	fprintf(to, "usage: regtool [-r NAME] [--json] [COMMAND]\n\n");
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\n"
		    "  -r, --registry NAME  the registry: NAME, UID:NAME or USER:NAME\n"
		    "                       ($KREG_REGISTRY; else \"default\")\n"
		    "      --json           print JSON\n"
		    "  -h, --help           of a command: regtool COMMAND --help\n"
		    "  -V, --version\n"
		    "\n"
		    "Without a COMMAND: ls.\n");
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int run_command(struct client *client, int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);

	if (!command) {
		fprintf(stderr, "regtool: there is no command \"%s\"; see `regtool --help`\n",
			argv[0]);
		return REGTOOL_USAGE;
	}
	client->command = command;
	optind = 0; /* getopt begins anew */
	return command->run(client, argc, argv);
}

/* No command is the most useful view: what is in the registry, or how to begin. */
static int run_no_command(struct client *client)
{
	char *argv[] = { (char *)"ls", NULL };

	if (client->registry || client_registry_exists(client))
		return run_command(client, 1, argv);
	help(stdout);
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "registry", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+r:hV", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			client->registry = optarg;
			break;
		case 'j':
			client->json = true;
			break;
		case 'h':
			help(stdout);
			return REGTOOL_DONE;
		case 'V':
			printf("regtool %s\n", kreg_version());
			return REGTOOL_DONE;
		default:
			fprintf(stderr, "regtool: see `regtool --help`\n");
			return REGTOOL_USAGE;
		}
	}
	if (optind == argc)
		return run_no_command(client);
	return run_command(client, argc - optind, argv + optind);
}

/*
 * Where stdin, stdout or stderr is closed, what we open would be it. These can neither be read nor written, and a
 * program that is started finds the three as we did.
 */
static void plug_closed(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= STDIN_FILENO && fd <= STDERR_FILENO);
	close(fd);
}

int main(int argc, char **argv)
{
	struct client client;
	int status;

	plug_closed();
	setlocale(LC_ALL, "");
	argv[0] = (char *)"regtool";
	client_init(&client);
	status = run(&client, argc, argv);
	if ((fflush(stdout) || ferror(stdout)) && status == REGTOOL_DONE) {
		fprintf(stderr, "regtool: cannot write the output: %s\n", strerror(errno));
		status = REGTOOL_ERROR;
	}
	return status;
}
