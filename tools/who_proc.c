/* SPDX-License-Identifier: MIT */
/*
 * An owner in /proc. A pid may be another process's at any time, so what was read counts only if
 * the owner is still alive behind it. A pidfd says first whether that pid is the owner's here: the
 * registry may be another container's, or name a process that has nothing to do with it.
 */
#include "tools/who_proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/boot_time.h"

#define FILE_MAX 8192
#define LINE_MAX_SIZE 4096

/* A file of the folder of a process, as a string. Return: its size, < 0: it cannot be read. */
static ssize_t read_file(int folder, const char *name, char *to, size_t capacity)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t size = 0, step;

	if (fd < 0)
		return -1;
	while ((size_t)size < capacity - 1) {
		step = read(fd, to + size, capacity - 1 - (size_t)size);
		if (step < 0)
			size = -1;
		if (step <= 0)
			break;
		size += step;
	}
	close(fd);
	if (size >= 0)
		to[size] = '\0';
	return size;
}

static enum who_state state_of(char letter)
{
	switch (letter) {
	case 'T':
	case 't':
		return WHO_STOPPED;
	case 'Z':
	case 'X':
		return WHO_ZOMBIE;
	default:
		return WHO_RUNNING;
	}
}

/* "PID (COMM) STATE ...": a comm may contain anything. The start is the twentieth behind it. */
static bool read_stat(int folder, struct who *who)
{
	char text[FILE_MAX], *begin, *end, *at;
	unsigned long long ticks;
	int64_t hertz = sysconf(_SC_CLK_TCK);
	int i;

	if (read_file(folder, "stat", text, sizeof(text)) < 0)
		return false;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end || end < begin || strlen(end) < 3)
		return false;
	*end = '\0';
	who->comm = strdup(begin + 1);
	at = end + 2;
	who->state = state_of(*at);
	for (i = 0; i < 19 && at; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return true;
	ticks = strtoull(at, NULL, 10);
	who->age_ms = boot_time_ms() - (int64_t)(ticks * 1000 / (unsigned long long)hertz);
	if (who->age_ms < 0)
		who->age_ms = 0;
	return true;
}

/* What is behind @name, which has a newline in front, in /proc/PID/status; NULL: it is not there. */
static const char *field(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? line + strlen(name) : NULL;
}

static void read_status(int folder, struct who *who)
{
	char text[FILE_MAX];
	const char *at;

	if (read_file(folder, "status", text, sizeof(text)) < 0)
		return;
	at = field(text, "\nCoreDumping:");
	if (at && strtoul(at, NULL, 10))
		who->state = WHO_DUMPING;
	at = field(text, "\nUid:");
	if (at) {
		char *next;

		strtoul(at, &next, 10);
		who->uid = (uint32_t)strtoul(next, NULL, 10);
	}
}

static char *read_line(int folder)
{
	char text[LINE_MAX_SIZE];
	ssize_t size = read_file(folder, "cmdline", text, sizeof(text)), i;

	while (size > 0 && !text[size - 1])
		size--;
	if (size <= 0)
		return NULL;
	for (i = 0; i < size; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	text[size] = '\0';
	return strdup(text);
}

static bool is_unit(const char *name, size_t size)
{
	static const char *const ends[] = { ".service", ".scope", ".socket", ".mount", ".swap" };
	size_t i, end;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		end = strlen(ends[i]);
		if (size > end && !memcmp(name + size - end, ends[i], end))
			return true;
	}
	return false;
}

/* The last unit on the way to the cgroup: that of a user's manager has the user's in it. */
static char *unit_of(const char *path)
{
	const char *found = NULL, *at = path;
	size_t size = 0, step;

	for (; *at; at += step + (at[step] == '/')) {
		step = strcspn(at, "/");
		if (is_unit(at, step)) {
			found = at;
			size = step;
		}
	}
	if (found)
		return strndup(found, size);
	return strcmp(path, "/") ? strdup(path) : NULL;
}

/* The line "0::PATH" of cgroup v2, or systemd's of v1. */
static char *read_unit(int folder)
{
	char text[FILE_MAX], *line, *rest = text, *path;

	if (read_file(folder, "cgroup", text, sizeof(text)) < 0)
		return NULL;
	while ((line = strsep(&rest, "\n"))) {
		if (!strncmp(line, "0::", 3))
			return unit_of(line + 3);
		path = strstr(line, ":name=systemd:");
		if (path)
			return unit_of(path + strlen(":name=systemd:"));
	}
	return NULL;
}

static void forget(struct who *who)
{
	free((char *)who->comm);
	free((char *)who->line);
	free((char *)who->unit);
	*who = (struct who){ .pid = who->pid, .uid = KREG_ID_UNKNOWN, .age_ms = -1 };
}

static void read_folder(int folder, unsigned int flags, struct who *who)
{
	if (!read_stat(folder, who))
		return;
	read_status(folder, who);
	if (flags & WHO_LINE)
		who->line = read_line(folder);
	if (flags & WHO_UNIT)
		who->unit = read_unit(folder);
}

void who_read(struct kreg *k, const struct kreg_owner *owner, unsigned int flags, struct who *who)
{
	char path[32];
	int fd, folder;

	*who = (struct who){ .pid = owner->pid, .uid = KREG_ID_UNKNOWN, .age_ms = -1 };
	if (flags & WHO_PID_ONLY)
		return;
	fd = kreg_owner_pidfd(k, owner);
	if (fd == -ESRCH && kreg_owner_is_alive(k, owner)) {
		who->state = WHO_FORGED;
		return;
	}
	if (fd == -ESRCH || fd == -EREMOTE)
		return;
	/* Others, as a lack of fds or of permission to look: it is the owner's pid, nevertheless. */
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof(path), "/proc/%d", owner->pid);
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	read_folder(folder, flags, who);
	close(folder);
	if (!kreg_owner_is_alive(k, owner))
		forget(who);
}
