/* SPDX-License-Identifier: MIT */
/*
 * Whether an owner has opened the registry. Under the guard the kernel notes a process's
 * registry when it opens it, and only this note counts. If the guard has no room for it,
 * and in the fallback, whose lives and rows are in the registry itself, /proc/PID/maps
 * shows which files a process has mapped. It is readable by those that might trace the
 * process: root, and the process's own user; mostly these could also do something to it.
 * A child of fork() has its parent's mappings until it calls exec, so it counts as having
 * opened what its parent had opened.
 *
 *   the fallback's owner      has to
 *   a process                 have the file mapped, for writing
 *   a foster parent           have it mapped, and be the parent of the program whose name it holds
 *   a watcher                 have it mapped, and be permitted to signal the program itself, by
 *                             kill(2)'s rule. Its program may have been reaped, and the pid be
 *                             another process's: the start time in its row tells them apart
 *   our own child             the same, unless it has changed its credentials, so /proc hides it
 *                             from us: a forged row that names our child makes us do nothing
 *                             that we would not do anyway
 */
#include "lib/process/opened.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "lib/process/maps.h"
#include "shm/row.h"

/*
 * Reads the maps of a living thread: the first one may have ended, and its maps are empty
 * then.
 */
static int look_at_threads(pid_t pid, const struct segment *s)
{
	char path[sizeof("/proc//task//maps") + 2 * 12];
	struct dirent *thread;
	int err = -ENODATA;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = fd_folder(path);
	if (!threads)
		return -EACCES;
	while (err == -ENODATA && (thread = readdir(threads))) {
		int tid = atoi(thread->d_name);

		if (tid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%d/maps", pid, tid);
		err = maps_look(path, s);
	}
	closedir(threads);
	return err;
}

static bool is_child_of(pid_t pid, pid_t parent)
{
	struct process process;

	return process_read(pid, &process) && process.parent == parent;
}

/* Real, effective and saved. */
static bool read_uids(pid_t pid, unsigned int uids[3])
{
	FILE *status = fd_stream_of(pid, "status");
	char line[256];
	bool found = false;

	if (!status)
		return false;
	while (!found && fgets(line, sizeof(line), status))
		found = sscanf(line, "Uid: %u %u %u", &uids[0], &uids[1], &uids[2]) == 3;
	fclose(status);
	return found;
}

/* Otherwise a forged row would make us do to a process what its writer may not do itself. */
static bool might_signal(pid_t from, pid_t to)
{
	unsigned int of[3], its[3];

	return read_uids(from, of) && read_uids(to, its) &&
	       (!of[1] || of[0] == its[0] || of[0] == its[2] || of[1] == its[0] || of[1] == its[2]);
}

static int has_mapped(const struct kreg *k, pid_t pid)
{
	char path[32];
	int err;

	if (pid == process_pid() && k->writable)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	err = maps_look(path, &k->segment);
	if (err == -ENODATA)
		err = look_at_threads(pid, &k->segment);
	if (err == -EACCES && is_child_of(pid, process_pid()))
		err = 0;
	return err == -ENODATA ? -EACCES : err;
}

/* Whether @pid is still the process that it was when the row of @owner was written. */
static int is_same(const struct kreg *k, owner_t owner, pid_t pid)
{
	const struct segment_who *who = &row_look(&k->segment, owner_seat(owner))->who;
	struct process process;

	if (!who->start || who->time_namespace != row_time_namespace() || !process_proc_is_ours() ||
	    !process_read(pid, &process))
		return -EACCES;
	return process_start_of(&process) == who->start ? 0 : -EUCLEAN;
}

static int opened_in_fallback(const struct kreg *k, owner_t owner, pid_t pid)
{
	pid_t foster = row_foster(&k->segment, owner);
	int err;

	if (!foster || foster == pid)
		return has_mapped(k, pid);
	if (is_child_of(pid, foster))
		return has_mapped(k, foster);
	err = is_same(k, owner, pid);
	if (err)
		return err;
	return might_signal(foster, pid) ? has_mapped(k, foster) : -EUCLEAN;
}

bool opened_by_watcher(const struct kreg *k, owner_t owner, pid_t pid)
{
	pid_t holder = k->lives.facts ? 0 : row_foster(&k->segment, owner);
	struct process process;

	return holder && holder != pid && process_proc_is_ours() && process_read(pid, &process) &&
	       process.parent != holder;
}

int opened_by(struct kreg *k, owner_t owner, pid_t pid)
{
	switch (life_has_joined(&k->lives, owner, k->segment.device, k->segment.inode)) {
	case LIFE_JOINED_YES:
		return 0;
	case LIFE_JOINED_NO:
		return -EUCLEAN;
	default:
		break;
	}
	if (pid <= 0)
		return -EUCLEAN;
	if (!handle_pid_is_ours(k, owner))
		return -EACCES;
	return k->lives.facts ? has_mapped(k, pid) : opened_in_fallback(k, owner, pid);
}
