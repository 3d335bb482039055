/* SPDX-License-Identifier: MIT */
/*
 *     program sleep                  until it is killed
 *     program exit STATUS
 *     program kill SIGNAL            itself, also by a signal that its starter ignores
 *     program notify TEXT            sends it to $NOTIFY_SOCKET, with \n for each comma, then sleeps
 *     program line FD                writes a line to it, then sleeps
 *     program tell FILE TEXT         appends a line to it, then sleeps
 *     program inspect FILE           writes down what it was started with, then sleeps
 *     program register VALUE         registers itself as what it was started as; what came of it is its value
 *     program listen                 at an abstract address, which it says with READY=1
 *     program stubborn               ignores SIGTERM
 *     program headless FILE          its first thread ends; another one appends the pid to FILE, then sleeps
 *     program drop FD                drops its privileges, then writes a line to FD, then sleeps
 *     program obey FD                exits at SIGUSR1 with 0 and at SIGUSR2 with 3; writes a line to FD before
 */
#include "tests/support/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/process.h"
#include "lib/kreg.h"
#include "tests/support/notifier.h"

#define NOBODY 65534

static void __attribute__((noreturn)) sleep_for_ever(void)
{
	for (;;)
		pause();
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "program: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void append(const char *file, const char *text)
{
	FILE *out = fopen(file, "a");

	if (!out || fprintf(out, "%s\n", text) < 0 || fclose(out))
		fail(file);
}

/* What a program that is started can see of how. */
static void inspect(const char *file)
{
	static const char *const names[] = { "KREG_NAMESPACE", "KREG_ROLE", "EXTRA" };
	FILE *out = fopen(file, "w");
	const struct dirent *at;
	char here[4096];
	sigset_t blocked;
	size_t i;
	int fds = 0, signal;
	DIR *open_fds;

	if (!out)
		fail(file);
	for (i = 0; i < 3; i++)
		fprintf(out, "%s=%s\n", names[i], getenv(names[i]) ? getenv(names[i]) : "");
	open_fds = opendir("/proc/self/fd");
	while ((at = readdir(open_fds)))
		fds += atoi(at->d_name) > 2 && atoi(at->d_name) != dirfd(open_fds) &&
		       atoi(at->d_name) != fileno(out);
	closedir(open_fds);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (signal = 1; signal < 32 && !sigismember(&blocked, signal); signal++)
		;
	fprintf(out, "fds %d\nblocked %s\nleads %s\nin %s\n", fds, signal < 32 ? "some" : "none",
		getsid(0) == getpid() || getsid(0) == getppid() ? "a session" : "none",
		getcwd(here, sizeof(here)));
	fclose(out);
}

static void register_self(const char *value)
{
	struct kreg_found holder = { 0 };
	const char *space = getenv("KREG_NAMESPACE"), *role = getenv("KREG_ROLE");
	const char *registry = getenv("KREG_REGISTRY");
	struct kreg *k;
	int err = registry && space && role ? kreg_open(&k, registry, NULL) : -EINVAL;

	if (err)
		_exit(98);
	err = kreg_service_register(k, space, role, value, strlen(value), &holder);
	if (err == -EEXIST && holder.owner.pid == getpid())
		notifier_send("X_KREG_VALUE=it is me,READY=1", -1);
	else
		notifier_send("X_KREG_VALUE=it is not me,READY=1", -1);
}

static void listen_anywhere(void)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(own);
	char text[sizeof(own.sun_path) + 32];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&own, sizeof(sa_family_t)) || listen(fd, 5) ||
	    getsockname(fd, (struct sockaddr *)&own, &size))
		fail("listen");
	size -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	snprintf(text, sizeof(text), "X_KREG_VALUE=@%.*s,READY=1", (int)size - 1, own.sun_path + 1);
	notifier_send(text, -1);
}

/* As daemons do. The kernel then clears its parent-death signal; one without privileges clears it itself. */
static void drop_privileges(void)
{
	if (geteuid())
		prctl(PR_SET_PDEATHSIG, 0);
	else if (setgid(NOBODY) || setuid(NOBODY))
		fail("setuid");
}

static void exit_as_told(int signal)
{
	_exit(signal == SIGUSR1 ? 0 : 3);
}

static void obey(int fd)
{
	signal(SIGUSR1, exit_as_told);
	signal(SIGUSR2, exit_as_told);
	if (dprintf(fd, "up\n") < 0)
		fail("obey");
}

static void *say_headless(void *file)
{
	struct process self;
	char pid[16];

	while (!process_read_self(&self) || self.state != 'Z')
		sched_yield();
	snprintf(pid, sizeof(pid), "%d", getpid());
	append(file, pid);
	sleep_for_ever();
}

static void __attribute__((noreturn)) end_first_thread(char *file)
{
	pthread_t other;

	if (pthread_create(&other, NULL, say_headless, file))
		fail("headless");
	pthread_exit(NULL);
}

const char *program_path(void)
{
	static char path[4096];
	ssize_t size = readlink(PROGRAM, path, sizeof(path) - 1);

	if (size < 0)
		fail(PROGRAM);
	path[size] = 0;
	return path;
}

void program_run(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : NULL;

	if (!what)
		return;
	if (!strcmp(what, "exit"))
		_exit(atoi(argv[2]));
	if (!strcmp(what, "kill")) {
		signal(atoi(argv[2]), SIG_DFL);
		raise(atoi(argv[2]));
	} else if (!strcmp(what, "notify"))
		notifier_send(argv[2], -1);
	else if (!strcmp(what, "line") && dprintf(atoi(argv[2]), "up\n") < 0)
		fail("line");
	else if (!strcmp(what, "tell"))
		append(argv[2], argv[3]);
	else if (!strcmp(what, "inspect"))
		inspect(argv[2]);
	else if (!strcmp(what, "register"))
		register_self(argv[2]);
	else if (!strcmp(what, "listen"))
		listen_anywhere();
	else if (!strcmp(what, "stubborn"))
		signal(SIGTERM, SIG_IGN);
	else if (!strcmp(what, "headless"))
		end_first_thread(argv[2]);
	else if (!strcmp(what, "drop")) {
		drop_privileges();
		if (dprintf(atoi(argv[2]), "up\n") < 0)
			fail("drop");
	} else if (!strcmp(what, "obey"))
		obey(atoi(argv[2]));
	sleep_for_ever();
}
