/* SPDX-License-Identifier: MIT */
/*
 * Judge: a pid and a start time, compared with what /proc shows.
 *
 * A pid means something within one PID namespace, a start time within one time namespace;
 * both stand beside it, each by the inode of its file in /proc, which no other namespace
 * has as long as a process is in it. What follows:
 *
 *   it is of the caller's PID   no process has the pid                         dead
 *   namespace                   one has, and another start time is to be seen  dead
 *                               one has                                        alive
 *   of another one, and the     a process in it has the pid there              as above
 *   caller is in the initial    none has                                       dead
 *   one, whose /proc shows all
 *   anything else                                                              cannot be seen
 *
 * Another start time says nothing in another time namespace, or where /proc is that of
 * another PID namespace, or hides the process. Every doubt is decided for "alive": a
 * refusal can be repeated, the end of a registry in use cannot be undone.
 *
 * Nothing is written, so a process that is killed here leaves nothing.
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

/*
 * Whether /proc is mounted without the option hidepid, which hides other users'
 * processes; the option is listed only if it is not off. A hidden process would be
 * missing from /proc and so be judged dead.
 */
static bool proc_shows_all(void)
{
	FILE *mounts = fd_stream("/proc/self/mounts");
	char *line = NULL;
	bool all = false;
	size_t room = 0;

	if (!mounts)
		return false;
	while (getline(&line, &room, mounts) > 0) {
		/* Of several mounts the last one lies on top. */
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

/*
 * @who is process @pid here, if that pid has not been given to another process since. Its
 * start time tells; where it cannot be compared, the process counts as alive.
 */
static enum verdict look_at(const struct judge *judge, const struct segment_who *who, pid_t pid)
{
	struct process process;

	/*
	 * A signal has found a process, or the walk of /proc has: what cannot be read may
	 * be hidden.
	 */
	if (!judge->proc_is_ours || !process_read(pid, &process))
		return JUDGE_ALIVE;
	if (process_is_over(&process))
		return JUDGE_DEAD;
	/*
	 * Start times are counted from the boot of a time namespace, so those of two
	 * differ for one and the same process.
	 */
	if (!who->start || who->time_namespace != judge->time_namespace)
		return JUDGE_ALIVE;
	return process_start_of(&process) == who->start ? JUDGE_ALIVE : JUDGE_DEAD;
}

/*
 * The process's pid in the innermost PID namespace that it is in: the last number of the
 * line NSpid in its status, which begins with the pid here. 0 if it is in none below this
 * one, or has ended. *is_hidden: the file, or the line, cannot be read, so nothing is
 * known.
 */
static pid_t pid_below(const char *process, bool *is_hidden)
{
	char path[64], text[4096];
	const char *line, *at;
	int count = 0;
	ssize_t got;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/status", process);
	got = fd_read_text(path, text, sizeof(text));
	/*
	 * -ENOENT and -ESRCH: the process has ended since readdir() returned it. Anything
	 * else is a refusal.
	 */
	*is_hidden = got <= 0 && got != -ENOENT && got != -ESRCH;
	if (got <= 0)
		return 0;
	line = strstr(text, "\nNSpid:");
	*is_hidden = !line;
	/*
	 * Reads a number only at its first digit; at[-1] is the character before it, a
	 * ':' or a tab at first.
	 */
	for (at = line ? line + 7 : ""; *at && *at != '\n'; at++) {
		if (!isdigit((unsigned char)*at) || isdigit((unsigned char)at[-1]))
			continue;
		pid = atoi(at);
		count++;
	}
	return count > 1 ? pid : 0;
}

/*
 * Whether process @here may be the one that @who means in another namespace. The pid is
 * compared first, because it is in the file that is read anyway; then the namespace,
 * because processes of several namespaces have that pid there.
 */
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
	/*
	 * The process may have ended between the two reads; then it is gone, not hidden.
	 */
	if (!namespace)
		return errno == ENOENT || errno == ESRCH ? JUDGE_DEAD : JUDGE_UNSEEN;
	return namespace == who->pid_namespace ? look_at(judge, who, atoi(here)) : JUDGE_DEAD;
}

/*
 * For a judge that sees all processes of the host. The walk ends at the first that is
 * alive. A process that cannot be judged makes the verdict UNSEEN, but the walk goes on,
 * because a later one may be the process itself; a later DEAD does not take UNSEEN back.
 */
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

/*
 * pid 0: nobody has ever opened the seat. Negative: damage; kill() would take it for a
 * group of processes. Without both namespaces the pid cannot be interpreted.
 */
enum verdict judge_look(const struct judge *judge, const struct segment_who *who)
{
	pid_t pid = (pid_t)who->pid;

	if (pid <= 0)
		return JUDGE_DEAD;
	if (!judge->pid_namespace || !who->pid_namespace)
		return JUDGE_UNSEEN;
	if (judge->pid_namespace == who->pid_namespace)
		/*
		 * By a signal and not by /proc, which may hide the process, or be another
		 * namespace's: -EPERM means that it is there. A zombie is found too, and
		 * then recognized by its state.
		 */
		return process_signal(pid, 0) == -ESRCH ? JUDGE_DEAD : look_at(judge, who, pid);
	return judge->sees_all ? look_for(judge, who) : JUDGE_UNSEEN;
}
