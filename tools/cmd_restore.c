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

struct room {
	const struct reader *reader;
	size_t bytes;
};

/* What is there already and stays. */
static int add_other(const struct kreg_entry *entry, void *data)
{
	struct room *room = data;

	if (reader_has(room->reader, entry->key, entry->key_size))
		return 0;
	room->bytes += entry->key_size + entry->value_size + 8;
	return 0;
}

static int put_all(struct kreg *k, const struct reader *reader, size_t *count)
{
	struct room room = { .reader = reader, .bytes = reader->bytes };
	const struct pair *pair;
	int err = kreg_meta_each(k, add_other, &room);

	if (!err && room.bytes > KREG_META_MAX)
		err = -ENOSPC;
	for (*count = 0; !err && *count < reader->count; *count += !err) {
		pair = reader->pairs[*count];
		err = kreg_meta_put(k, pair->key, pair->key_size, pair->value, pair->value_size);
		progress_step(1);
	}
	return err;
}

static int restore(struct client *client, const struct reader *reader)
{
	struct kreg *k;
	size_t count = 0;
	int status = client_open(client, 0, &k), err;

	if (status)
		return status;
	progress_begin("restoring", reader->count);
	err = put_all(k, reader, &count);
	kreg_close(k);
	progress_end();
	if (err)
		return client_fail(client, err,
				   "restore meta of registry \"%s\", of which %zu of %zu keys were "
				   "put",
				   client->name, count, reader->count);
	printf("%zu keys of meta were restored; entries belong to processes and were not\n", count);
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
