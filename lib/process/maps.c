/* SPDX-License-Identifier: MIT */
#include "lib/process/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

/* As in <linux/fs.h> since 6.11: the headers of the build may be older than the kernel. */
struct map_query {
	uint64_t size;
	uint64_t flags; /* what the mapping has to be */
	uint64_t address;
	uint64_t start, end; /* of the mapping, as all that follows */
	uint64_t is;
	uint64_t page_size;
	uint64_t offset;
	uint64_t inode;
	uint32_t major_number, minor_number;
	uint32_t name_size, id_size;
	uint64_t name, id;
};
#define MAP_QUERY _IOWR('f', 17, struct map_query)

enum {
	MAP_WRITABLE = 0x02,
	MAP_SHARED_WITH_OTHERS = 0x08,
	MAP_AT_OR_BEHIND = 0x10,
	MAP_OF_FILE = 0x20,
};

/* 1: the kernel cannot be asked; else as maps_look(). */
static int query(int fd, const struct segment *s)
{
	struct map_query map = { .size = sizeof(map) };

	map.flags = MAP_WRITABLE | MAP_SHARED_WITH_OTHERS | MAP_AT_OR_BEHIND | MAP_OF_FILE;
	while (!ioctl(fd, MAP_QUERY, &map)) {
		if (map.inode == s->inode && map.major_number == major(s->device) &&
		    map.minor_number == minor(s->device))
			return 0;
		map.address = map.end;
	}
	switch (errno) {
	case ENOENT:
		return -EUCLEAN;
	case ESRCH:
		return -ENODATA;
	default:
		return 1;
	}
}

static bool is_mapping_of(const char *line, const struct segment *s)
{
	unsigned int major_number, minor_number;
	unsigned long inode;
	char how[5];

	return sscanf(line, "%*x-%*x %4s %*x %x:%x %lu", how, &major_number, &minor_number,
		      &inode) == 4 &&
	       how[1] == 'w' && how[3] == 's' && major_number == major(s->device) &&
	       minor_number == minor(s->device) && inode == s->inode;
}

int maps_look_at_text(const char *path, const struct segment *s)
{
	FILE *maps = fd_stream(path);
	int err = -ENODATA;
	char *line = NULL;
	size_t size = 0;

	if (!maps)
		return errno == ESRCH ? -ENODATA : -EACCES;
	/* Whole lines, because a file name may contain anything. */
	while (err && getline(&line, &size, maps) > 0)
		err = is_mapping_of(line, s) ? 0 : -EUCLEAN;
	if (err && ferror(maps))
		err = -EACCES;
	free(line);
	fclose(maps);
	return err;
}

int maps_look(const char *path, const struct segment *s)
{
	int fd = fd_open(path, O_RDONLY, 0), found;

	if (fd < 0)
		return fd == -ESRCH ? -ENODATA : -EACCES;
	found = query(fd, s);
	close(fd);
	return found > 0 ? maps_look_at_text(path, s) : found;
}
