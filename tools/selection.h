/* SPDX-License-Identifier: MIT */
/*
 * Options that select entries, as a pattern.
 *
 * Used by   listing.c, cmd_ls.c, cmd_aliases.c, cmd_ps.c, cmd_count.c, cmd_watch.c.
 */
#ifndef TOOLS_SELECTION_H
#define TOOLS_SELECTION_H

#include "tools/client.h"
#include "tools/regtool.h"
#include "tools/who.h"

/* For a descriptor. */
#define SELECTION_OPTIONS                                                                          \
	{ "key", 'K', "KEY", "this key", false },                                                  \
		{ "prefix", 'p', "PREFIX", "keys that begin with PREFIX", false },                 \
		{ "glob", 'g', "GLOB", "keys that match GLOB, a shell pattern", false },           \
	{                                                                                          \
		"namespace", 'n', "NS", "keys of this namespace", false                            \
	}
#define SELECTION_SYNOPSIS "[--key KEY] [--prefix PREFIX] [--glob GLOB] [--namespace NS]"

/* Besides these. */
#define SELECTION_OWNER_OPTIONS                                                                    \
	{ "pid", 'P', "PID", "entries of this process", false },                                   \
		{ "value", 'v', "VALUE", "entries with this value", false },                       \
	{                                                                                          \
		"state", 's', "STATE", "entries of processes in this state, as \"stopped\"", false \
	}
#define SELECTION_OWNER_SYNOPSIS "[--pid PID] [--value VALUE] [--state STATE]"

/*
 * For a command that lists: names of namespaces that begin with a dot, as those of a bridge, are
 * left out unless they are asked for, as ls(1) leaves out files. What counts or watches has all.
 */
#define SELECTION_ALL_OPTION                                                                       \
	{                                                                                          \
		"all", 'a', NULL, "also names of namespaces that begin with a dot", true           \
	}

struct selection {
	struct kreg_pattern pattern;
	pid_t pid;             /* 0: any */
	int state;             /* enum who_state; < 0: any */
	bool dots;             /* --all */
	struct who_cache *who; /* has to be set where there is a state */
	char space[KREG_NAMESPACE_MAX + 2];
};

void selection_init(struct selection *selection);

/* Handles one of these options. @option: its letter. Return: enum regtool_status. */
int selection_option(const struct client *client, struct selection *selection, int option,
		     const char *argument);

/* What the keys begin with; an error if that was said already. Return: enum regtool_status. */
int selection_prefix(const struct client *client, struct selection *selection, const char *prefix);

/*
 * Whether a list leaves out an entry that is selected: its namespace begins with a dot, and neither
 * --all nor a key, prefix or glob that begins with one asks for it.
 */
bool selection_hides(const struct selection *selection, const struct kreg_entry *entry);

/* Whether any entry is selected. */
bool selection_is_all(const struct selection *selection);

#endif
