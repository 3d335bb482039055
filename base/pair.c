/* SPDX-License-Identifier: MIT */
/* A pair of sockets, each recognized by its inode. */
#include "base/pair.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * Whether @fd is still the socket that was made here. The program may have closed it and
 * opened a file of its own under the number, which must be neither read, written nor
 * closed. Inode numbers of sockets are unique among all sockets, those of eventfds and
 * pidfds are not.
 */
static bool is_ours(int fd, ino_t inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISSOCK(st.st_mode) && st.st_ino == inode;
}

/* A filter may allow socketpair(2) and refuse these: then a wake-up would be lost without a word. */
static int check_signals(const int *ends)
{
	char byte;

	if (send(ends[1], "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
	    recv(ends[0], &byte, 1, MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int pair_new(struct pair *out)
{
	struct stat here, there;
	int ends[2], err = fd_socket_pair(SOCK_STREAM | SOCK_NONBLOCK, ends);

	if (err)
		return err;
	if (fstat(ends[0], &here) || fstat(ends[1], &there))
		err = -errno;
	else
		err = check_signals(ends);
	if (err) {
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	*out = (struct pair){ ends[0], ends[1], here.st_ino, there.st_ino };
	return 0;
}

/* Closes what is still ours. */
void pair_free(const struct pair *pair)
{
	if (is_ours(pair->fd, pair->inode))
		close(pair->fd);
	if (is_ours(pair->fd_write, pair->inode_write))
		close(pair->fd_write);
}

bool pair_signal(const struct pair *pair)
{
	bool is_here = is_ours(pair->fd_write, pair->inode_write);

	/*
	 * If it is full, the other end is readable already. MSG_NOSIGNAL: the program may
	 * have closed the other end, and must not be killed by SIGPIPE for that.
	 */
	while (is_here && send(pair->fd_write, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	       errno == EINTR)
		;
	return is_here;
}

void pair_clear(const struct pair *pair)
{
	char bytes[64];
	ssize_t got;

	if (!is_ours(pair->fd, pair->inode))
		return;
	/*
	 * Until a read returns less than was asked for: then nothing was left at that
	 * moment. A signal that comes later makes it readable again.
	 */
	do
		got = recv(pair->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (got == (ssize_t)sizeof(bytes) || (got < 0 && errno == EINTR));
}

/* Room for one fd, aligned as the kernel wants it. */
union one_fd {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int pair_pass(const struct pair *pair, int fd)
{
	struct iovec byte = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
	union one_fd control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS } };
	const struct msghdr message = { .msg_iov = &byte,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = sizeof(control) };
	ssize_t sent;

	if (!is_ours(pair->fd, pair->inode))
		return -EBADF;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	do
		sent = sendmsg(pair->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == ETOOMANYREFS ? -EMFILE : -errno;
}

/* A message without its fd: no number was free for it. */
int pair_receive(const struct pair *pair)
{
	char bytes[1];
	struct iovec byte = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	union one_fd control;
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got;
	int fd;

	do
		got = fd_receive(pair->fd_write, &message);
	while (got == -EINTR);
	if (got < 0)
		return (int)got;
	if (message.msg_controllen < sizeof(control.head) ||
	    control.head.cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EMFILE;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}
