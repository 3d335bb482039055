/* SPDX-License-Identifier: MIT */
/*
 * A child is a fork of the test with one end of a socket pair; numbers keep their borders on it.
 */
#include "tests/support/child.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child child_start(int (*body)(int link, void *data), void *data)
{
	struct child child;
	int links[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links), 0);
	child.pid = fork();
	ck_assert_int_ge(child.pid, 0);
	if (!child.pid) {
		/* A test that fails takes its children with it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(links[0]);
		_exit(body(links[1], data));
	}
	close(links[1]);
	child.link = links[0];
	return child;
}

void link_say(int link, int64_t number)
{
	while (send(link, &number, sizeof(number), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

int64_t link_hear(int link)
{
	int64_t number;
	ssize_t got;

	do {
		got = recv(link, &number, sizeof(number), 0);
	} while (got < 0 && errno == EINTR);
	return got == sizeof(number) ? number : INT64_MIN;
}

int child_end(struct child *child)
{
	int status = 0;

	/* Children that were forked later have a copy of this end, so closing it is not enough. */
	shutdown(child->link, SHUT_RDWR);
	close(child->link);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	child_end(child);
}

void child_kill_by_pidfd(struct child *child)
{
	struct pollfd at = { .events = POLLIN };

	at.fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	ck_assert_int_ge(at.fd, 0);
	kill(child->pid, SIGKILL);
	while (poll(&at, 1, -1) != 1)
		;
	close(at.fd);
}
