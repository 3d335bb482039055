/* SPDX-License-Identifier: MIT */
/*
 * Steps of `say`; after the last one it sleeps until it is killed:
 *
 *     wait               for SIGUSR1
 *     barrier            BARRIER=1, and waits until it is answered
 *     found              exits with 3 if its name cannot be found
 *     drop               its privileges
 *     stubborn           ignores SIGABRT
 *     stop               stops itself
 *     child:TEXT         a child sends TEXT; apart:, one in a session of its own; orphan:, one without a parent
 *     main               says that a child of it is its main process
 *     fds:TEXT           sends TEXT with an fd
 *     flood:N:TEXT       sends TEXT so often
 *     ping:N:MS          WATCHDOG=1 so often, so many ms apart
 *     slow:MS            does nothing for so long
 *     watchdog           exits with 4 if its environment does not name its watchdog
 *     input              says as its status what it reads from its standard input
 *     nul, long, empty, much   odd messages
 *     exit:STATUS
 *     anything else      is sent
 */
#include "tests/support/notifier.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"

#define NOBODY 65534
#define LONG_MS 60000

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "notifier: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void send_bytes(const void *bytes, size_t size, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct iovec from = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_name = &address, .msg_iov = &from, .msg_iovlen = 1 };
	const char *name = getenv("NOTIFY_SOCKET");
	int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!name)
		fail("NOTIFY_SOCKET is not set");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (*name == '@')
		address.sun_path[0] = 0;
	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0)
		fail("send");
	close(socket_fd);
}

void notifier_send(const char *text, int fd)
{
	char lines[1024], *at;

	snprintf(lines, sizeof(lines), "%s", text);
	for (at = lines; (at = strchr(at, ','));)
		*at = '\n';
	send_bytes(lines, strlen(lines), fd);
}

static void send_with_fd(const char *text)
{
	int ends[2];

	if (pipe(ends))
		fail("pipe");
	notifier_send(text, ends[1]);
	close(ends[0]);
	close(ends[1]);
}

static void wait_for_answer(void)
{
	struct pollfd at = { .events = 0 };
	int ends[2];

	if (pipe(ends))
		fail("pipe");
	notifier_send("BARRIER=1", ends[1]);
	close(ends[1]);
	at.fd = ends[0];
	if (poll(&at, 1, LONG_MS) != 1)
		fail("the barrier was not answered");
	close(ends[0]);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signal);
}

static void find_own_name(void)
{
	struct kreg *k;

	if (kreg_open(&k, getenv("KREG_REGISTRY"), NULL))
		fail("open");
	if (kreg_service_lookup(k, getenv("KREG_NAMESPACE"), getenv("KREG_ROLE"), NULL, 0, NULL) <
	    0)
		_exit(3);
	kreg_close(k);
}

static void drop_privileges(void)
{
	if (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
		fail("setuid");
}

enum kin { CHILD, APART, ORPHAN };

static void send_by(enum kin kin, const char *text)
{
	pid_t child = fork(), between;

	if (child) {
		waitpid(child, NULL, 0);
		return;
	}
	if (kin == APART)
		setsid();
	between = getpid();
	if (kin == ORPHAN) {
		if (fork())
			_exit(0);
		while (getppid() == between)
			poll(NULL, 0, 1);
	}
	notifier_send(text, -1);
	/* A message whose sender was reaped before it is read belongs to no process. */
	wait_for_answer();
	_exit(0);
}

static void name_main(void)
{
	pid_t own = getpid(), child = fork();
	char text[64];

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == own)
			pause();
		_exit(0);
	}
	snprintf(text, sizeof(text), "MAINPID=%d", child);
	notifier_send(text, -1);
}

static void flood(const char *what)
{
	long count = strtol(what, NULL, 10);
	const char *text = strchr(what, ':') + 1;

	while (count-- > 0)
		notifier_send(text, -1);
}

static void ping(const char *what)
{
	long count = strtol(what, NULL, 10), ms = strtol(strchr(what, ':') + 1, NULL, 10);

	while (count-- > 0) {
		notifier_send("WATCHDOG=1", -1);
		poll(NULL, 0, (int)ms);
	}
}

static void check_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *period = getenv("WATCHDOG_USEC");

	if (!pid || atoi(pid) != getpid() || !period || strcmp(period, "1500000"))
		_exit(4);
}

static void say_input(void)
{
	char text[64] = "STATUS=";
	ssize_t size = read(STDIN_FILENO, text + 7, sizeof(text) - 8);

	if (size < 0)
		fail("read");
	notifier_send(text, -1);
}

static bool say_odd(const char *step)
{
	char text[8192];

	memset(text, 'x', sizeof(text));
	if (!strcmp(step, "nul")) {
		send_bytes("READY=1\0\nSTATUS=nul", 19, -1);
	} else if (!strcmp(step, "long")) {
		memcpy(text, "READY=1\n", 8);
		send_bytes(text, sizeof(text), -1);
	} else if (!strcmp(step, "empty")) {
		send_bytes("", 0, -1);
	} else if (!strcmp(step, "much")) {
		memcpy(text, "STATUS=m", 8);
		memcpy(text + 7 + KREG_STATUS_MAX - 1, "\xc3\xa4", 2);
		send_bytes(text, 1024, -1);
	} else {
		return false;
	}
	return true;
}

static bool begins(const char *step, const char *word, const char **rest)
{
	*rest = step + strlen(word);
	return !strncmp(step, word, strlen(word));
}

static bool do_plain(const char *step)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} steps[] = {
		{ "wait", wait_for_signal }, { "barrier", wait_for_answer },
		{ "found", find_own_name },  { "drop", drop_privileges },
		{ "main", name_main },       { "watchdog", check_watchdog },
		{ "input", say_input },
	};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(step, steps[i].name))
			continue;
		steps[i].run();
		return true;
	}
	return say_odd(step);
}

static void do_step(const char *step)
{
	const char *rest;

	if (do_plain(step))
		return;
	if (!strcmp(step, "stubborn"))
		signal(SIGABRT, SIG_IGN);
	else if (!strcmp(step, "stop"))
		raise(SIGSTOP);
	else if (begins(step, "child:", &rest))
		send_by(CHILD, rest);
	else if (begins(step, "apart:", &rest))
		send_by(APART, rest);
	else if (begins(step, "orphan:", &rest))
		send_by(ORPHAN, rest);
	else if (begins(step, "fds:", &rest))
		send_with_fd(rest);
	else if (begins(step, "flood:", &rest))
		flood(rest);
	else if (begins(step, "ping:", &rest))
		ping(rest);
	else if (begins(step, "slow:", &rest))
		poll(NULL, 0, atoi(rest));
	else if (begins(step, "exit:", &rest))
		_exit(atoi(rest));
	else
		notifier_send(step, -1);
}

void notifier_run(int argc, char **argv)
{
	sigset_t set;
	int i;

	if (argc < 2 || strcmp(argv[1], "say"))
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 2; i < argc; i++)
		do_step(argv[i]);
	for (;;)
		pause();
}
