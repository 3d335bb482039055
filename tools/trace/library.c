/* SPDX-License-Identifier: MIT */
#include "tools/trace/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "libkreg.so"
#define REMOVED " (deleted)"

/* How the note of a probe begins: provider and name, each ended by a 0 byte. */
static const char note[] = "kreg\0name_registered";

/* The file of a line of /proc/PID/maps; NULL: none. */
static char *file_of(char *line)
{
	char *file = strchr(line, '/');

	line[strcspn(line, "\n")] = '\0';
	return file;
}

static bool is_library(const char *file)
{
	const char *name = strrchr(file, '/') + 1;

	return !strncmp(name, LIBRARY, strlen(LIBRARY)) &&
	       (!name[strlen(LIBRARY)] || strchr(". ", name[strlen(LIBRARY)]));
}

/* Copies the path of the library that @process has mapped. -ENOENT: none; -ESTALE. */
static int find_mapped(char path[LIBRARY_PATH], const char *process, const char *root)
{
	char maps[64], *line = NULL, *file, *removed;
	size_t room = 0;
	int err = -ENOENT;
	FILE *from;

	snprintf(maps, sizeof(maps), "%s/maps", process);
	from = fopen(maps, "re");
	if (!from)
		return errno == ENOENT ? -ESRCH : -errno;
	while (err == -ENOENT && getline(&line, &room, from) > 0) {
		file = file_of(line);
		if (!file || !is_library(file))
			continue;
		removed = strstr(file, REMOVED);
		err = removed && !removed[strlen(REMOVED)] ? -ESTALE : 0;
		if (snprintf(path, LIBRARY_PATH, "%s%s", root, file) >= LIBRARY_PATH)
			err = -ENAMETOOLONG;
	}
	free(line);
	fclose(from);
	return err;
}

static int check_probes(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat file;
	void *bytes;

	if (fd < 0)
		return -errno;
	bytes = fstat(fd, &file) || !file.st_size
			? MAP_FAILED
			: mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		err = -EIO;
	else if (!memmem(bytes, (size_t)file.st_size, note, sizeof(note)))
		err = -ENOENT;
	if (bytes != MAP_FAILED)
		munmap(bytes, (size_t)file.st_size);
	close(fd);
	return err;
}

int library_find(char path[LIBRARY_PATH], pid_t pid)
{
	char process[32] = "/proc/self", root[48] = "";
	int err;

	if (pid) {
		snprintf(process, sizeof(process), "/proc/%d", pid);
		snprintf(root, sizeof(root), "%s/root", process);
	}
	err = find_mapped(path, process, root);
	if (err == -ENOENT) {
		snprintf(path, LIBRARY_PATH, "%s/exe", process);
		err = 0;
	}
	return err ? err : check_probes(path);
}
