/* SPDX-License-Identifier: MIT */
/*
 * See the table in listening.h.
 */
#include "tools/serve/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* As many as the kernel allows: connect(2) to a Unix socket fails where its queue is full. */
#define BACKLOG SOMAXCONN

/* The lock is held for some system calls; only a stopped process holds it longer. */
#define LOCK_TRIES 500
#define LOCK_PAUSE_NS 10000000

struct attempt {
	struct serve_listening *listening;
	mode_t mode;
	char *why;
	size_t size;
};

static int refuse(const struct attempt *attempt, int err, const char *what, const char *more)
{
	char where[sizeof(attempt->listening->address.at.path.sun_path) + 1];

	serve_address_print(&attempt->listening->address, "", where, sizeof(where));
	snprintf(attempt->why, attempt->size, "cannot listen at %s: %s%s", where,
		 what ? what : strerror(-err), more);
	return err;
}

/* Return: an fd that holds the lock, a negative errno. */
static int lock_folder(const char *path)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	char folder[sizeof(struct sockaddr_un)];
	char *slash;
	int fd, tries = LOCK_TRIES;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || !--tries) {
			close(fd);
			return -ETIMEDOUT;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int refuse_in_use(const struct attempt *attempt, int client)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	char text[64] = "it is in use";

	/* Of a connection to a listening socket: the process that called listen(2). */
	if (!getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.pid)
		snprintf(text, sizeof(text), "it is in use by pid %d", peer.pid);
	return refuse(attempt, -EADDRINUSE, text, "");
}

/* Something is at the path. Return: 0: it was a dead socket, and is removed; a negative errno. */
static int make_way(const struct attempt *attempt)
{
	const struct serve_address *address = &attempt->listening->address;
	const char *path = address->at.path.sun_path;
	struct stat st;
	int client, err;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : refuse(attempt, -errno, NULL, "");
	if (!S_ISSOCK(st.st_mode))
		return refuse(attempt, -EEXIST, "what is there is no socket, and stays", "");
	client = new_socket(AF_UNIX);
	if (client < 0)
		return refuse(attempt, -errno, NULL, "");
	err = connect(client, &address->at.any, address->size) ? -errno : 0;
	if (!err || err == -EAGAIN)
		err = refuse_in_use(attempt, client);
	else if (err != -ECONNREFUSED)
		err = refuse(attempt, err, "it may be in use: ", strerror(-err));
	else
		err = 0;
	if (!err && unlink(path))
		err = refuse(attempt, -errno, "a dead socket is there: ", strerror(errno));
	close(client);
	return err;
}

/* With its mode from the first moment on. */
static int bind_file(const struct serve_listening *listening, mode_t mode)
{
	const struct serve_address *address = &listening->address;
	mode_t before = umask(~mode & 0777);
	int err = bind(listening->fd, &address->at.any, address->size) ? -errno : 0;

	umask(before);
	return err;
}

static int listen_at_path(const struct attempt *attempt)
{
	struct serve_listening *listening = attempt->listening;
	const char *path = listening->address.at.path.sun_path;
	int lock = lock_folder(path), err;
	struct stat st;

	if (lock == -ETIMEDOUT)
		return refuse(attempt, lock, "another process has locked its folder", "");
	if (lock < 0)
		return refuse(attempt, lock, "its folder: ", strerror(-lock));
	err = bind_file(listening, attempt->mode);
	if (err == -EADDRINUSE) {
		err = make_way(attempt);
		if (err)
			goto out;
		err = bind_file(listening, attempt->mode);
	}
	if (!err && (listen(listening->fd, BACKLOG) || lstat(path, &st))) {
		err = -errno;
		unlink(path);
	}
	if (err) {
		refuse(attempt, err, NULL, "");
	} else {
		listening->device = st.st_dev;
		listening->inode = st.st_ino;
	}
out:
	close(lock);
	return err;
}

static int listen_at_port(const struct attempt *attempt)
{
	struct serve_listening *listening = attempt->listening;
	struct serve_address *address = &listening->address;
	const int yes = 1;

	/* A port whose last connections the kernel remembers may be used again at once. */
	setsockopt(listening->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listening->fd, &address->at.any, address->size) ||
	    listen(listening->fd, BACKLOG) ||
	    getsockname(listening->fd, &address->at.any, &address->size))
		return refuse(attempt, -errno, NULL,
			      errno == EADDRINUSE ? "; `ss -ltnp` says by which process" : "");
	return 0;
}

int serve_listen(struct serve_listening *out, const struct serve_address *address, mode_t mode,
		 char *why, size_t size)
{
	const struct attempt attempt = { out, mode, why, size };
	int err;

	*out = (struct serve_listening){ .address = *address };
	out->fd = new_socket(address->at.any.sa_family);
	if (out->fd < 0)
		return refuse(&attempt, -errno, NULL, "");
	err = serve_address_is_path(address) ? listen_at_path(&attempt) : listen_at_port(&attempt);
	if (err)
		close(out->fd);
	return err;
}

void serve_listen_remove(const struct serve_listening *listening)
{
	const char *path = listening->address.at.path.sun_path;
	struct stat st;
	int lock;

	if (!serve_address_is_path(&listening->address))
		return;
	/* Without the lock, too: a folder that has become unreadable keeps no file. */
	lock = lock_folder(path);
	if (!lstat(path, &st) && st.st_dev == listening->device && st.st_ino == listening->inode)
		unlink(path);
	if (lock >= 0)
		close(lock);
}
