/* SPDX-License-Identifier: MIT */
/*
 * regtool: reads the options before the command and calls the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tools/client.h"
#include "tools/commands.h"

/* Runs a command that has use(). */
static int use_registry(struct client *client, int argc, char **argv)
{
	const struct command *command = client->command;
	struct kreg *k;
	int status;

	while (client_option(client, argc, argv) != -1)
		;
	status = client_arguments(client, argc, argv);
	if (!status)
		status = client_open(client, command->open, &k);
	if (status)
		return status;
	status = command->use(client, k, argv + optind);
	kreg_close(k);
	return status;
}

static int run_command(struct client *client, int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);

	if (!command)
		return REGTOOL_USAGE;
	client->command = command;
	optind = 0; /* glibc: getopt_long() starts over with another argv */
	return command->run ? command->run(client, argc, argv) : use_registry(client, argc, argv);
}

/* Lists the registry's names, or prints the help if there is no registry. */
static int run_no_command(struct client *client)
{
	char *argv[] = { (char *)"ls", NULL };

	if (client->registry || client_registry_exists(client))
		return run_command(client, 1, argv);
	commands_help();
	return REGTOOL_DONE;
}

/*
 * If stdin, stdout or stderr is closed, the next file to be opened would take its place, and
 * output would go into that file. O_PATH descriptors take their places: they can be neither
 * read nor written, and O_CLOEXEC leaves them closed for a program that regtool starts.
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
	/* The others change nothing here, and each is a search for files. */
	setlocale(LC_CTYPE, "");
	client_init(&client);
	while (client_option(&client, argc, argv) != -1)
		;
	if (optind == argc)
		status = run_no_command(&client);
	else
		status = run_command(&client, argc - optind, argv + optind);
	return client_end(status);
}
