/* SPDX-License-Identifier: MIT */
/*
 * What the commands share as users of kreg: the registry that is meant, options, errors.
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kreg.h"

struct command;

struct client {
	const struct command *command; /* NULL: the options before it are being read */
	const char *registry;          /* as given by -r, or NULL */
	bool json;
	char name[KREG_NAME_MAX + 16]; /* as the library wants it: NAME or UID:NAME */
	char sentence[2048];           /* the library's last one; or empty */
	struct kreg_options options;
};

void client_init(struct client *client);

/*
 * The next option: the letter of one that the command's descriptor has, with getopt's optarg, or -1 at the end. Handles
 * those that all commands share, and exits at --help, --version and an option that does not exist.
 */
int client_option(struct client *client, int argc, char **argv);

/* Writes out what is printed. Return: @status; REGTOOL_ERROR if that was REGTOOL_DONE and the output is lost. */
int client_end(int status);

/* Says how the command is used. Return: REGTOOL_USAGE. */
int client_usage(const struct client *client);

/* The same, after a sentence. */
int client_misuse(const struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A decimal number up to @max; K, M, G or T may follow. Return: 0 or -EINVAL. */
int client_number(const char *text, uint64_t max, uint64_t *out);

/* Such a number from @min on. @what: the argument, as in an error. Return: enum regtool_status. */
int client_range(const struct client *client, const char *what, const char *text, uint64_t min,
		 uint64_t max, uint64_t *out);

/* Seconds, with a fraction or without, at most @max. Return: enum regtool_status. */
int client_seconds(const struct client *client, const char *what, const char *text, uint64_t max,
		   int64_t *ms);

/* Of what cannot be a key, or a namespace, says what can. Return: enum regtool_status. */
int client_check_key(const struct client *client, const char *key);
int client_check_namespace(const struct client *client, const char *space);

/* Sets @name from @given, or from the environment if it is NULL. Return: enum regtool_status. */
int client_name(struct client *client, const char *given);

/* Says that the registry that is meant does not exist. Return: REGTOOL_NOT_FOUND. */
int client_no_registry(const struct client *client);

/* Says that @key has no owner. @prefix: in front of it, "" or "...: ". Return: REGTOOL_NOT_FOUND. */
int client_not_registered(const struct client *client, const char *prefix, const char *key);

/* Opens the registry that is meant, with KREG_OPEN_* flags. Return: enum regtool_status. */
int client_open(struct client *client, uint32_t flags, struct kreg **out);

/* False if the registry that is meant does not exist for sure. */
bool client_registry_exists(struct client *client);

/*
 * Says why something failed: the library's sentence, else its words for @err.
 * @format: what was tried, to follow "cannot".
 * Return: REGTOOL_ERROR.
 */
int client_fail(struct client *client, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
