/* SPDX-License-Identifier: MIT */
/*
 * regtool run: a program that was not written for kreg, under a name.
 *
 * Under the guard regtool becomes the program, and the name stays, because the process does. In
 * the fallback exec ends a life, so there regtool stays the program's parent, and holds the name.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/foster.h"
#include "tools/output.h"
#include "tools/regtool.h"

static int fail_to_exec(const char *program, int err)
{
	fprintf(stderr, "regtool: cannot run \"%s\": %s; COMMAND is a path, or a name in $PATH\n",
		program, strerror(-err));
	return REGTOOL_ERROR;
}

static int register_key(struct client *client, struct kreg *k, const char *key, const char *value)
{
	struct kreg_owner holder = { 0 };
	int err = kreg_register(k, key, KREG_STRING, value, strlen(value), &holder);

	if (!err)
		return REGTOOL_DONE;
	if (err != -EEXIST)
		return client_fail(client, err, "register \"%s\"", key);
	fputs("regtool: \"", stderr);
	output_text(stderr, key, strlen(key));
	fprintf(stderr, "\" is held by pid %d\n", holder.pid);
	return REGTOOL_TAKEN;
}

/* The handle stays open: to close it would give the name up. Return: only if it failed. */
static int become(struct kreg *k, char **command)
{
	execvp(command[0], command);
	fail_to_exec(command[0], -errno);
	kreg_close(k);
	return REGTOOL_ERROR;
}

static int stay(struct client *client, struct kreg *k, char **command)
{
	struct foster foster;
	int err, end;

	err = foster_start(&foster, command);
	if (err) {
		kreg_close(k);
		if (foster.exec_failed)
			return fail_to_exec(command[0], err);
		return client_fail(client, err, "start \"%s\"", command[0]);
	}
	end = foster_wait(&foster);
	kreg_close(k);
	return foster_end_alike(end);
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "value", required_argument, NULL, 'v' },
		{ 0 },
	};
	struct kreg_stat stat = { .size = sizeof(stat) };
	const char *value = "";
	struct kreg *k;
	int status, err;

	while (client_option(client, argc, argv, options) != -1)
		value = optarg;
	if (argc - optind < 2)
		return client_usage(client);
	status = client_open(client, 0, &k);
	if (status)
		return status;
	err = kreg_stat(k, &stat);
	if (!err && setenv("KREG_REGISTRY", client->name, 1) != 0)
		err = -errno;
	if (err)
		status = client_fail(client, err, "use registry \"%s\"", client->name);
	else
		status = register_key(client, k, argv[optind], value);
	if (status) {
		kreg_close(k);
		return status;
	}
	if (stat.life == KREG_LIFE_GUARD)
		return become(k, argv + optind + 1);
	return stay(client, k, argv + optind + 1);
}

const struct command cmd_run = {
	.name = "run",
	.synopsis = "run KEY [--value V] -- COMMAND...",
	.summary = "run a program under a name",
	.options = "  --value V  what others find under KEY (nothing)\n",
	.run = run,
};
