/* SPDX-License-Identifier: MIT */
/*
 * What the commands of regtool are.
 */
#ifndef TOOLS_REGTOOL_H
#define TOOLS_REGTOOL_H

struct client;

/* Exit status. */
enum regtool_status {
	REGTOOL_DONE = 0,
	REGTOOL_NOT_FOUND = 1,
	REGTOOL_UNSOUND = 1,
	REGTOOL_USAGE = 2,
	REGTOOL_TAKEN = 3,
	REGTOOL_ERROR = 4,
};

struct command {
	const char *name;
	const char *synopsis; /* without "regtool" */
	const char *summary;
	const char *options; /* one a line, for --help; or NULL */
	int (*run)(struct client *client, int argc, char **argv); /* enum regtool_status */
};

extern const struct command cmd_check;
extern const struct command cmd_create;
extern const struct command cmd_destroy;
extern const struct command cmd_down;
extern const struct command cmd_get;
extern const struct command cmd_guard;
extern const struct command cmd_count;
extern const struct command cmd_keys;
extern const struct command cmd_lookup;
extern const struct command cmd_ls;
extern const struct command cmd_meta;
extern const struct command cmd_owners;
extern const struct command cmd_ps;
extern const struct command cmd_run;
extern const struct command cmd_select;
extern const struct command cmd_signal;
extern const struct command cmd_stat;
extern const struct command cmd_sweep;
extern const struct command cmd_up;
extern const struct command cmd_wait;
extern const struct command cmd_watch;

#endif
