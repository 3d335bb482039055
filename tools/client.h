/* SPDX-License-Identifier: MIT */
/*
 * What the commands share as users of kreg: the registry they work on, options, arguments and
 * errors. Errors are one line on standard error, "regtool: what failed: why; what to do".
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kreg.h"
#include "tools/options.h"
#include "tools/out/output.h"

struct client {
	const struct command *command; /* NULL while the options before it are parsed */
	const char *registry;          /* as given by -r, or NULL */
	struct output_form form;
	char name[KREG_NAME_MAX + 16]; /* as the library takes it: NAME or UID:NAME */
	char sentence[2048];           /* the last one that the library logged, or empty */
	struct kreg_options options;
};

void client_init(struct client *client);

/*
 * Flushes standard output. Return: @status; REGTOOL_ERROR instead of REGTOOL_DONE if the
 * output could not be written.
 */
int client_end(int status);

/* Prints the usage of the command. Return: REGTOOL_USAGE. */
int client_usage(const struct client *client);

/* The same, after an error. */
int client_misuse(const struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A decimal number up to @max; K, M, G or T may follow. Return: 0 or -EINVAL. */
int client_number(const char *text, uint64_t max, uint64_t *out);

/*
 * The same, at least @min, with an error printed. @what: the name of the argument, for the error.
 * Return: enum regtool_status.
 */
int client_range(const struct client *client, const char *what, const char *text, uint64_t min,
		 uint64_t max, uint64_t *out);

/* Seconds up to @max, a fraction is allowed. Return: enum regtool_status. */
int client_seconds(const struct client *client, const char *what, const char *text, uint64_t max,
		   int64_t *ms);

/* Prints an error for an invalid key or namespace. Return: enum regtool_status. */
int client_check_key(const struct client *client, const char *key);
int client_check_namespace(const struct client *client, const char *space);

/* Sets client->name from @given; NULL: from the environment. Return: enum regtool_status. */
int client_name(struct client *client, const char *given);

/* Prints that the registry client->name does not exist. Return: REGTOOL_NOT_FOUND. */
int client_no_registry(const struct client *client);

/* Prints that @key has no owner, after @prefix, "" or "...: ". Return: REGTOOL_NOT_FOUND. */
int client_not_registered(const struct client *client, const char *prefix, const char *key);

/* Opens the registry that the user chose, with KREG_OPEN_* flags. Return: enum regtool_status. */
int client_open(struct client *client, uint32_t flags, struct kreg **out);

/*
 * The output of a command that lists, with the columns of its descriptor, of which the user may
 * have chosen some. Return: enum regtool_status, with an error printed.
 */
int client_list(struct client *client, struct output **out);

/* False only if the registry that the user chose does not exist; true if that is unknown. */
bool client_registry_exists(struct client *client);

/*
 * Prints why something failed: the library's last sentence; that the output could not be written, if
 * that is so or @err is -EPIPE; else "cannot @format: " and the library's text for @err.
 * Return: REGTOOL_ERROR.
 */
int client_fail(struct client *client, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
