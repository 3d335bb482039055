/* SPDX-License-Identifier: MIT */
/*
 * The text as a file, for node_exporter's textfile collector, which reads what ends with .prom.
 *
 * It is written beside the file as .FILE.PID, which no collector reads, and takes the file's place by
 * rename(2) when it is on the disk. What a killed process has left is removed by the next one with
 * its pid.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/metrics/metrics.h"

#define MODE 0644

static int write_all(int fd, const char *bytes, size_t size)
{
	ssize_t written;

	while (size) {
		written = write(fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

/* Return: the name of a file beside @file; NULL: no memory. */
static char *beside(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	char *path;

	return asprintf(&path, "%.*s.%s.%d", (int)(name - file), file, name, getpid()) < 0 ? NULL
											   : path;
}

/* Return: an fd, a negative errno. */
static int create(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = open(path, flags, MODE);

	if (fd < 0 && errno == EEXIST && !unlink(path))
		fd = open(path, flags, MODE);
	return fd < 0 ? -errno : fd;
}

/* The folder's entry is on the disk, too, where the file system can say so. */
static void sync_folder(const char *file)
{
	char *folder = strdup(file), *slash = folder ? strrchr(folder, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == folder] = '\0';
	if (folder) {
		fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			fsync(fd);
			close(fd);
		}
	}
	free(folder);
}

int metrics_to_file(const struct metrics_text *text, const char *file)
{
	char *path = beside(file);
	int fd, err = 0;

	if (!path)
		return -ENOMEM;
	fd = create(path);
	if (fd < 0) {
		free(path);
		return fd;
	}
	if (fchmod(fd, MODE))
		err = -errno;
	if (!err)
		err = write_all(fd, text->bytes, text->size);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(path, file))
		err = -errno;
	if (err)
		unlink(path);
	else
		sync_folder(file);
	free(path);
	return err;
}
