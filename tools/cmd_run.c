/* SPDX-License-Identifier: MIT */
/*
 * regtool run: runs a program that was not written for kreg under a name.
 *
 * Under the guard regtool executes the program in its own process, which keeps the name. In the
 * fallback exec ends a life, so regtool stays as the program's parent and holds the name. If the
 * name is to be published only when the program is ready, kreg_start() starts the program, and
 * regtool stays as its parent in both modes to receive its messages.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tools/client.h"
#include "tools/foster.h"
#include "tools/out/text.h"
#include "tools/regtool.h"
#include "tools/who.h"

/* The longest watchdog interval. */
#define WATCHDOG_SECONDS_MAX 86400

struct service {
	struct kreg *k;
	const char *key, *value;
	struct kreg_start how; /* with is_heard */
	bool is_heard;         /* the program reports when it is ready */
};

static int fail_to_exec(const char *program, int err)
{
	fprintf(stderr,
		"regtool: cannot run \"%s\": %s; COMMAND must be a path or a name in $PATH\n",
		program, strerror(-err));
	return REGTOOL_ERROR;
}

/* Of a holder that does not answer. */
static void print_state(struct kreg *k, const struct kreg_owner *holder)
{
	struct who_cache *cache = who_new(k, 0);
	const struct who *who = cache ? who_is(cache, holder) : NULL;

	if (who && who->state != WHO_RUNNING && who->state != WHO_UNKNOWN)
		fprintf(stderr, ", which is %s", who_state_name(who->state));
	who_free(cache);
}

static int fail_to_register(struct client *client, const struct service *service, int err,
			    const struct kreg_owner *holder)
{
	if (err != -EEXIST)
		return client_fail(client, err, "register \"%s\"", service->key);
	fputs("regtool: \"", stderr);
	text_print(stderr, service->key, strlen(service->key));
	fprintf(stderr, "\" is held by pid %d", holder->pid);
	print_state(service->k, holder);
	fputc('\n', stderr);
	return REGTOOL_TAKEN;
}

/* The handle stays open: closing it would unregister the name. Returns only if exec fails. */
static int become(char **command)
{
	execvp(command[0], command);
	return fail_to_exec(command[0], -errno);
}

static int stay(struct client *client, char **command, struct service *service)
{
	struct foster foster = { 0 };
	int end, err = foster_start(&foster, command);

	if (err && foster.exec_failed)
		return fail_to_exec(command[0], err);
	if (err)
		return client_fail(client, err, "start \"%s\"", command[0]);
	end = foster_wait(&foster, NULL);
	kreg_close(service->k);
	service->k = NULL;
	return foster_end_alike(end);
}

static int run_plain(struct client *client, struct service *service, char **command)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	struct kreg_found holder = { 0 };
	int err = kreg_stat(service->k, &stat);

	if (!err && setenv("KREG_REGISTRY", client->name, 1) != 0)
		err = -errno;
	if (err)
		return client_fail(client, err, "use registry \"%s\"", client->name);
	err = kreg_register_with(service->k, service->key, KREG_STRING, service->value,
				 strlen(service->value), 0, &holder);
	if (err)
		return fail_to_register(client, service, err, &holder.owner);
	return stat.life == KREG_LIFE_GUARD ? become(command) : stay(client, command, service);
}

/* Messages that the program sent before it ended and that are still queued. */
static void hear_rest(struct kreg_program *program)
{
	struct pollfd at = { .events = POLLIN };

	do {
		at.fd = kreg_program_fd(program);
		if (poll(&at, 1, 0) != 1)
			return;
		kreg_program_hear(program);
	} while (at.revents);
}

static void say_unless_published(struct client *client, const struct service *service,
				 struct kreg_program *program)
{
	struct kreg_program_state state = { .size = sizeof(state) };

	kreg_program_state(program, &state);
	if (state.says == KREG_PROGRAM_MISSED)
		fprintf(stderr, "regtool: \"%s\" missed its watchdog (%u ms) and was killed\n",
			service->how.argv[0], state.watchdog_ms);
	if (state.published == -EINPROGRESS)
		fprintf(stderr, "regtool: \"%s\" ended before it was ready\n",
			service->how.argv[0]);
	else if (state.published && state.published != -ECHILD)
		client_fail(client, state.published, "publish \"%s\"", service->key);
}

static int run_heard(struct client *client, struct service *service, char **command)
{
	struct kreg_started started = { .size = sizeof(started) };
	struct foster foster = { 0 };
	int end, err;

	service->how.argv = (const char *const *)command;
	service->how.value = service->value;
	service->how.value_size = strlen(service->value);
	service->how.flags =
		KREG_START_ATTEND | KREG_START_FOREGROUND | KREG_START_DIES_WITH_STARTER;
	if (service->how.ready == KREG_READY_NOTIFY)
		service->how.flags |= KREG_START_PASS_ON;
	/* Before the start, so that no signal for the program is lost. */
	foster_take_signals(&foster);
	err = kreg_start(service->k, service->key, KREG_STRING, &service->how, &started);
	if (err == -ENOEXEC)
		return fail_to_exec(command[0], started.exec_error);
	if (err)
		return fail_to_register(client, service, err, &started.owner);
	foster.child = started.child;
	end = foster_wait(&foster, started.program);
	hear_rest(started.program);
	say_unless_published(client, service, started.program);
	kreg_program_close(started.program);
	kreg_close(service->k);
	service->k = NULL;
	return foster_end_alike(end);
}

/* Whether the options fit the registry. */
static int check(struct client *client, const struct service *service)
{
	struct kreg_stat stat = { .size = sizeof(stat) };

	if (service->is_heard && !kreg_stat(service->k, &stat) && stat.keys != KREG_KEYS_UNIQUE) {
		fprintf(stderr,
			"regtool: --notify and --ready-fd need unique keys: registry \"%s\" has "
			"duplicate keys\n",
			client->name);
		return REGTOOL_ERROR;
	}
	return REGTOOL_DONE;
}

static int read_option(struct client *client, struct service *service, int option)
{
	uint64_t number = 0;

	switch (option) {
	case 'v':
		service->value = optarg;
		return REGTOOL_DONE;
	case 'f':
		if (client_range(client, "--ready-fd", optarg, 3, 1023, &number))
			return REGTOOL_USAGE;
		service->how.ready = KREG_READY_FD;
		service->how.ready_fd = (int32_t)number;
		break;
	case 'w':
		if (client_range(client, "--watchdog", optarg, 1, WATCHDOG_SECONDS_MAX, &number))
			return REGTOOL_USAGE;
		service->how.watchdog_ms = (uint32_t)number * 1000;
		break;
	default:
		service->how.ready = KREG_READY_NOTIFY;
	}
	service->is_heard = true;
	return REGTOOL_DONE;
}

static int run(struct client *client, int argc, char **argv)
{
	struct service service = { .value = "", .how.size = sizeof(service.how) };
	int option, status = REGTOOL_DONE;

	while (!status && (option = client_option(client, argc, argv)) != -1)
		status = read_option(client, &service, option);
	if (status)
		return status;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	if (service.how.watchdog_ms && service.how.ready != KREG_READY_NOTIFY)
		return client_misuse(client, "--watchdog needs --notify");
	service.key = argv[optind];
	status = client_check_key(client, service.key);
	if (!status)
		status = client_open(client, 0, &service.k);
	if (!status)
		status = check(client, &service);
	if (!status && service.is_heard)
		status = run_heard(client, &service, argv + optind + 1);
	else if (!status)
		status = run_plain(client, &service, argv + optind + 1);
	kreg_close(service.k);
	return status;
}

static const struct command_option options[] = {
	{ "value", 'v', "V", "the value of KEY (empty)" },
	{ "ready-fd", 'f', "FD", "publish KEY when COMMAND writes a line to FD" },
	{ "notify", 'n', NULL, "publish KEY when COMMAND sends READY=1, see sd_notify(3)" },
	{ "watchdog", 'w', "S", "kill COMMAND if it sends no WATCHDOG=1 for S seconds" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool run cache --value 127.0.0.1:11211 -- memcached", "memcached under a name" },
	{ "regtool run store --notify -- /usr/sbin/store", "the name appears when it is ready" },
	{ 0 },
};

COMMAND(run) = {
	.name = "run",
	.group = COMMAND_CHANGES,
	.synopsis = "run KEY [--value V] [--ready-fd FD | --notify [--watchdog S]] -- COMMAND...",
	.summary = "run a program under a name",
	.options = options,
	.examples = examples,
	.arguments = "KEY COMMAND",
	.least = 2,
	.most = INT_MAX,
	.run = run,
};
