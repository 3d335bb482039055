/* SPDX-License-Identifier: MIT */
/*
 * regtool run: a program that was not written for kreg, under a name.
 *
 * Under the guard regtool becomes the program, and the name stays, because the process does. In
 * the fallback exec ends a life, so there regtool stays the program's parent, and holds the name. So it
 * does where the name is to be found only when the program is ready: somebody has to hear that.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/foster.h"
#include "tools/output.h"
#include "tools/ready.h"
#include "tools/regtool.h"

#define NOT_YET INT_MAX

/* The program runs under our name, which nobody finds before it says that it is ready. */
struct service {
	struct kreg *k;
	const char *key, *value;
	bool wait; /* for readiness */
	struct ready ready;
	int published; /* what kreg_publish() said, or NOT_YET */
};

static int fail_to_exec(const char *program, int err)
{
	fprintf(stderr, "regtool: cannot run \"%s\": %s; COMMAND is a path, or a name in $PATH\n",
		program, strerror(-err));
	return REGTOOL_ERROR;
}

static int register_key(struct client *client, struct service *service)
{
	struct kreg_found holder = { 0 };
	int err = kreg_register_with(service->k, service->key, KREG_STRING, service->value,
				     strlen(service->value),
				     service->wait ? KREG_REGISTER_RESERVED : 0, &holder);

	if (!err)
		return REGTOOL_DONE;
	if (err != -EEXIST)
		return client_fail(client, err, "register \"%s\"", service->key);
	fputs("regtool: \"", stderr);
	output_text(stderr, service->key, strlen(service->key));
	fprintf(stderr, "\" is held by pid %d\n", holder.owner.pid);
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

static void publish(void *data)
{
	struct service *service = data;

	service->published = kreg_publish(service->k, service->key, KREG_STRING, service->value,
					  strlen(service->value));
}

static int stay(struct client *client, struct service *service, char **command)
{
	struct foster foster = { 0 };
	int err, end;

	if (service->wait) {
		foster.before_exec = ready_hand_over;
		foster.data = &service->ready;
	}
	err = foster_start(&foster, command);
	if (err) {
		kreg_close(service->k);
		if (foster.exec_failed)
			return fail_to_exec(command[0], err);
		return client_fail(client, err, "start \"%s\"", command[0]);
	}
	err = service->wait ? ready_begin(&service->ready, publish, service) : 0;
	if (err) {
		client_fail(client, err, "hear when \"%s\" is ready", command[0]);
		service->wait = false;
		service->published = 0;
	}
	end = foster_wait(&foster);
	if (service->wait)
		ready_end(&service->ready);
	if (service->published == NOT_YET)
		fprintf(stderr, "regtool: \"%s\" ended before it said that it was ready\n",
			command[0]);
	else if (service->published == KREG_WAITING)
		fprintf(stderr, "regtool: \"%s\" was taken over before it was ready\n",
			service->key);
	else if (service->published)
		client_fail(client, service->published, "publish \"%s\"", service->key);
	kreg_close(service->k);
	return foster_end_alike(end);
}

static int run_service(struct client *client, struct service *service, char **command)
{
	struct kreg_stat stat = { .size = sizeof(stat) };
	int status, err = kreg_stat(service->k, &stat);

	if (!err && setenv("KREG_REGISTRY", client->name, 1) != 0)
		err = -errno;
	if (err)
		status = client_fail(client, err, "use registry \"%s\"", client->name);
	else
		status = register_key(client, service);
	if (status) {
		kreg_close(service->k);
		return status;
	}
	if (stat.life == KREG_LIFE_GUARD && !service->wait)
		return become(service->k, command);
	return stay(client, service, command);
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "value", required_argument, NULL, 'v' },
		{ "ready-fd", required_argument, NULL, 'f' },
		{ "notify", no_argument, NULL, 'n' },
		{ 0 },
	};
	struct service service = { .value = "" };
	uint64_t fd = 0;
	int option, status, err;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (option == 'v')
			service.value = optarg;
		else if (option == 'f' && (client_number(optarg, 1023, &fd) || fd < 3))
			return client_misuse(client, "\"%s\" is no fd from 3 on", optarg);
		else
			service.wait = true;
	}
	if (argc - optind < 2)
		return client_usage(client);
	service.key = argv[optind];
	service.published = service.wait ? NOT_YET : 0;
	if (service.wait) {
		err = ready_prepare(&service.ready, fd ? (int)fd : -1);
		if (err)
			return client_fail(client, err, "listen for readiness");
	}
	status = client_open(client, 0, &service.k);
	return status ? status : run_service(client, &service, argv + optind + 1);
}

const struct command cmd_run = {
	.name = "run",
	.synopsis = "run KEY [--value V] [--ready-fd FD | --notify] -- COMMAND...",
	.summary = "run a program under a name",
	.options = "  --value V      what others find under KEY (nothing)\n"
		   "  --ready-fd FD  KEY is found when COMMAND writes a line to FD\n"
		   "  --notify       KEY is found when COMMAND sends READY=1, see sd_notify(3)\n",
	.run = run,
};
