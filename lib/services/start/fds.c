/* SPDX-License-Identifier: MIT */
/*
 * Closes or marks fds with one system call; where the kernel refuses that, with one for
 * each fd that /proc/self/fd lists. The folder is read by getdents64(2), because
 * opendir(3) allocates memory, whose lock another thread of the parent may have held.
 */
#include "lib/services/start/fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "base/fd.h"

static void close_one(int fd)
{
	close(fd);
}

static void close_one_on_exec(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* An fd that is closed during the reading is not listed again, and no other fd is skipped. */
static void for_each(int first, int last, void (*change)(int fd))
{
	alignas(struct dirent64) char names[2048];
	int folder = fd_open("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
	long size, at;

	if (folder < 0)
		return;
	while ((size = syscall(SYS_getdents64, folder, names, sizeof(names))) > 0) {
		for (at = 0; at < size;) {
			const struct dirent64 *entry = (const struct dirent64 *)(names + at);
			int fd = atoi(entry->d_name);

			at += entry->d_reclen;
			if (*entry->d_name != '.' && fd >= first && fd <= last && fd != folder)
				change(fd);
		}
	}
	close(folder);
}

void fds_close_on_exec(int first)
{
	if (syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC))
		for_each(first, INT_MAX, close_one_on_exec);
}

static void close_from(int first, int last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0))
		for_each(first, last, close_one);
}

void fds_close_others(int kept)
{
	close_from(0, kept - 1);
	close_from(kept + 1, INT_MAX);
}

void fds_open_standard(void)
{
	int fd, null = fd_open("/dev/null", O_RDWR, 0);

	if (null < 0)
		return;
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	close(null);
}

/* Closes all but these; those that are -1 are none. */
static void close_but(const int *fds, int count)
{
	int first = 0, i, next;

	do {
		next = INT_MAX;
		for (i = 0; i < count; i++) {
			if (fds[i] >= first && fds[i] < next)
				next = fds[i];
		}
		close_from(first, next - (next != INT_MAX));
		first = next + (next != INT_MAX);
	} while (next != INT_MAX);
}

/* To numbers above all that are to be used. */
static bool move_up(const int *fds, int count, int *above)
{
	bool all = true;
	int i;

	for (i = 0; i < count; i++) {
		above[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, count);
		all &= above[i] >= 0 || fds[i] < 0;
	}
	return all;
}

void fds_keep(const int *fds, int count)
{
	int above[FDS_KEPT_MAX], i;

	/* First up, then down: otherwise one could overwrite another. */
	if (!move_up(fds, count, above)) {
		/* The limit on fds leaves no room beside those that the parent had open. */
		close_but(fds, count);
		move_up(fds, count, above);
	}
	for (i = 0; i < count; i++) {
		if (above[i] < 0)
			close(i);
		else
			dup2(above[i], i);
	}
	close_from(count, INT_MAX);
}
