/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of a command of regtool. The table of commands, option parsing, arguments, --help
 * and the completion all follow from it, so that a command is added by adding a file.
 */
#ifndef TOOLS_REGTOOL_H
#define TOOLS_REGTOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/out/output.h"

struct client;
struct kreg;

/* Exit status. */
enum regtool_status {
	REGTOOL_DONE = 0,
	REGTOOL_NOT_FOUND = 1,
	REGTOOL_UNSOUND = 1,
	REGTOOL_USAGE = 2,
	REGTOOL_TAKEN = 3,
	REGTOOL_ERROR = 4,
	REGTOOL_WARNED = 5,
};

/* The sections of the help and of the man page. The help prints them in this order. */
enum command_group {
	COMMAND_READS,
	COMMAND_WAITS,
	COMMAND_CHANGES,
	COMMAND_GUARD,
	COMMAND_HELP,
	COMMAND_ALIASES, /* earlier words for what another command does: the help leaves them out */
	COMMAND_GROUPS,
};

struct command_option {
	const char *name;     /* without "--" */
	int letter;           /* what client_option() returns for it; not r, j, h or V */
	const char *argument; /* its name in the help, or NULL if the option takes none */
	const char *help;     /* further lines after '\n' */
	bool is_short;        /* its letter is an option, too */
};

struct command_example {
	const char *line;
	const char *says;
};

/* A command has either run() or use(). */
struct command {
	const char *name;
	enum command_group group;
	/*
	 * Without "regtool". The completion parses it: an option is followed by its argument, a
	 * word in lower case is offered as it is, and KEY, PREFIX, PID, FILE, FOLDER, GROUP, SIGNAL,
	 * VERB, STATE, CLUSTER and COLUMN are completed with what exists.
	 */
	const char *synopsis;
	const char *summary;
	/* Those of its own; ends with one without a name; NULL: none. */
	const struct command_option *options;
	const struct command_example *examples; /* the same */

	/*
	 * A command that lists: its columns, and the list's name in JSON. It takes the options of
	 * lists, LIST_SYNOPSIS, which client_list() reads.
	 */
	const struct output_column *columns;
	int column_count;
	const char *list;

	/* How many arguments it takes, and their names, apart by spaces. @least and @most are 0 in
	 * a command that counts them by itself. */
	const char *arguments;
	int least, most;

	/* Parses the options and opens what it needs. Return: enum regtool_status. */
	int (*run)(struct client *client, int argc, char **argv);

	/*
	 * For a command without options of its own: called with its @arguments (NULL follows the
	 * last), and with the registry opened with @open, which has KREG_OPEN_* flags.
	 * Return: enum regtool_status.
	 */
	int (*use)(struct client *client, struct kreg *k, char **arguments);
	uint32_t open;
};

#define LIST_SYNOPSIS "[--output COLUMNS] [--sort COLUMN] [--no-header] [--json]"

/*
 * Defines a descriptor: COMMAND(hello) = { .name = "hello", ... };
 *
 * The linker collects pointers to all descriptors in the section regtool_commands, which
 * commands.c reads. A table in a source file would have to be edited for each command.
 * Nothing refers to the pointer by name: without `used` the compiler would drop it.
 */
#define COMMAND(id)                                                                                \
	static const struct command command_##id;                                                  \
	static const struct command *const pointer_to_##id                                         \
		__attribute__((used, section("regtool_commands"))) = &command_##id;                \
	static const struct command command_##id

#endif
