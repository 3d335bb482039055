/* SPDX-License-Identifier: MIT */
/*
 * The folder is removed by the process that made it, also when a test in it failed; a child of fork() does not remove it.
 */
#include "tests/support/tmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/support/unit.h"

#define ON_TMPFS "/dev/shm"
#define PINS "/sys/fs/bpf"

static char directory[128];
static pid_t maker;

/* In a cgroup only folders can be removed, and it is empty without its files. */
static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	(void)!remove(path);
	return 0;
}

/* A mount at @path or below it that was made last there, if there is one. */
static bool last_mount(const char *path, char at[PATH_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	size_t size = strlen(path);
	const struct mntent *mount;
	bool is_there = false;

	while (mounts && (mount = getmntent(mounts))) {
		const char *folder = mount->mnt_dir;

		if (strncmp(folder, path, size) || (folder[size] && folder[size] != '/'))
			continue;
		snprintf(at, PATH_MAX, "%s", folder);
		is_there = true;
	}
	if (mounts)
		endmntent(mounts);
	return is_there;
}

/* Without forks (CK_FORK=no) this process is in the namespace of its cases, where a mount keeps its folder. */
static void remove_all(const char *path)
{
	char at[PATH_MAX];

	while (last_mount(path, at) && !umount2(at, MNT_DETACH))
		;
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void remove_directory(void)
{
	if (getpid() == maker)
		remove_all(directory);
}

static unsigned long long pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : st.st_ino;
}

void tmp_name_of(pid_t pid, char name[TMP_NAME])
{
	struct process process = { 0 };

	process_read(pid, &process);
	snprintf(name, TMP_NAME, "kreg-test-%d-%llu-%llu", pid, process.ticks, pid_namespace());
}

static bool is_of_the_dead(const char *name)
{
	unsigned long long ticks, space;
	struct process process;
	pid_t pid;

	if (sscanf(name, "kreg-test-%d-%llu-%llu", &pid, &ticks, &space) != 3 || pid <= 0 ||
	    space != pid_namespace())
		return false;
	if (process_read(pid, &process))
		return process_is_over(&process) || process.ticks != ticks;
	/* /proc may hide a process of another user. */
	return kill(pid, 0) && errno == ESRCH;
}

/* Read in parts that overlap, because it may be long; a large static buffer would count where a test limits memory. */
static bool environment_has(int fd, const char *name)
{
	char part[16384];
	size_t used = 0, keep = strlen(name);
	ssize_t got;

	while ((got = read(fd, part + used, sizeof(part) - used)) > 0) {
		used += (size_t)got;
		if (memmem(part, used, name, keep))
			return true;
		if (used > keep) {
			memmove(part, part + used - keep, keep);
			used = keep;
		}
	}
	return false;
}

static bool was_started_for(const char *pid, const char *name)
{
	char path[64];
	bool has;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	has = environment_has(fd, name);
	close(fd);
	return has;
}

/*
 * Of shell tests: KREG_DIR names their folder. Children of C tests end with them (mark.c, orphans.c). How many there
 * are; a zombie has no environment, and does not count.
 */
static int kill_started_for(const char *name)
{
	DIR *processes = opendir("/proc");
	const struct dirent *at;
	int pid, count = 0;

	while (processes && (at = readdir(processes))) {
		pid = atoi(at->d_name);
		if (pid <= 1 || pid == getpid() || !was_started_for(at->d_name, name))
			continue;
		kill(pid, SIGKILL);
		count++;
	}
	if (processes)
		closedir(processes);
	return count;
}

void tmp_end_started_for(const char *name)
{
	int tries;

	for (tries = 0; tries < 5000 && kill_started_for(name); tries++)
		usleep(2000);
}

void tmp_remove_dead_in(const char *folder)
{
	DIR *entries = opendir(folder);
	const struct dirent *at;
	char path[512];

	while (entries && (at = readdir(entries))) {
		if (!is_of_the_dead(at->d_name))
			continue;
		kill_started_for(at->d_name);
		snprintf(path, sizeof(path), "%s/%.255s", folder, at->d_name);
		remove_all(path);
	}
	if (entries)
		closedir(entries);
}

void tmp_remove_dead(void)
{
	tmp_remove_dead_in(ON_TMPFS);
	tmp_remove_dead_in(PINS);
}

const char *tmp_directory(void)
{
	char name[TMP_NAME];

	if (maker)
		return directory;
	tmp_remove_dead();
	tmp_name_of(getpid(), name);
	snprintf(directory, sizeof(directory), ON_TMPFS "/%s", name);
	/* Open to other users: some tests become them. */
	if (mkdir(directory, 0777) || chmod(directory, 01777)) {
		perror(directory);
		exit(1);
	}
	maker = getpid();
	atexit(remove_directory);
	return directory;
}

bool tmp_mount(const char *folder, const char *size)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%s", size);
	if (mkdir(folder, 0700) && errno != EEXIST) {
		perror(folder);
		exit(1);
	}
	if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mount("tmpfs", folder, "tmpfs", 0, options))
		return true;
	unit_skip("only root can mount a tmpfs: %s", strerror(errno));
	return false;
}

void tmp_registry(char path[TMP_PATH], uid_t user, const char *name)
{
	snprintf(path, TMP_PATH, "%s/kreg.%u.%s", tmp_directory(), user, name);
}
