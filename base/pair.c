/* SPDX-License-Identifier: MIT */
#include "base/pair.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static bool is_ours(int fd, ino_t inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISSOCK(st.st_mode) && st.st_ino == inode;
}

int pair_new(struct pair *out)
{
	struct stat here, there;
	int ends[2], err = fd_socket_pair(SOCK_STREAM | SOCK_NONBLOCK, ends);

	if (err)
		return err;
	if (fstat(ends[0], &here) || fstat(ends[1], &there))
		return -errno;
	*out = (struct pair){ ends[0], ends[1], here.st_ino, there.st_ino };
	return 0;
}

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

	/* If it is full, the other end is readable. */
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
	do
		got = recv(pair->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (got == (ssize_t)sizeof(bytes) || (got < 0 && errno == EINTR));
}
