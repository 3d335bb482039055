/* SPDX-License-Identifier: MIT */
/*
 * regtool up: the services of a file, supervised in the foreground.
 *
 *   signal           from                what it does
 *   SIGTERM, SIGINT  anybody             all is stopped in order; the second one hastens
 *   SIGHUP           the terminal        the same
 *                    a process           what has changed in the file is applied
 *   SIGUSR1          `regtool up` again  the same
 *
 * They are blocked before anything is started, and a thread takes them from the first moment on. What was ignored when
 * regtool was called, by nohup(1) or by a shell for a job in the background, stays so.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tools/client.h"
#include "tools/regtool.h"

#define DEFAULT_NAMESPACE "production"
/* The supervisor's value: that it is a `regtool up`, and of which file. */
#define MARK "regtool up "

struct up {
	const char *file, *space;
	char value[PATH_MAX + sizeof(MARK)];
	uint32_t flags;
	struct kreg *k;
	struct kreg_supervisor *supervisor;
	sigset_t taken;
	bool has_terminal;
	int orders;  /* an eventfd: the supervisor's */
	int changes; /* an eventfd: the file is to be read again */
};

static void say(void *data, const char *sentence)
{
	(void)data;
	fprintf(stderr, "regtool: %s\n", sentence);
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void ring(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* A shell that is left tells its jobs as well; the terminal has gone by then. */
static bool is_hangup(const struct up *up, const siginfo_t *info)
{
	return info->si_code == SI_KERNEL || (up->has_terminal && !has_terminal());
}

static void *take_signals(void *data)
{
	const struct up *up = data;
	bool is_second = false;
	siginfo_t info;
	int signal;

	for (;;) {
		signal = sigwaitinfo(&up->taken, &info);
		if (signal < 0)
			continue;
		if (signal == SIGUSR1 || (signal == SIGHUP && !is_hangup(up, &info))) {
			ring(up->changes);
			continue;
		}
		ring(up->orders);
		printf("%s goes down%s\n", up->space, is_second ? " in haste" : "");
		fflush(stdout);
		is_second = true;
	}
	return NULL;
}

static bool is_ignored(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_IGN;
}

/* How children end is told only to those who do not ignore it. */
static int prepare_signals(struct up *up)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	sigset_t blocked;
	pthread_t thread;
	size_t i;
	int err;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&up->taken);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (!is_ignored(signals[i]))
			sigaddset(&up->taken, signals[i]);
	}
	blocked = up->taken;
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	up->has_terminal = has_terminal();
	up->orders = eventfd(0, EFD_CLOEXEC);
	up->changes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (up->orders < 0 || up->changes < 0)
		return -errno;
	err = pthread_create(&thread, NULL, take_signals, up);
	if (!err)
		pthread_detach(thread);
	return -err;
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

/* Whether a `regtool up` of this file is there: it is told to look what has changed. */
static bool tell_running(const struct up *up)
{
	char value[sizeof(up->value)], key[KREG_KEY_MAX];
	struct kreg_owner owner;
	ssize_t size = kreg_service_lookup(up->k, up->space, KREG_ROLE_SUPERVISOR, value,
					   sizeof(value), &owner);
	ssize_t key_size = kreg_service_key(up->space, KREG_ROLE_SUPERVISOR, key);

	if (size != (ssize_t)strlen(up->value) || memcmp(value, up->value, (size_t)size) != 0 ||
	    kreg_signal(up->k, key, (size_t)key_size, SIGUSR1))
		return false;
	printf("%s is up as pid %d, which takes over what has changed in %s\n", up->space,
	       owner.pid, up->file);
	return true;
}

static int read_file(const struct up *up, struct kreg_supervision **what)
{
	int err = kreg_supervision_read(what, up->file, say, NULL);

	if (err)
		return err == -EINVAL ? REGTOOL_USAGE : REGTOOL_ERROR;
	(*what)->log = say;
	(*what)->flags = up->flags;
	(*what)->value = up->value;
	(*what)->orders = up->orders;
	return REGTOOL_DONE;
}

static int begin(struct client *client, struct up *up)
{
	struct kreg_supervision *what;
	char role[KREG_ROLE_MAX + 1] = "", *path;
	int err, status = read_file(up, &what);

	if (status)
		return status;
	path = realpath(up->file, NULL);
	snprintf(up->value, sizeof(up->value), MARK "%s", path ? path : up->file);
	free(path);
	/* The library would call it an error. */
	if (tell_running(up)) {
		kreg_supervision_free(what);
		return REGTOOL_DONE;
	}
	err = kreg_supervise(up->k, up->space, what, &up->supervisor, role);
	kreg_supervision_free(what);
	if (!err || err == -ECANCELED)
		return REGTOOL_DONE;
	/* It may have come meanwhile. */
	if (err == -EEXIST && !strcmp(role, KREG_ROLE_SUPERVISOR) && tell_running(up))
		return REGTOOL_DONE;
	if (err == -EEXIST)
		return fail_taken(up, role);
	client->sentence[0] = 0;
	return client_fail(client, err, "bring %s up%s%s", up->space, *role ? ": " : "", role);
}

/* The supervisor goes on whatever comes of it. */
static void change(const struct up *up)
{
	struct kreg_supervision *what;
	char role[KREG_ROLE_MAX + 1];
	int err;

	if (read_file(up, &what)) {
		fprintf(stderr, "regtool: %s: nothing is changed\n", up->space);
		return;
	}
	err = kreg_supervisor_change(up->supervisor, what, role);
	kreg_supervision_free(what);
	if (!err) {
		printf("%s is as %s says\n", up->space, up->file);
		fflush(stdout);
	} else if (err != -ECANCELED && err != -ESHUTDOWN) {
		fprintf(stderr, "regtool: %s is not as %s says%s%s: %s\n", up->space, up->file,
			*role ? ": " : "", role, kreg_strerror(err));
	}
}

/* The supervisor has said why, if it was not told to. */
static int stay(const struct up *up)
{
	struct pollfd at[] = {
		{ .fd = kreg_supervisor_fd(up->supervisor), .events = POLLIN },
		{ .fd = up->changes, .events = POLLIN },
	};
	uint64_t times;
	int state;

	printf("%s is up\n", up->space);
	fflush(stdout);
	while (!(state = kreg_supervisor_state(up->supervisor))) {
		while (poll(at, 2, -1) < 0 && errno == EINTR)
			;
		if (at[1].revents && read(up->changes, &times, sizeof(times)) > 0)
			change(up);
	}
	return state == -ECANCELED ? REGTOOL_DONE : REGTOOL_ERROR;
}

static int bring_up(struct client *client, struct up *up)
{
	int status, err = prepare_signals(up);

	if (err)
		return client_fail(client, err, "take signals");
	status = client_open(client, 0, &up->k);
	if (status)
		return status;
	status = begin(client, up);
	if (!status && up->supervisor) {
		status = stay(up);
		kreg_supervisor_stop(up->supervisor);
	}
	kreg_close(up->k);
	return status;
}

static int run(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "namespace", required_argument, NULL, 'n' },
		{ "keep", no_argument, NULL, 'k' },
		{ "no-cgroups", no_argument, NULL, 'c' },
		{ 0 },
	};
	/* The thread that takes signals has it until the process ends. */
	static struct up up = { .space = DEFAULT_NAMESPACE, .flags = KREG_SUPERVISE_REAP };
	char key[KREG_KEY_MAX];
	int option;

	while ((option = client_option(client, argc, argv, options)) != -1) {
		if (option == 'n')
			up.space = optarg;
		else
			up.flags |= option == 'k' ? KREG_SUPERVISE_KEEP : KREG_SUPERVISE_NO_CGROUPS;
	}
	if (kreg_service_key(up.space, "any", key) < 0)
		return client_misuse(client, "\"%s\" is no namespace", up.space);
	if (argc - optind != 1)
		return client_usage(client);
	up.file = argv[optind];
	return bring_up(client, &up);
}

const struct command cmd_up = {
	.name = "up",
	.synopsis = "up FILE [--namespace NS] [--keep] [--no-cgroups]",
	.summary = "start the services of a file, and restart them",
	.options =
		"  --namespace NS  where they are found (production)\n"
		"  --keep          they go on if this regtool is killed; the next one with --keep "
		"takes them over\n"
		"  --no-cgroups    what they have started is known by their sessions alone\n",
	.run = run,
};
