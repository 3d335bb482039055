/* SPDX-License-Identifier: MIT */
/*
 * A pid means something within one PID namespace, a start time within one time namespace; both stand beside it, each
 * by the inode of its file in /proc, which no other has as long as a process is in it. What follows:
 *
 *   it is of the caller's PID   no process has the pid                         dead
 *   namespace                   one has, and another start time is to be seen  dead
 *                               one has                                        alive
 *   of another one, and the     a process in it has the pid there              as above
 *   caller is in the initial    none has                                       dead
 *   one, whose /proc shows all
 *   anything else                                                              cannot be seen
 *
 * Another start time says nothing in another time namespace, or where /proc is that of another PID namespace, or
 * hides the process.
 */
#include "shm/judge.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "shm/row.h"

/* The option hidepid is among those of the mount if it is not off. */
static bool proc_shows_all(void)
{
	FILE *mounts = fd_stream("/proc/self/mounts");
	char *line = NULL;
	bool all = false;
	size_t room = 0;

	if (!mounts)
		return false;
	while (getline(&line, &room, mounts) > 0) {
		/* Of several the last one lies on top. */
		if (strstr(line, " /proc proc "))
			all = !strstr(line, "hidepid=");
	}
	free(line);
	fclose(mounts);
	return all;
}

void judge_begin(struct judge *out)
{
	out->pid_namespace = row_pid_namespace();
	out->time_namespace = row_time_namespace();
	out->proc_is_ours = process_proc_is_ours();
	out->sees_all = out->proc_is_ours && out->pid_namespace == ROW_PID_NAMESPACE_INITIAL &&
			proc_shows_all();
}

/* It is process @pid here, if that is the same one still. */
static enum verdict look_at(const struct judge *judge, const struct segment_who *who, pid_t pid)
{
	struct process process;

	if (!judge->proc_is_ours || !process_read(pid, &process))
		return JUDGE_ALIVE;
	if (process_is_over(&process))
		return JUDGE_DEAD;
	if (!who->start || who->time_namespace != judge->time_namespace)
		return JUDGE_ALIVE;
	return process_start_of(&process) == who->start ? JUDGE_ALIVE : JUDGE_DEAD;
}

/* The numbers of the line NSpid: here, and in each namespace below this one that it is in. The last one, or 0. */
static pid_t pid_below(const char *process, bool *is_hidden)
{
	char path[64], text[4096];
	const char *line, *at;
	int count = 0;
	ssize_t got;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/status", process);
	got = fd_read_text(path, text, sizeof(text));
	*is_hidden = got <= 0 && got != -ENOENT && got != -ESRCH;
	if (got <= 0)
		return 0;
	line = strstr(text, "\nNSpid:");
	*is_hidden = !line;
	for (at = line ? line + 7 : ""; *at && *at != '\n'; at++) {
		if (!isdigit((unsigned char)*at) || isdigit((unsigned char)at[-1]))
			continue;
		pid = atoi(at);
		count++;
	}
	return count > 1 ? pid : 0;
}

/* Whether process @here is the one of another namespace that @who may be. */
static enum verdict look_below(const struct judge *judge, const struct segment_who *who,
			       const char *here)
{
	uint64_t namespace;
	bool is_hidden;
	char path[64];

	if (pid_below(here, &is_hidden) != (pid_t)who->pid)
		return is_hidden ? JUDGE_UNSEEN : JUDGE_DEAD;
	snprintf(path, sizeof(path), "/proc/%.16s/ns/pid", here);
	namespace = row_namespace(path);
	if (!namespace)
		return errno == ENOENT || errno == ESRCH ? JUDGE_DEAD : JUDGE_UNSEEN;
	return namespace == who->pid_namespace ? look_at(judge, who, atoi(here)) : JUDGE_DEAD;
}

/* By one who sees all. */
static enum verdict look_for(const struct judge *judge, const struct segment_who *who)
{
	enum verdict verdict = JUDGE_DEAD, found;
	const struct dirent *at;
	DIR *proc = fd_folder("/proc");

	if (!proc)
		return JUDGE_UNSEEN;
	while (verdict != JUDGE_ALIVE && (at = readdir(proc))) {
		if (!isdigit((unsigned char)*at->d_name))
			continue;
		found = look_below(judge, who, at->d_name);
		if (found != JUDGE_DEAD)
			verdict = found;
	}
	closedir(proc);
	return verdict;
}

enum verdict judge_look(const struct judge *judge, const struct segment_who *who)
{
	pid_t pid = (pid_t)who->pid;

	if (pid <= 0)
		return JUDGE_DEAD;
	if (!judge->pid_namespace || !who->pid_namespace)
		return JUDGE_UNSEEN;
	if (judge->pid_namespace == who->pid_namespace)
		return kill(pid, 0) && errno == ESRCH ? JUDGE_DEAD : look_at(judge, who, pid);
	return judge->sees_all ? look_for(judge, who) : JUDGE_UNSEEN;
}
