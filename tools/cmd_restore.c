/* SPDX-License-Identifier: MIT */
/*
 * regtool restore: puts what a dump has of meta. Entries belong to processes, which register them
 * again by themselves.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/dump/reader.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"

/* All of them in one change, or none. */
static int put_all(struct kreg *k, const struct reader *reader)
{
	struct kreg_item *items = calloc(reader->count + 1, sizeof(items[0]));
	const struct pair *pair;
	size_t i;
	int err;

	if (!items)
		return -ENOMEM;
	for (i = 0; i < reader->count; i++) {
		pair = reader->pairs[i];
		items[i] = (struct kreg_item){ pair->key, pair->key_size, pair->value,
					       pair->value_size };
	}
	err = kreg_meta_put_many(k, items, reader->count);
	free(items);
	return err;
}

static int restore(struct client *client, const struct reader *reader)
{
	struct kreg *k;
	int status = client_open(client, 0, &k), err;

	if (status)
		return status;
	err = put_all(k, reader);
	kreg_close(k);
	progress_end();
	if (err)
		return client_fail(client, err,
				   "restore meta of registry \"%s\", of which nothing was changed",
				   client->name);
	printf("%zu keys of meta were restored; entries belong to processes and were not\n",
	       reader->count);
	return REGTOOL_DONE;
}

static int refuse(const struct reader *reader, const char *file, int err)
{
	progress_end();
	if (err == -EINVAL)
		fprintf(stderr, "regtool: %s:%llu: %s; nothing was changed\n", file,
			(unsigned long long)reader->line, reader->cause);
	else
		fprintf(stderr, "regtool: cannot read %s: %s; nothing was changed\n", file,
			strerror(-err));
	return err == -EINVAL ? REGTOOL_USAGE : REGTOOL_ERROR;
}

/* What is typed is on the terminal, too. */
static void show_progress(FILE *from)
{
	struct stat is = { 0 };

	if (isatty(fileno(from)))
		return;
	fstat(fileno(from), &is);
	progress_begin("reading the dump", S_ISREG(is.st_mode) ? (uint64_t)is.st_size : 0);
}

static int run(struct client *client, int argc, char **argv)
{
	struct reader reader = { 0 };
	const char *file;
	FILE *from;
	int status, err;

	while (client_option(client, argc, argv) != -1)
		;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	file = argv[optind];
	from = strcmp(file, "-") ? fopen(file, "re") : stdin;
	if (!from)
		return refuse(&reader, file, -errno);
	show_progress(from);
	err = reader_read(&reader, from);
	if (from != stdin)
		fclose(from);
	status = err ? refuse(&reader, file, err) : restore(client, &reader);
	reader_free(&reader);
	return status;
}

static const struct command_example examples[] = {
	{ "regtool -r services restore kept", "meta of another registry, as it was dumped" },
	{ 0 },
};

COMMAND(restore) = {
	.name = "restore",
	.group = COMMAND_CHANGES,
	.synopsis = "restore FILE",
	.summary = "put the meta that a dump has",
	.examples = examples,
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.run = run,
};
