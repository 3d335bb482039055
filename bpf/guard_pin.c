/* SPDX-License-Identifier: MIT */
/*
 * The table of pins, and how to open, make and map them.
 *
 * The table is the only list of what a guard's folder may hold: what is loaded is pinned
 * by it, and a folder with any other name in it is never removed (guard_folder.c).
 */
#include "bpf/guard_pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/types.h>

#include <bpf/bpf.h>

#include "bpf/life_layout.h"

/*
 * The maps that every process reads are 0666, because bpf(2) refuses to map one that was
 * opened for reading alone. They are frozen instead, so that only the programs write
 * them. join is run by every process, and its effect is confined to the caller. attach is
 * an iterator, and is read like a file.
 */
const struct guard_pin guard_pins[GUARD_PINS] = {
	[GUARD_PIN_LIVES] = { LIFE_PIN_LIVES, 0666, GUARD_MAP },
	[GUARD_PIN_SEATS] = { LIFE_PIN_SEATS, 0666, GUARD_MAP },
	[GUARD_PIN_JOINED] = { LIFE_PIN_JOINED, 0666, GUARD_MAP },
	[GUARD_PIN_CONTROL] = { LIFE_PIN_CONTROL, 0666, GUARD_MAP },
	[GUARD_PIN_OWNERS] = { PIN_OWNERS, 0600, GUARD_MAP },
	[GUARD_PIN_PIDS] = { PIN_PIDS, 0600, GUARD_MAP },
	[GUARD_PIN_USERS] = { PIN_USERS, 0600, GUARD_MAP },
	[GUARD_PIN_DEATHS] = { PIN_DEATHS, 0600, GUARD_MAP },
	[GUARD_PIN_EXIT] = { LIFE_PIN_EXIT, 0600, GUARD_LINK },
	/* The second programs, whichever of the two the kernel allows (guard_load.c). */
	[GUARD_PIN_AGAIN] = { PIN_AGAIN, 0600, GUARD_LINK },
	[GUARD_PIN_EXEC] = { PIN_EXEC, 0600, GUARD_LINK },
	[GUARD_PIN_EXEC_AGAIN] = { PIN_EXEC_AGAIN, 0600, GUARD_LINK },
	[GUARD_PIN_ATTACH] = { LIFE_PIN_ATTACH, 0444, GUARD_LINK },
	[GUARD_PIN_COMMAND] = { PIN_COMMAND, 0600, GUARD_PROGRAM },
	[GUARD_PIN_JOIN] = { LIFE_PIN_JOIN, 0666, GUARD_PROGRAM },
};

bool guard_is_pin(const char *name)
{
	size_t i, size;

	for (i = 0; i < GUARD_PINS; i++) {
		size = strlen(guard_pins[i].name);
		if (!strncmp(name, guard_pins[i].name, size) &&
		    (!name[size] || !strcmp(name + size, PIN_NEW)))
			return true;
	}
	return false;
}

/*
 * bpf(2) takes a path and no folder fd. This path leads to the folder that was verified,
 * even if another folder has its name by now.
 */
static int pin_path(char *out, size_t size, int folder, const char *name)
{
	return snprintf(out, size, "/proc/self/fd/%d/%s", folder, name) < (int)size ? 0
										    : -ENAMETOOLONG;
}

int guard_pin_open(int folder, const char *name)
{
	char path[NAME_MAX + 32];
	int fd = pin_path(path, sizeof(path), folder, name);

	if (fd)
		return fd;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int guard_pin_make(int folder, const char *name, int fd, mode_t mode)
{
	char path[NAME_MAX + 32];
	struct stat st;
	int err = pin_path(path, sizeof(path), folder, name);

	if (err)
		return err;
	/*
	 * bpffs does not pass the folder's group on, so each pin gets it here: then its own
	 * mode protects it, even if the folder is opened to others.
	 */
	if (fstat(folder, &st))
		return -errno;
	if (bpf_obj_pin(fd, path) || fchownat(folder, name, (uid_t)-1, st.st_gid, 0))
		return -errno;
	/* Last, so that a pin is never open to more than its group. */
	return fchmodat(folder, name, mode, 0) ? -errno : 0;
}

int guard_pin_map(int folder, const char *name, size_t bytes, struct guard_map *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = guard_pin_open(folder, name), err = 0;
	void *at;

	if (fd < 0)
		return fd;
	out->bytes = (bytes + page - 1) / page * page;
	at = mmap(NULL, out->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err = -errno;
	else
		out->at = at;
	/* The mapping holds the map, also when its pin is removed. */
	close(fd);
	return err;
}

void guard_unmap(struct guard_map *map)
{
	if (map->at)
		munmap((void *)(uintptr_t)map->at, map->bytes);
}
