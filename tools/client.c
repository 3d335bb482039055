/* SPDX-License-Identifier: MIT */
/*
 * The registry, options, arguments and errors, as all commands handle them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tools/client.h"
#include "tools/commands.h"
#include "tools/out/json.h"
#include "tools/out/text.h"
#include "tools/regtool.h"

static void keep_sentence(const char *sentence, void *data)
{
	struct client *client = data;

	snprintf(client->sentence, sizeof(client->sentence), "%s", sentence);
}

void client_init(struct client *client)
{
	*client = (struct client){
		.options = {
			.size = sizeof(struct kreg_options),
			.log = keep_sentence,
			.log_data = client,
		},
	};
}

int client_usage(const struct client *client)
{
	if (client->command)
		command_usage(stderr, client->command);
	else
		fprintf(stderr, "regtool: see `regtool --help`\n");
	return REGTOOL_USAGE;
}

int client_misuse(const struct client *client, const char *format, ...)
{
	va_list args;

	fputs("regtool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return client_usage(client);
}

static int cannot_write(int error)
{
	fprintf(stderr, "regtool: cannot write the output: %s\n", strerror(error));
	return REGTOOL_ERROR;
}

int client_end(int status)
{
	int error = fflush(stdout) ? errno : json_why();

	if ((error || ferror(stdout)) && status == REGTOOL_DONE)
		status = cannot_write(error ? error : EIO);
	return status;
}

int client_number(const char *text, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned long long number;
	const char *unit;
	unsigned int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (number > max >> shift)
		return -EINVAL;
	*out = (uint64_t)number << shift;
	return 0;
}

int client_range(const struct client *client, const char *what, const char *text, uint64_t min,
		 uint64_t max, uint64_t *out)
{
	if (client_number(text, max, out) == 0 && *out >= min)
		return REGTOOL_DONE;
	return client_misuse(client, "%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64,
			     what, text, min, max);
}

int client_seconds(const struct client *client, const char *what, const char *text, uint64_t max,
		   int64_t *ms)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds >= 0 && seconds <= (double)max))
		return client_misuse(client, "%s: \"%s\" is not a number of seconds up to %" PRIu64,
				     what, text, max);
	*ms = (int64_t)(seconds * 1000);
	return REGTOOL_DONE;
}

int client_check_key(const struct client *client, const char *key)
{
	size_t size = strlen(key);

	if (size && size <= KREG_KEY_MAX)
		return REGTOOL_DONE;
	return client_misuse(client, "KEY has %zu bytes; 1 to %d are allowed", size, KREG_KEY_MAX);
}

int client_check_namespace(const struct client *client, const char *space)
{
	char key[KREG_KEY_MAX];

	if (kreg_service_key(space, "any", key, sizeof(key)) >= 0)
		return REGTOOL_DONE;
	return client_misuse(client,
			     "\"%s\" is not a namespace; use 1 to %d letters, digits, dots, "
			     "underscores and hyphens",
			     space, KREG_NAMESPACE_MAX);
}

/* Whether @given is NAME or UID:NAME. */
static bool is_name(const char *given)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	const char *colon = strchr(given, ':'), *name = colon ? colon + 1 : given;
	size_t size = strlen(name);

	return size && size <= KREG_NAME_MAX && *name != '.' && strspn(name, allowed) == size;
}

static int find_user(const char *user, uid_t *uid)
{
	struct passwd entry, *found;
	char room[16384];
	int err;

	err = getpwnam_r(user, &entry, room, sizeof(room), &found);
	if (err)
		return -err;
	if (!found)
		return -ENOENT;
	*uid = entry.pw_uid;
	return 0;
}

int client_name(struct client *client, const char *given)
{
	char prefix[64];
	const char *colon;
	uid_t uid;
	int size;

	if (!given)
		given = getenv("KREG_REGISTRY");
	if (!given || !*given)
		given = "default";
	colon = strchr(given, ':');
	if (colon && given[strspn(given, "0123456789")] != ':') {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(colon - given), given);
		if (find_user(prefix, &uid) != 0) {
			fprintf(stderr,
				"regtool: there is no user \"%s\"; a registry is NAME, UID:NAME or "
				"USER:NAME\n",
				prefix);
			return REGTOOL_NOT_FOUND;
		}
		size = snprintf(client->name, sizeof(client->name), "%u%s", uid, colon);
	} else {
		size = snprintf(client->name, sizeof(client->name), "%s", given);
	}
	if (size >= (int)sizeof(client->name) || !is_name(client->name)) {
		fprintf(stderr,
			"regtool: \"%s\" is not the name of a registry; use 1 to %d letters, "
			"digits, "
			"dots, underscores and hyphens, and no dot at the beginning\n",
			given, KREG_NAME_MAX);
		return REGTOOL_USAGE;
	}
	return REGTOOL_DONE;
}

int client_no_registry(const struct client *client)
{
	const char *folder = getenv("KREG_DIR");

	/* The file is there, but no process of its registry is alive: the library has logged why. */
	if (strstr(client->sentence, "leftover")) {
		fprintf(stderr, "regtool: %s\n", client->sentence);
		return REGTOOL_NOT_FOUND;
	}
	if (folder && *folder && access(folder, F_OK) && (errno == ENOENT || errno == ENOTDIR)) {
		fprintf(stderr, "regtool: %s: %s; KREG_DIR must name an existing folder\n", folder,
			strerror(errno));
		return REGTOOL_NOT_FOUND;
	}
	fprintf(stderr, "regtool: registry \"%s\" does not exist", client->name);
	if (folder && *folder)
		fprintf(stderr, " in %s (from KREG_DIR)", folder);
	if (strchr(client->name, ':'))
		fputs("; only that user can create it\n", stderr);
	else
		fprintf(stderr, "; create it with `regtool create %s`\n", client->name);
	return REGTOOL_NOT_FOUND;
}

int client_not_registered(const struct client *client, const char *prefix, const char *key)
{
	fprintf(stderr, "regtool: %s\"", prefix);
	text_print(stderr, key, strlen(key));
	fprintf(stderr, "\" is not registered in registry \"%s\"\n", client->name);
	return REGTOOL_NOT_FOUND;
}

int client_open(struct client *client, uint32_t flags, struct kreg **out)
{
	int status, err;

	status = client_name(client, client->registry);
	if (status)
		return status;
	client->options.flags = flags;
	err = kreg_open(out, client->name, &client->options);
	if (err == -ENOENT && flags)
		return client_no_registry(client);
	if (err)
		return client_fail(client, err, "open registry \"%s\"", client->name);
	client->sentence[0] = '\0';
	return REGTOOL_DONE;
}

/* Names the columns that there are. */
static int no_column(const struct client *client, const char *wrong)
{
	const struct command *command = client->command;
	int i;

	fprintf(stderr, "regtool: %s: there is no column \"", command->name);
	text_print(stderr, wrong, strcspn(wrong, ","));
	fputs("\"; there are", stderr);
	for (i = 0; i < command->column_count; i++)
		fprintf(stderr, "%s %s", i ? "," : "", command->columns[i].name);
	fputc('\n', stderr);
	return REGTOOL_USAGE;
}

int client_list(struct client *client, struct output **out)
{
	const struct command *command = client->command;
	const char *wrong = NULL;
	int err = output_new(out, &client->form, command->list, command->columns,
			     (size_t)command->column_count, &wrong);

	if (err == -EINVAL)
		return no_column(client, wrong);
	return err ? client_fail(client, err, "list") : REGTOOL_DONE;
}

bool client_registry_exists(struct client *client)
{
	struct kreg *k;
	int err;

	if (client_name(client, NULL) != REGTOOL_DONE)
		return true;
	client->options.flags = KREG_OPEN_READONLY;
	err = kreg_open(&k, client->name, &client->options);
	if (err == 0)
		kreg_close(k);
	client->sentence[0] = '\0';
	return err != -ENOENT;
}

int client_fail(struct client *client, int err, const char *format, ...)
{
	va_list args;

	/* A registry can fail with the same errors as what is printed of it. */
	if (!client->sentence[0] && (ferror(stdout) || err == -EPIPE))
		return cannot_write(fflush(stdout) ? errno : json_why() ? json_why() : -err);
	fputs("regtool: ", stderr);
	if (client->sentence[0]) {
		fprintf(stderr, "%s\n", client->sentence);
		client->sentence[0] = '\0';
	} else {
		fputs("cannot ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fprintf(stderr, ": %s\n", kreg_strerror(err));
	}
	return REGTOOL_ERROR;
}
