/* SPDX-License-Identifier: MIT */
/*
 * Dispatcher: an event goes to each process that currently handles its kind.
 *
 *     dispatcher handle KIND...       prints the events of these kinds
 *     dispatcher send KIND NUMBER     sends one to all handlers of KIND, and prints how many got it
 *
 * In two terminals, or three:
 *
 *     1$ dispatcher handle reload rotate
 *     2$ dispatcher send reload 7
 *     2$ kill -9 the handler
 *     2$ dispatcher send reload 8     nobody got it
 *
 * A handler registers the real-time signal that it wants for a kind; such signals queue,
 * and carry the number. The registry is $KREG_REGISTRY, or "example-dispatcher".
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <kreg.h>

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "dispatcher: cannot %s: %s\n", what, why);
	return -1;
}

/* Prints why the registry could not be opened, and what to do. */
static void say(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "dispatcher: %s\n", sentence);
}

static struct kreg *open_registry(void)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .log = say);
	const char *name = getenv("KREG_REGISTRY");
	struct kreg *k;
	int err;

	err = kreg_open(&k, name && *name ? name : "example-dispatcher", &options);
	if (!err)
		return k;
	fail("open the registry", kreg_strerror(err));
	return NULL;
}

/*
 * Signals are blocked before the handler can be found, and read from the fd that is
 * returned; or -1.
 */
static int block_signals(int kinds)
{
	sigset_t wanted;
	int i, fd;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	for (i = 0; i < kinds; i++)
		sigaddset(&wanted, SIGRTMIN + i);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	fd = signalfd(-1, &wanted, SFD_CLOEXEC);
	return fd < 0 ? fail("listen for signals", strerror(errno)) : fd;
}

static int register_kinds(struct kreg *k, char **kinds, int count)
{
	int i, signal, err;

	for (i = 0; i < count; i++) {
		signal = SIGRTMIN + i;
		err = kreg_register(k, kinds[i], KREG_STRING, &signal, sizeof(signal), NULL);
		if (err)
			return fail("register", kreg_strerror(err));
	}
	return 0;
}

static int print_events(int signals, char **kinds)
{
	struct signalfd_siginfo info;
	ssize_t got;

	for (;;) {
		got = read(signals, &info, sizeof(info));
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(info))
			return fail("read a signal", strerror(errno));
		if ((int)info.ssi_signo < SIGRTMIN)
			return 0;
		printf("%s %d\n", kinds[(int)info.ssi_signo - SIGRTMIN], info.ssi_int);
		if (fflush(stdout))
			return fail("print an event", strerror(errno));
	}
}

static int handle(char **kinds, int count)
{
	struct kreg *k;
	int signals, status = -1;

	if (count > SIGRTMAX - SIGRTMIN + 1)
		return fail("handle so many kinds", "there is a signal for each");
	signals = block_signals(count);
	if (signals < 0)
		return -1;
	k = open_registry();
	if (k && !register_kinds(k, kinds, count))
		status = print_events(signals, kinds);
	kreg_close(k);
	close(signals);
	return status;
}

struct event {
	struct kreg *k;
	int number;
	int reached;
};

/*
 * A pid may be reused by now, a pidfd never. It does not block: a handler with too many
 * signals queued misses this one.
 */
static int hand_over(const struct kreg_entry *entry, void *data)
{
	struct event *event = data;
	siginfo_t info = { .si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid() };
	int fd;

	if (entry->value_size != sizeof(info.si_signo))
		return 0;
	memcpy(&info.si_signo, entry->value, sizeof(info.si_signo));
	info.si_value.sival_int = event->number;
	if (info.si_signo < SIGRTMIN || info.si_signo > SIGRTMAX)
		return 0;
	fd = kreg_owner_pidfd(event->k, &entry->owner);
	if (fd >= 0 && !pidfd_send_signal(fd, info.si_signo, &info, 0))
		event->reached++;
	else if (fd != -ESRCH)
		fprintf(stderr, "dispatcher: pid %d misses it: %s\n", entry->owner.pid,
			fd < 0 ? kreg_strerror(fd) : strerror(errno));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int dispatch(const char *kind, const char *number)
{
	struct event event = { 0 };
	int64_t called;
	char *end;
	long value;

	errno = 0;
	value = strtol(number, &end, 10);
	if (errno || end == number || *end || value != (int)value)
		return fail("send it", "an event has a whole number");
	event.number = (int)value;
	event.k = open_registry();
	if (!event.k)
		return -1;
	called = kreg_dispatch(event.k, kind, KREG_STRING, hand_over, &event);
	kreg_close(event.k);
	if (called < 0)
		return fail("dispatch", kreg_strerror((int)called));
	printf("%s %d: %d of %d got it\n", kind, event.number, event.reached, (int)called);
	return fflush(stdout) ? fail("print", strerror(errno)) : 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc >= 3 && !strcmp(argv[1], "handle")) {
		status = handle(argv + 2, argc - 2);
	} else if (argc == 4 && !strcmp(argv[1], "send")) {
		status = dispatch(argv[2], argv[3]);
	} else {
		fputs("usage: dispatcher handle KIND... | dispatcher send KIND NUMBER\n", stderr);
		return 2;
	}
	return status ? 1 : 0;
}
