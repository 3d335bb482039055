/* SPDX-License-Identifier: MIT */
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

bool process_proc_is_ours(void)
{
	char text[32] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 && atoi(text) == getpid();
}

static bool read_stat(const char *path, struct process *out)
{
	char text[1024];
	const char *at;
	ssize_t got;
	int fd;

	fd = fd_open(path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = 0;
	/* The name may hold anything, brackets too; what follows the last one is numbers. */
	at = strrchr(text, ')');
	return at &&
	       sscanf(at + 1,
		      " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld "
		      "%*d %llu",
		      &out->state, &out->parent, &out->session, &out->threads, &out->ticks) == 5;
}

bool process_read(pid_t pid, struct process *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_stat(path, out);
}

bool process_read_self(struct process *out)
{
	return read_stat("/proc/self/stat", out);
}

bool process_is_over(const struct process *process)
{
	/* A leader that has exited before its threads looks like a zombie too. */
	return (process->state == 'Z' || process->state == 'X') && process->threads <= 1;
}

uint64_t process_start_of(const struct process *process)
{
	return process->ticks * (1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK));
}

uint64_t process_start(pid_t pid)
{
	struct process process;

	if (!process_read(pid, &process) || process_is_over(&process))
		return 0;
	return process_start_of(&process);
}
