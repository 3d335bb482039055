/* SPDX-License-Identifier: MIT */
/*
 * regtool dump: a registry as lines of JSON, for a bug report, and for `regtool restore`.
 *
 * The first line says what it is, the last one how many came before it: a dump that was cut is
 * known as such. In between are the figures, the owners, the entries and meta.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/dump/hidden.h"
#include "tools/kinds.h"
#include "tools/out/json.h"
#include "tools/out/progress.h"
#include "tools/regtool.h"
#include "tools/who.h"

/* The head, figures, and the end. */
#define LINES_BESIDE 3

struct dump {
	struct json *json;
	struct kreg *k;
	struct who_cache *who;
	struct hidden salt;
	uint64_t lines;
	bool hides; /* names, and what is known of a process by its name */
	bool has_values;
};

static void begin(struct dump *dump, const char *kind)
{
	json_map(dump->json, NULL);
	json_number(dump->json, "version", JSON_VERSION);
	json_string(dump->json, "kind", kind);
	dump->lines++;
}

static int end(struct dump *dump)
{
	json_end_map(dump->json);
	progress_step(1);
	return json_line(dump->json);
}

/* All but meta is known to be some lines. */
static void show_progress(struct kreg *k)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int err;

	/* On a terminal the dump itself is what is seen. */
	if (!progress_is_possible() || isatty(STDOUT_FILENO))
		return;
	err = kreg_stat(k, &stat);
	progress_begin("reading", err ? 0 : stat.entries + stat.owners + LINES_BESIDE);
}

/* A string of JSON, unless a reader in C would lose bytes of it. */
static void put_bytes(struct dump *dump, const char *name, const void *bytes, size_t size)
{
	if (size && memchr(bytes, '\0', size)) {
		json_null(dump->json, name);
		json_base64(dump->json, name, bytes, size);
	} else {
		json_text(dump->json, name, bytes, size);
	}
}

static void put_name(struct dump *dump, const char *name, const void *bytes, size_t size)
{
	char text[HIDDEN_MAX];

	if (dump->hides)
		json_text(dump->json, name, text, hidden_name(&dump->salt, bytes, size, text));
	else
		put_bytes(dump, name, bytes, size);
}

static void put_text(struct dump *dump, const char *name, const char *text)
{
	if (text && !dump->hides)
		json_string(dump->json, name, text);
	else
		json_null(dump->json, name);
}

static int dump_head(struct dump *dump, const struct client *client)
{
	struct utsname host;

	begin(dump, "dump");
	json_bool(dump->json, "hashed", dump->hides);
	json_string(dump->json, "library", kreg_version());
	json_number(dump->json, "features", kreg_features());
	if (!uname(&host)) {
		json_string(dump->json, "kernel", host.release);
		json_string(dump->json, "machine", host.machine);
	}
	put_name(dump, "registry", client->name, strlen(client->name));
	return end(dump);
}

static int dump_stat(struct dump *dump)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	const struct {
		const char *name;
		const uint64_t *value;
	} figures[] = {
		{ "entries", &stat.entries },
		{ "owners", &stat.owners },
		{ "seats", &stat.seats },
		{ "slots", &stat.slots },
		{ "slots_used", &stat.slots_used },
		{ "buckets", &stat.buckets },
		{ "epoch", &stat.epoch },
		{ "bytes_reserved", &stat.bytes_reserved },
		{ "bytes_used", &stat.bytes_used },
		{ "bytes_dead", &stat.bytes_dead },
		{ "bytes_waiting", &stat.bytes_waiting },
		{ "bytes_max", &stat.bytes_max },
		{ "readers", &stat.readers },
		{ "expelled", &stat.expelled },
		{ "bytes_swept", &stat.bytes_swept },
		{ "bytes_log", &stat.bytes_log },
		{ "bytes_table", &stat.bytes_table },
		{ "bytes_owner_max", &stat.bytes_owner_max },
		{ "bytes_owner_most", &stat.bytes_owner_most },
	};
	int err = kreg_stat(dump->k, &stat);
	size_t i;

	if (err)
		return err;
	begin(dump, "stat");
	json_string(dump->json, "life", life_name(stat.life));
	json_number(dump->json, "keys", stat.keys);
	json_number(dump->json, "partitions", stat.partitions);
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_number(dump->json, figures[i].name, *figures[i].value);
	json_number(dump->json, "fences", stat.fences);
	json_number(dump->json, "held_up_by", (uint64_t)stat.held_up_by);
	json_number(dump->json, "expelled_last", (uint64_t)stat.expelled_last);
	json_number(dump->json, "owner_most", (uint64_t)stat.owner_most);
	return end(dump);
}

static int dump_owner(const struct kreg_owner_facts *facts, void *data)
{
	struct dump *dump = data;
	const struct who *who = who_is(dump->who, &facts->owner);

	if (!who)
		return -ENOMEM;
	begin(dump, "owner");
	json_number(dump->json, "pid", (uint64_t)facts->owner.pid);
	json_number(dump->json, "token", facts->owner.token);
	json_string(dump->json, "state", who_state_name(who->state));
	json_number(dump->json, "uid", facts->uid);
	json_number(dump->json, "attach_uid", facts->attach_uid);
	json_number(dump->json, "start", facts->start);
	json_number(dump->json, "entries", facts->entries);
	json_number(dump->json, "bytes", facts->bytes);
	json_bool(dump->json, "certain", facts->certain);
	put_text(dump, "comm", who->comm);
	put_text(dump, "cmdline", who->line);
	put_text(dump, "unit", who->unit);
	return end(dump);
}

static int dump_entry(const struct kreg_entry *entry, void *data)
{
	struct dump *dump = data;

	begin(dump, "entry");
	put_name(dump, "key", entry->key, entry->key_size);
	json_number(dump->json, "pid", (uint64_t)entry->owner.pid);
	json_number(dump->json, "token", entry->owner.token);
	json_number(dump->json, "position", entry->position);
	json_number(dump->json, "size", entry->value_size);
	if (dump->has_values)
		put_bytes(dump, "value", entry->value, entry->value_size);
	return end(dump);
}

static int dump_meta(const struct kreg_entry *entry, void *data)
{
	struct dump *dump = data;

	begin(dump, "meta");
	put_name(dump, "key", entry->key, entry->key_size);
	json_number(dump->json, "size", entry->value_size);
	if (!dump->hides)
		put_bytes(dump, "value", entry->value, entry->value_size);
	return end(dump);
}

static int dump_all(struct dump *dump, const struct client *client)
{
	struct kreg_pattern all = { .size = sizeof(all) };
	uint64_t lines;
	int err = dump_head(dump, client);

	if (!err)
		err = dump_stat(dump);
	if (!err)
		err = kreg_each_owner(dump->k, dump_owner, dump);
	if (!err)
		err = kreg_select(dump->k, &all, dump_entry, dump);
	if (!err)
		err = kreg_meta_each(dump->k, dump_meta, dump);
	if (err)
		return err;
	lines = dump->lines;
	begin(dump, "end");
	json_number(dump->json, "lines", lines);
	return end(dump);
}

static int run(struct client *client, int argc, char **argv)
{
	struct dump dump = { 0 };
	int option, status, err = -ENOMEM;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'H')
			dump.hides = true;
		else
			dump.has_values = true;
	}
	status = client_arguments(client, argc, argv);
	if (!status && dump.hides && dump.has_values)
		return client_misuse(client, "dump: --hash-names and --values exclude each other");
	if (!status)
		status = client_open(client, KREG_OPEN_READONLY, &dump.k);
	if (status)
		return status;
	show_progress(dump.k);
	dump.json = json_new(stdout);
	dump.who = who_new(dump.k, dump.hides ? 0 : WHO_LINE | WHO_UNIT);
	if (dump.json && dump.who)
		err = dump.hides ? hidden_begin(&dump.salt) : 0;
	if (!err)
		err = dump_all(&dump, client);
	progress_end();
	who_free(dump.who);
	json_free(dump.json);
	kreg_close(dump.k);
	return err ? client_fail(client, err, "dump registry \"%s\"", client->name) : REGTOOL_DONE;
}

static const struct command_option options[] = {
	{ "hash-names", 'H', NULL, "hide names, and all text but states: for a bug report", false },
	{ "values", 'v', NULL, "also the values of entries", false },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool dump --hash-names >report", "for a bug report, without a name" },
	{ "regtool dump >kept; regtool restore kept", "meta, kept and restored" },
	{ 0 },
};

COMMAND(dump) = {
	.name = "dump",
	.group = COMMAND_READS,
	.synopsis = "dump [--hash-names | --values]",
	.summary = "print all of a registry as lines of JSON",
	.options = options,
	.examples = examples,
	.run = run,
};
