/* SPDX-License-Identifier: MIT */
/* The identity of the caller, and what /proc says of a process. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

/*
 * By syscall(), which turns an error into -1. The C library's getuid() and the like
 * return whatever the kernel returns, so a refusal by a filter would look like one of the
 * highest ids.
 */
pid_t process_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

pid_t process_pid(void)
{
	return (pid_t)syscall(SYS_getpid);
}

uid_t process_uid(void)
{
	return (uid_t)syscall(SYS_getuid);
}

uid_t process_euid(void)
{
	return (uid_t)syscall(SYS_geteuid);
}

gid_t process_gid(void)
{
	return (gid_t)syscall(SYS_getgid);
}

int process_signal(pid_t pid, int signal)
{
	if (pid <= 0)
		return -ESRCH;
	return kill(pid, signal) ? -errno : 0;
}

int process_signal_group(pid_t leader, int signal)
{
	if (leader <= 1)
		return -ESRCH;
	return kill(-leader, signal) ? -errno : 0;
}

const char *process_refused(bool all, int *err)
{
	static const struct {
		long number;
		const char *name;
	} calls[] = {
		{ SYS_geteuid, "geteuid" }, { SYS_gettid, "gettid" }, { SYS_getpid, "getpid" },
		{ SYS_getuid, "getuid" },   { SYS_getgid, "getgid" },
	};
	size_t i;

	for (i = 0; i < (all ? sizeof(calls) / sizeof(*calls) : 1); i++) {
		if (syscall(calls[i].number) >= 0)
			continue;
		*err = -errno;
		return calls[i].name;
	}
	return NULL;
}

/*
 * The line NSpid has a pid for each PID namespace from that of the /proc down to the
 * caller's: one, if they are the same. To compare /proc/self with the caller's pid would not
 * do, because a process may have the same pid in both. Without the line the kernel has no
 * such namespaces. The line is searched in the whole file, because it comes behind the list
 * of groups, which may be of any length. Each read starts with the end of the one before,
 * so a line is not missed where two reads meet.
 */
bool process_proc_is_ours(void)
{
	char text[4096];
	int fd = fd_open("/proc/self/status", O_RDONLY, 0), here, below;
	size_t kept = 0, tail = 256;
	bool is_ours = false;
	const char *line;
	ssize_t got;

	if (fd < 0)
		return false;
	while ((got = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		text[kept + (size_t)got] = 0;
		line = strstr(text, "\nNSpid:");
		is_ours = !line ||
			  (sscanf(line + 7, "%d %d", &here, &below) == 1 && here == process_pid());
		if (line && strchr(line + 1, '\n'))
			break;
		kept += (size_t)got;
		if (kept > tail) {
			memmove(text, text + kept - tail, tail);
			kept = tail;
		}
	}
	close(fd);
	return is_ours;
}

/* The fields of /proc/PID/stat, as proc_pid_stat(5) numbers them. */
enum stat_field {
	STAT_STATE = 3,
	STAT_PARENT = 4,
	STAT_SESSION = 6,
	STAT_FLAGS = 9,
	STAT_THREADS = 20,
	STAT_START = 22,
	/* since Linux 3.5, and not everywhere that has a /proc */
	STAT_CODE_START = 26,
	STAT_ENV_START = 50,
	STAT_ENV_END = 51,
};

/*
 * Parses /proc/PID/stat. False: it cannot be read, or has too few fields. Not by sscanf(),
 * whose first use is three page faults: each process that opens a registry comes here.
 */
static bool read_stat(const char *path, struct process *out)
{
	unsigned long long fields[STAT_ENV_END + 1] = { 0 };
	char text[1024];
	const char *at;
	int i;

	if (fd_read_text(path, text, sizeof(text)) <= 0)
		return false;
	/*
	 * The name may hold anything, brackets too; what follows the last one is numbers.
	 */
	at = strrchr(text, ')');
	if (!at || at[1] != ' ' || !at[2])
		return false;
	out->state = at[2];
	at += 3;
	for (i = STAT_STATE + 1; i <= STAT_START || (i <= STAT_ENV_END && *at == ' '); i++) {
		bool is_negative = at[0] == ' ' && at[1] == '-';

		if (*at++ != ' ')
			return false;
		at += is_negative;
		if (!text_is_digit(*at))
			return false;
		for (; text_is_digit(*at); at++)
			fields[i] = fields[i] * 10 + (unsigned)(*at - '0');
		if (is_negative)
			fields[i] = 0 - fields[i];
	}
	out->parent = (pid_t)fields[STAT_PARENT];
	out->session = (pid_t)fields[STAT_SESSION];
	out->flags = (unsigned)fields[STAT_FLAGS];
	out->threads = (long)fields[STAT_THREADS];
	out->ticks = fields[STAT_START];
	out->has_program = fields[STAT_CODE_START] != 0;
	out->env_bytes = fields[STAT_ENV_END] - fields[STAT_ENV_START];
	return true;
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
	/*
	 * A leader that has exited before its threads looks like a zombie too, while the
	 * process goes on.
	 */
	return (process->state == 'Z' || process->state == 'X') && process->threads <= 1;
}

/* Ticks of user space, 100 a second mostly, in nanoseconds. */
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
