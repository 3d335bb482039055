/* SPDX-License-Identifier: MIT */
/*
 * regtool up: the services of a file, supervised in the foreground.
 *
 * Until all are ready a signal ends regtool, and the kernel ends the services with it. From then on it takes the signals
 * itself, and stops them in order.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/regtool.h"

#define DEFAULT_NAMESPACE "production"

struct up {
	const char *file, *space;
	bool keep;
	struct kreg *k;
	struct kreg_supervisor *supervisor;
};

static void say(void *data, const char *sentence)
{
	(void)data;
	fprintf(stderr, "regtool: %s\n", sentence);
}

/* Who is there already: the supervisor, if no role is blamed. */
static int fail_taken(const struct up *up, const char *role)
{
	struct kreg_owner owner = { 0 };

	if (!*role)
		role = KREG_ROLE_SUPERVISOR;
	kreg_service_lookup(up->k, up->space, role, NULL, 0, &owner);
	fprintf(stderr,
		"regtool: %s/%s is held by pid %d; `regtool down --namespace %s` stops it\n",
		up->space, role, owner.pid, up->space);
	return REGTOOL_TAKEN;
}

static int begin(struct client *client, struct up *up)
{
	struct kreg_supervision *what;
	char role[KREG_ROLE_MAX + 1] = "";
	int err = kreg_supervision_read(&what, up->file, say, NULL);

	if (err == -EINVAL)
		return REGTOOL_USAGE;
	if (err)
		return REGTOOL_ERROR;
	what->log = say;
	if (up->keep)
		what->flags |= KREG_SUPERVISE_KEEP;
	err = kreg_supervise(up->k, up->space, what, &up->supervisor, role);
	kreg_supervision_free(what);
	if (!err)
		return REGTOOL_DONE;
	if (err == -EEXIST)
		return fail_taken(up, role);
	client->sentence[0] = 0;
	return client_fail(client, err, "bring %s up%s%s", up->space, *role ? ": " : "", role);
}

static int stay(struct client *client, struct up *up)
{
	struct pollfd at[] = {
		{ .fd = kreg_supervisor_fd(up->supervisor), .events = POLLIN },
		{ .events = POLLIN },
	};
	int status = REGTOOL_DONE;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	at[1].fd = signalfd(-1, &ends, SFD_CLOEXEC);
	if (at[1].fd < 0)
		return client_fail(client, -errno, "wait for signals");
	printf("%s is up\n", up->space);
	fflush(stdout);
	while (poll(at, 2, -1) < 0 && errno == EINTR)
		;
	/* The supervisor has said why. */
	if (kreg_supervisor_state(up->supervisor) == -ENOTRECOVERABLE)
		status = REGTOOL_ERROR;
	else
		printf("%s goes down\n", up->space);
	fflush(stdout);
	close(at[1].fd);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "namespace", required_argument, NULL, 'n' },
		{ "keep", no_argument, NULL, 'k' },
		{ 0 },
	};
	struct up up = { .space = DEFAULT_NAMESPACE };
	char key[KREG_KEY_MAX];
	int option, status;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (option == 'n')
			up.space = optarg;
		else
			up.keep = true;
	}
	if (kreg_service_key(up.space, "any", key) < 0)
		return client_misuse(client, "\"%s\" is no namespace", up.space);
	if (argc - optind != 1)
		return client_usage(client);
	up.file = argv[optind];
	status = client_open(client, 0, &up.k);
	if (status)
		return status;
	status = begin(client, &up);
	if (!status) {
		status = stay(client, &up);
		kreg_supervisor_stop(up.supervisor);
	}
	kreg_close(up.k);
	return status;
}

const struct command cmd_up = {
	.name = "up",
	.synopsis = "up FILE [--namespace NS] [--keep]",
	.summary = "start the services of a file, and restart them",
	.options =
		"  --namespace NS  where they are found (production)\n"
		"  --keep          they go on if this regtool is killed; the next one with --keep "
		"takes them over\n",
	.run = run,
};
