/* SPDX-License-Identifier: MIT */
/*
 * The loop. libmicrohttpd has an epoll of its own; this waits for that, for signals, and for the
 * time at which a connection is too old.
 */
#include "config.h"

#include "tools/serve/server.h"

#include <errno.h>
#include <stdio.h>

#ifdef HAVE_MICROHTTPD

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tools/manager.h"
#include "tools/serve/answer.h"
#include "tools/serve/listening.h"

/* What a request may have in its line and its fields, and what its answer has in its own. */
#define CONNECTION_BYTES 8192

struct server {
	struct serve_answers answers;
	struct serve_listening listening;
	struct MHD_Daemon *daemon;
	int epoll, signals;
};

static void note_connection(void *data, struct MHD_Connection *connection, void **context,
			    enum MHD_ConnectionNotificationCode what)
{
	struct connections *connections = &((struct server *)data)->answers.connections;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = serve_library.MHD_get_connection_info(connection,
							     MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = connections_add(connections, info->connect_fd);
	} else if (*context) {
		connections_remove(connections, *context);
		*context = NULL;
	}
}

static bool is_ignored(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_IGN;
}

/* Return: an fd, a negative errno. */
static int take_signals(void)
{
	sigset_t taken;
	int fd;

	sigemptyset(&taken);
	sigaddset(&taken, SIGTERM);
	if (!is_ignored(SIGINT))
		sigaddset(&taken, SIGINT);
	if (!is_ignored(SIGHUP))
		sigaddset(&taken, SIGHUP);
	sigprocmask(SIG_BLOCK, &taken, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The listening socket is the daemon's from here on. */
static int start_daemon(struct server *server)
{
	server->daemon = serve_library.MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, serve_answer, &server->answers,
		MHD_OPTION_LISTEN_SOCKET, server->listening.fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_ROOM, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_END);
	if (!server->daemon)
		return -errno;
	server->epoll = serve_library.MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
				->epoll_fd;
	return 0;
}

/* In milliseconds; -1: none. */
static int next_turn_in(struct server *server)
{
	int by_age = connections_end_old(&server->answers.connections);
	unsigned MHD_LONG_LONG ms;

	if (serve_library.MHD_get_timeout(server->daemon, &ms) != MHD_YES ||
	    (by_age >= 0 && ms > (unsigned int)by_age))
		return by_age;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int loop(struct server *server)
{
	struct pollfd at[] = { { .fd = server->signals, .events = POLLIN },
			       { .fd = server->epoll, .events = POLLIN } };

	while (!at[0].revents) {
		if (poll(at, 2, next_turn_in(server)) < 0 && errno != EINTR)
			return -errno;
		if (serve_library.MHD_run(server->daemon) != MHD_YES)
			return -EIO;
		serve_forget_texts(&server->answers);
	}
	return 0;
}

static void announce(const struct server *server)
{
	char where[sizeof(struct sockaddr_un)];

	serve_address_print(&server->listening.address, "/metrics", where, sizeof(where));
	printf("%s\n", where);
	fflush(stdout);
	/* A server needs no reader there. */
	clearerr(stdout);
	manager_tell("READY=1");
}

static int serve_until_signal(struct server *server)
{
	int err = start_daemon(server);

	if (!err) {
		announce(server);
		err = loop(server);
		manager_tell("STOPPING=1");
	}
	serve_listen_remove(&server->listening);
	if (server->daemon)
		serve_library.MHD_stop_daemon(server->daemon);
	return err;
}

int serve_run(const struct serve *serve, char *why, size_t size)
{
	struct server server = { .answers.serve = serve };
	const char *fault = serve_library_load();
	int err;

	if (fault) {
		snprintf(why, size, "cannot load libmicrohttpd, which --listen needs: %s", fault);
		return -ELIBACC;
	}
	manager_take();
	/* From here on a signal leaves no file. */
	server.signals = take_signals();
	if (server.signals < 0) {
		snprintf(why, size, "cannot wait for signals: %s", strerror(-server.signals));
		return server.signals;
	}
	err = serve_listen(&server.listening, &serve->address, serve->mode, why, size);
	if (!err) {
		err = serve_until_signal(&server);
		if (err)
			snprintf(why, size, "cannot serve: %s", strerror(-err));
	}
	close(server.signals);
	return err;
}

#else

int serve_run(const struct serve *serve, char *why, size_t size)
{
	(void)serve;
	snprintf(why, size,
		 "this regtool was built without libmicrohttpd, and serves nothing; use "
		 "`regtool metrics --textfile FILE`");
	return -ENOTSUP;
}

#endif
