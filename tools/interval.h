/* SPDX-License-Identifier: MIT */
/*
 * Options of commands that look again and again.
 *
 * Used by   cmd_owners.c, cmd_stat.c, cmd_top.c.
 */
#ifndef TOOLS_INTERVAL_H
#define TOOLS_INTERVAL_H

#include "tools/client.h"
#include "tools/regtool.h"
#include "tools/sample.h"

struct interval {
	uint64_t ms;    /* 0: look once */
	uint64_t count; /* how many looks; 0: until interrupted */
};

#define INTERVAL_OPTIONS                                                                           \
	{ "interval", 'i', "SECONDS", "again after SECONDS, with what has changed", false },       \
	{                                                                                          \
		"count", 'c', "N", "end after N of these", false                                   \
	}
#define INTERVAL_SYNOPSIS "[--interval SECONDS [--count N]]"

/* Handles one of these, or another that has these letters. Return: enum regtool_status. */
int interval_option(const struct client *client, struct interval *interval, int option,
		    const char *argument);

/* Their options and arguments, of a command that has no others. Return: enum regtool_status. */
int interval_parse(struct client *client, struct interval *interval, int argc, char **argv);

/*
 * Calls @show after each interval, with a sample and what has changed since the one before; once
 * and at once if there is no interval. It stops with what @show returns, if that is not 0.
 * Return: 0, or an error of a sample or of @show.
 */
int interval_run(struct kreg *k, const struct interval *interval,
		 int (*show)(const struct sample *sample, void *data), void *data);

#endif
