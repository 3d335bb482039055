/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of a command of regtool. The table of commands, option parsing, --help and the
 * completion all follow from it, so that a command is added by adding a file.
 */
#ifndef TOOLS_REGTOOL_H
#define TOOLS_REGTOOL_H

#include <stdint.h>

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
};

/* The sections of the help and of the man page. The help prints them in this order. */
enum command_group {
	COMMAND_READS,
	COMMAND_WAITS,
	COMMAND_CHANGES,
	COMMAND_GUARD,
	COMMAND_GROUPS,
};

struct command_option {
	const char *name;     /* without "--" */
	int letter;           /* what client_option() returns for it; not r, j, h or V */
	const char *argument; /* its name in the help, or NULL if the option takes none */
	const char *help;     /* further lines after '\n' */
};

/* A command has either run() or use(). */
struct command {
	const char *name;
	enum command_group group;
	/*
	 * Without "regtool". The completion parses it: an option is followed by its argument, a
	 * word in lower case is offered as it is, and KEY, PREFIX, PID, FILE, FOLDER, GROUP and
	 * SIGNAL are completed with what exists.
	 */
	const char *synopsis;
	const char *summary;
	const struct command_option
		*options; /* ends with one without a name; NULL: none of its own */

	/* Parses the options and opens what it needs. Return: enum regtool_status. */
	int (*run)(struct client *client, int argc, char **argv);

	/*
	 * For a command without options of its own, which takes from @least to @most @arguments
	 * (NULL follows the last): called with the registry opened with @open, which has
	 * KREG_OPEN_* flags. Return: enum regtool_status.
	 */
	int (*use)(struct client *client, struct kreg *k, char **arguments);
	int least, most;
	uint32_t open;
};

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
