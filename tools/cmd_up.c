/* SPDX-License-Identifier: MIT */
/*
 * regtool up: supervises the services of a file in the foreground.
 *
 *   signal           from                effect
 *   SIGTERM, SIGINT  any process         all services are stopped in order; a second signal half
 *                                        a second later or more kills them (SIGKILL)
 *   SIGHUP           the terminal        the same
 *                    a process           changes in the file are applied
 *   SIGUSR1          `regtool up` again  the same
 *
 * These signals are blocked before anything is started, and a thread takes them from then on. A
 * signal that was ignored when regtool was started, by nohup(1) or by a shell for a background
 * job, stays ignored.
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
#include "tools/up_again.h"
#include "tools/up_mark.h"
#include "tools/manager.h"
#include "tools/up_say.h"

#define DEFAULT_NAMESPACE "production"
/*
 * timeout(1) signals a process and right afterwards its process group. Both signals are one order
 * to stop; only a later one kills.
 */
#define SECOND_ORDER_MS 500

struct up {
	const char *file, *space;
	struct up_mark mark;
	char value[UP_MARK_BYTES];
	uint32_t flags;
	struct kreg *k;
	struct kreg_supervisor *supervisor;
	sigset_t taken; /* the signals that the thread takes */
	bool has_terminal;
	int orders;  /* an eventfd of the supervisor: each write is an order to stop */
	int changes; /* an eventfd: reload the file */
};

/*
 * Set while this process only waits for the outcome of another supervisor: it has no services to
 * stop, so a signal ends it at once.
 */
static bool waits_for_other;
static pthread_mutex_t other_mutex = PTHREAD_MUTEX_INITIALIZER;

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

/*
 * Whether SIGHUP means that the terminal is gone: the kernel sends it, or a shell that exits
 * sends it to its jobs, and then the terminal is gone already.
 */
static bool is_hangup(const struct up *up, const siginfo_t *info)
{
	return info->si_code == SI_KERNEL || (up->has_terminal && !has_terminal());
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int apply_by_other(struct client *client, const struct up *up)
{
	int status;

	pthread_mutex_lock(&other_mutex);
	waits_for_other = true;
	pthread_mutex_unlock(&other_mutex);
	status = up_again(client, up->k, up->space, up->mark.path, up->mark.flags);
	pthread_mutex_lock(&other_mutex);
	waits_for_other = false;
	pthread_mutex_unlock(&other_mutex);
	return status;
}

static void exit_if_waiting(int signal)
{
	pthread_mutex_lock(&other_mutex);
	if (waits_for_other)
		_exit(128 + signal);
	pthread_mutex_unlock(&other_mutex);
}

static void *take_signals(void *data)
{
	const struct up *up = data;
	uint64_t first = 0;
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
		exit_if_waiting(signal);
		if (first && now_ms() < first + SECOND_ORDER_MS)
			continue;
		ring(up->orders);
		manager_tell("STOPPING=1");
		printf("%s: stopping%s\n", up->space, first ? " at once, by SIGKILL" : "");
		fflush(stdout);
		if (!first)
			first = now_ms();
	}
	return NULL;
}

static bool is_ignored(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_IGN;
}

/* SIGCHLD must not be ignored: the kernel then discards the exit status of children. */
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

/* Prints who holds @role already; empty: the supervisor's role. */
static int fail_taken(const struct up *up, const char *role)
{
	struct kreg_owner owner = { 0 };

	if (!*role)
		role = KREG_ROLE_SUPERVISOR;
	kreg_service_lookup(up->k, up->space, role, NULL, 0, &owner);
	fprintf(stderr,
		"regtool: %s/%s is held by pid %d; stop it with `regtool down --namespace %s`\n",
		up->space, role, owner.pid, up->space);
	return REGTOOL_TAKEN;
}

static int read_file(const struct up *up, struct kreg_supervision **what)
{
	int err = kreg_supervision_read(what, up->file, up_say, NULL);

	if (err)
		return err == -EINVAL || err == -ENOENT ? REGTOOL_USAGE : REGTOOL_ERROR;
	(*what)->log = up_say;
	(*what)->flags = up->flags;
	(*what)->value = up->value;
	(*what)->orders = up->orders;
	return REGTOOL_DONE;
}

/* Writes the supervisor's value: its options and its file. */
static int set_mark(struct up *up)
{
	char *path = realpath(up->file, NULL);

	if (!path) {
		fprintf(stderr, "regtool: %s: %s\n", up->file, strerror(errno));
		return errno == ENOENT ? REGTOOL_USAGE : REGTOOL_ERROR;
	}
	up->mark = (struct up_mark){
		.flags = up->flags & (KREG_SUPERVISE_KEEP | KREG_SUPERVISE_NO_CGROUPS),
		.path = path,
	};
	up_mark_write(&up->mark, up->value);
	return REGTOOL_DONE;
}

/* Publishes the state of a change for a `regtool up` that waits for it. */
static void show(struct up *up, enum up_state state)
{
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_service_key(up->space, KREG_ROLE_SUPERVISOR, key, sizeof(key)), old;

	up->mark.count += state == UP_READS;
	up->mark.state = state;
	up_mark_write(&up->mark, up->value);
	old = kreg_update(up->k, key, (size_t)size, up->value, strlen(up->value), NULL, 0);
	if (old < 0 && old != -ENOENT && old != -EPERM)
		fprintf(stderr, "regtool: %s: cannot publish the outcome of the change: %s\n",
			up->space, kreg_strerror((int)old));
}

static int begin(struct client *client, struct up *up)
{
	struct kreg_supervision *what;
	char role[KREG_ROLE_MAX + 1] = "";
	int err, status = set_mark(up);

	if (!status)
		status = read_file(up, &what);
	if (status)
		return status;
	/* First, because kreg_supervise() would log an error if the namespace has a supervisor. */
	status = apply_by_other(client, up);
	if (status != UP_NOT_THERE) {
		kreg_supervision_free(what);
		return status;
	}
	err = kreg_supervise(&up->supervisor, up->k, up->space, what, role, sizeof(role));
	kreg_supervision_free(what);
	if (!err || err == -ECANCELED)
		return REGTOOL_DONE;
	/* Another supervisor may have registered since. */
	if (err == -EEXIST && !strcmp(role, KREG_ROLE_SUPERVISOR)) {
		status = apply_by_other(client, up);
		if (status != UP_NOT_THERE)
			return status;
	}
	if (err == -EEXIST)
		return fail_taken(up, role);
	up_say_why(up->mark.why, role, err);
	fprintf(stderr, "regtool: cannot bring %s up: %s\n", up->space, up->mark.why);
	return REGTOOL_ERROR;
}

static void fail_change(struct up *up, const char *role, int err)
{
	up_say_why(up->mark.why, role, err);
	fprintf(stderr, "regtool: %s: %s is not fully applied: %s\n", up->space, up->file,
		up->mark.why);
	show(up, UP_FAILED);
}

/* Applies a change of the file. The supervisor continues, whatever the outcome. */
static void change(struct up *up)
{
	struct kreg_supervision *what;
	char role[KREG_ROLE_MAX + 1];
	int err;

	show(up, UP_READS);
	up_forget_why();
	if (read_file(up, &what)) {
		fprintf(stderr, "regtool: %s: nothing was changed\n", up->space);
		snprintf(up->mark.why, sizeof(up->mark.why),
			 "the file has errors; nothing was changed");
		show(up, UP_FAILED);
		return;
	}
	err = kreg_supervisor_change(up->supervisor, what, role, sizeof(role));
	kreg_supervision_free(what);
	if (!err) {
		printf("%s: %s is applied\n", up->space, up->file);
		fflush(stdout);
		show(up, UP_DONE);
	} else if (err != -ECANCELED && err != -ESHUTDOWN) {
		fail_change(up, role, err);
	}
}

/* Until the supervisor ends. It has logged the reason, unless it was stopped by an order. */
static int stay(struct up *up)
{
	struct pollfd at[] = {
		{ .fd = kreg_supervisor_fd(up->supervisor), .events = POLLIN },
		{ .fd = up->changes, .events = POLLIN },
	};
	uint64_t times;
	int state;

	printf("%s is up\n", up->space);
	fflush(stdout);
	manager_tell("READY=1");
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
	int status, err;

	manager_take();
	err = prepare_signals(up);
	if (err)
		return client_fail(client, err, "receive signals");
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
	/* static: the thread that takes signals uses it until the process ends. */
	static struct up up = { .space = DEFAULT_NAMESPACE, .flags = KREG_SUPERVISE_REAP };
	int option, status;

	while ((option = client_option(client, argc, argv)) != -1) {
		if (option == 'n')
			up.space = optarg;
		else
			up.flags |= option == 'k' ? KREG_SUPERVISE_KEEP : KREG_SUPERVISE_NO_CGROUPS;
	}
	status = client_check_namespace(client, up.space);
	if (status)
		return status;
	status = client_arguments(client, argc, argv);
	if (status)
		return status;
	up.file = argv[optind];
	return bring_up(client, &up);
}

static const struct command_option options[] = {
	{ "namespace", 'n', "NS", "the namespace of the services (production)" },
	{ "keep", 'k', NULL,
	  "services survive if this regtool is killed; the next `up --keep` takes them over" },
	{ "no-cgroups", 'c', NULL, "track the processes of a service by its session only" },
	{ 0 },
};

static const struct command_example examples[] = {
	{ "regtool up services.ini --namespace blue", "the services of a file, until ^C" },
	{ 0 },
};

COMMAND(up) = {
	.name = "up",
	.group = COMMAND_CHANGES,
	.synopsis = "up FILE [--namespace NS] [--keep] [--no-cgroups]",
	.summary = "start the services of a file and supervise them",
	.options = options,
	.examples = examples,
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.run = run,
};
