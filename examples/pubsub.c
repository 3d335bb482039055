/* SPDX-License-Identifier: MIT */
/*
 * Publish and subscribe: a message goes to all living subscribers of its topic.
 *
 *     pubsub subscribe TOPIC          prints what is published
 *     pubsub publish TOPIC MESSAGE    sends, and prints to how many
 *     pubsub watch [TOPIC]            prints who subscribes, who leaves, and who dies
 *
 * In three terminals:
 *
 *     1$ pubsub watch
 *     2$ pubsub subscribe weather     then ^C; and once more, then kill -9
 *     3$ pubsub publish weather rain
 *
 * The registry is $KREG_REGISTRY, or "example-pubsub".
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <kreg.h>

#define MESSAGE_MAX 4096

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "pubsub: cannot %s: %s\n", what, why);
	return -1;
}

/* Prints why the registry could not be opened, and what to do. */
static void say(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "pubsub: %s\n", sentence);
}

static struct kreg *open_registry(void)
{
	KREG_OPTIONS(options, .keys = KREG_KEYS_DUPLICATE, .log = say);
	const char *name = getenv("KREG_REGISTRY");
	struct kreg *k;
	int err;

	err = kreg_open(&k, name && *name ? name : "example-pubsub", &options);
	if (!err)
		return k;
	fail("open the registry", kreg_strerror(err));
	return NULL;
}

/* An fd that is readable when a signal asks the program to end. */
static int open_signals(void)
{
	sigset_t ends;
	int fd;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	fd = signalfd(-1, &ends, SFD_CLOEXEC);
	return fd < 0 ? fail("listen for signals", strerror(errno)) : fd;
}

/* Calls @take whenever @fd is readable, until it fails or a signal arrives. */
static int take_until_signal(int signals, int fd, int (*take)(void *data), void *data)
{
	struct pollfd at[] = { { .fd = signals, .events = POLLIN },
			       { .fd = fd, .events = POLLIN } };

	for (;;) {
		if (poll(at, 2, -1) < 0 && errno != EINTR)
			return fail("wait", strerror(errno));
		if (at[0].revents)
			return 0;
		if (take(data))
			return -1;
		if (fflush(stdout))
			return fail("print", strerror(errno));
	}
}

/*
 * Any user of the host may send to an abstract address: where that matters, check
 * SCM_CREDENTIALS.
 */
static int print_message(void *data)
{
	const int *fd = data;
	char message[MESSAGE_MAX];
	ssize_t size = recv(*fd, message, sizeof(message), 0);

	if (size < 0)
		return errno == EAGAIN ? 0 : fail("receive", strerror(errno));
	printf("%.*s\n", (int)size, message);
	return 0;
}

/* The kernel chooses an abstract address, so that nothing is left behind. */
static int subscribe(struct kreg *k, int signals, const char *topic)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(own);
	int status = -1, err, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own.sun_family)) ||
	    getsockname(fd, (struct sockaddr *)&own, &size)) {
		fail("bind a socket", strerror(errno));
		goto out;
	}
	own.sun_path[0] = '@';
	err = kreg_register(k, topic, KREG_STRING, own.sun_path,
			    size - offsetof(struct sockaddr_un, sun_path), NULL);
	if (err) {
		fail("subscribe", kreg_strerror(err));
		goto out;
	}
	status = take_until_signal(signals, fd, print_message, &fd);
	/* Before the socket is closed, and its address may be given to another process. */
	kreg_unregister(k, topic, KREG_STRING);
out:
	if (fd >= 0)
		close(fd);
	return status;
}

struct message {
	int fd;
	const char *text;
	int sent;
};

/* It does not block: a slow subscriber misses the message. */
static int send_message(const struct kreg_entry *entry, void *data)
{
	struct message *message = data;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + entry->value_size);

	if (!entry->value_size || entry->value_size > sizeof(to.sun_path) ||
	    *(const char *)entry->value != '@')
		return 0;
	memcpy(to.sun_path, entry->value, entry->value_size);
	to.sun_path[0] = 0;
	if (sendto(message->fd, message->text, strlen(message->text), MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&to, size) >= 0)
		message->sent++;
	else
		fprintf(stderr, "pubsub: pid %d misses it: %s\n", entry->owner.pid,
			strerror(errno));
	return 0;
}

static int publish(struct kreg *k, const char *topic, const char *text)
{
	struct message message = { .text = text };
	int64_t called;

	if (strlen(text) > MESSAGE_MAX)
		return fail("publish", "the message is too long");
	message.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (message.fd < 0)
		return fail("open a socket", strerror(errno));
	called = kreg_dispatch(k, topic, KREG_STRING, send_message, &message);
	close(message.fd);
	if (called < 0)
		return fail("publish", kreg_strerror((int)called));
	printf("%s: sent to %d of %d\n", topic, message.sent, (int)called);
	return fflush(stdout) ? fail("print", strerror(errno)) : 0;
}

/* Takes all events: the fd stays readable until none is left. */
static int print_events(void *data)
{
	static const char *const words[] = {
		[KREG_EVENT_REGISTER] = "subscribed",
		[KREG_EVENT_UNREGISTER] = "left",
		[KREG_EVENT_PURGE] = "died",
	};
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(data, &event)) == 1 || got == -EAGAIN) {
		if (got == -EAGAIN)
			continue;
		if (event.type == KREG_EVENT_OVERRUN)
			printf("%" PRIu64 " events of pid %d were missed\n", event.lost,
			       event.entry.owner.pid);
		else if (event.type < sizeof(words) / sizeof(words[0]) && words[event.type])
			printf("%.*s: pid %d %s\n", (int)event.entry.key_size,
			       (const char *)event.entry.key, event.entry.owner.pid,
			       words[event.type]);
	}
	return got ? fail("listen", kreg_strerror(got)) : 0;
}

static int watch(struct kreg *k, int signals, const char *topic)
{
	KREG_PATTERN(pattern, .key = topic, .key_size = topic ? KREG_STRING : 0);
	struct kreg_listener *listener;
	int status, err;

	err = kreg_listen(&listener, k, &pattern, KREG_LISTEN_KNOWN);
	if (err)
		return fail("listen", kreg_strerror(err));
	status = take_until_signal(signals, kreg_listener_fd(listener), print_events, listener);
	kreg_listener_close(listener);
	return status;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	bool subscribes = argc == 3 && !strcmp(command, "subscribe");
	bool publishes = argc == 4 && !strcmp(command, "publish");
	bool watches = (argc == 2 || argc == 3) && !strcmp(command, "watch");
	int signals, status;
	struct kreg *k;

	if (!subscribes && !publishes && !watches) {
		fputs("usage: pubsub subscribe TOPIC | publish TOPIC MESSAGE | watch [TOPIC]\n",
		      stderr);
		return 2;
	}
	k = open_registry();
	signals = open_signals();
	if (!k || signals < 0)
		status = -1;
	else if (subscribes)
		status = subscribe(k, signals, argv[2]);
	else if (publishes)
		status = publish(k, argv[2], argv[3]);
	else
		status = watch(k, signals, argv[2]);
	kreg_close(k);
	if (signals >= 0)
		close(signals);
	return status ? 1 : 0;
}
