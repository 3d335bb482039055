/* SPDX-License-Identifier: MIT */
/*
 * Starting a guard, or upgrading one that runs.
 *
 * All pins are made in a folder of another name, PATH-new-PID-N, which is renamed to PATH
 * when it is complete. So no process ever opens a guard that lacks a pin. Where a guard
 * runs, starting means upgrading it (guard_upgrade.c).
 *
 *   killed here                  what is left
 *   start, before the rename     PATH-new-PID-N: programs without a use; the next start removes it
 *   start, after it              a guard
 *
 * After starting a guard, the caller ends a process and checks that the guard has counted
 * it: nothing else proves that its programs run.
 */
#include "bpf/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include <bpf/bpf.h>

#include "bpf/guard_ask.h"
#include "bpf/guard_load.h"
#include "bpf/guard_say.h"
#include "bpf/guard_upgrade.h"

#define BPFFS "/sys/fs/bpf"

/*
 * How often other callers may start or stop a guard meanwhile before the caller gives up.
 */
#define START_TRIES 10
/*
 * How many processes are ended: the kernel may skip the programs for one of them
 * (guard.bpf.c).
 */
#define DEATH_TRIES 10

/*
 * Without BTF the programs cannot be relocated. The second check asks the kernel for
 * something harmless that needs the rights which loading needs.
 */
int guard_check(const struct guard_options *options)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		guard_say(options,
			  "this kernel has no BTF (/sys/kernel/btf/vmlinux); the guard needs "
			  "CONFIG_DEBUG_INFO_BTF and Linux 5.19 or later");
		return -ENOTSUP;
	}
	if (bpf_prog_get_next_id(0, &(__u32){ 0 }) && errno != ENOENT) {
		int err = -errno;

		guard_say(options, "the bpf system call is refused: %s; the guard needs root",
			  strerror(-err));
		return err;
	}
	return 0;
}

/*
 * Mounts bpffs at its usual place if it is not there, and lets every user search it: each
 * process that takes part opens the attach file. Does nothing for a guard at another
 * path.
 */
static int prepare_bpffs(const struct guard_options *o)
{
	struct statfs fs;
	struct stat st;

	if (strncmp(guard_path(o), BPFFS "/", strlen(BPFFS "/")))
		return 0;
	if (statfs(BPFFS, &fs))
		return -errno;
	if (fs.f_type != BPF_FS_MAGIC &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755")) {
		int err = -errno;

		guard_say(o,
			  "cannot mount bpffs at " BPFFS
			  ": %s; mount it there, or ask for another path",
			  strerror(-err));
		return err;
	}
	if (stat(BPFFS, &st))
		return -errno;
	if ((st.st_mode & 0111) != 0111 && chmod(BPFFS, (st.st_mode & 07777) | 0111))
		return -errno;
	return 0;
}

/*
 * Opens the new folder to the guard's group or to everybody. It was made 0700, so nobody
 * could put anything into it before; and it is not writable by others afterwards.
 */
static int open_to(const struct guard_at *at, const char *name)
{
	const struct guard_options *o = at->o;

	if (o->set_group && fchownat(at->parent, name, (uid_t)-1, o->group, 0))
		return -errno;
	return fchmodat(at->parent, name, o->set_group ? 0750 : 0755, 0) ? -errno : 0;
}

/*
 * Pins everything in a new folder and renames that to PATH. The rename fails if there is
 * a guard already, so of several starters one succeeds. 1: another guard has the path.
 */
static int publish(const struct guard_bpf *guard, struct guard_at *at)
{
	char name[NAME_MAX + 1];
	int folder = guard_folder_make(at, name), err;

	if (folder < 0)
		return folder;
	err = open_to(at, name);
	if (!err)
		err = guard_pin_all(guard, folder, at->o->set_group);
	if (!err && renameat(at->parent, name, at->parent, at->base)) /* happens here */
		err = errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
	if (err) {
		close(folder);
		guard_folder_remove(at, name);
		return err;
	}
	/* The fd follows the rename, so it is that of the guard now. */
	if (at->folder >= 0)
		close(at->folder);
	at->folder = folder;
	return 0;
}

/*
 * Starts a guard where there is none, or only an empty folder, which rename(2) replaces.
 * 1: another starter was first.
 */
static int start_new(struct guard_at *at)
{
	struct guard_bpf *guard = NULL;
	int err = guard_load(&guard, at);

	if (err)
		return err;
	err = publish(guard, at);
	guard_free(guard);
	return err;
}

/* Reports why a guard could not be started, and returns @err. */
static int say_why(const struct guard_at *at, int err)
{
	/* These two were reported where they occurred. */
	if (err < 0 && err != -EPROTO && err != -EUCLEAN)
		guard_say(at->o, "cannot start the guard at %s: %s; %s", guard_path(at->o),
			  strerror(-err), guard_load_reason());
	return err;
}

/*
 * One attempt. 0: started; 1: one was running, and was upgraded; 2: the state changed,
 * retry.
 */
static int start_once(struct guard_at *at, bool only_upgrade)
{
	struct life_control control;
	int err = guard_folder_open(at);

	if (err && (err != -ENOENT || only_upgrade))
		return err;
	if (err || guard_folder_is_empty(at)) {
		err = say_why(at, start_new(at));
		return err == 1 ? 2 : err;
	}
	/* A folder with anything but pins in it is not a guard, and is not touched. */
	err = guard_folder_check(at, at->base);
	if (!err)
		err = guard_control(at, &control);
	if (err == -ENOENT || err == -EPROTO)
		guard_say(at->o,
			  err == -ENOENT ? "%s is what is left of a guard; `regtool guard stop "
					   "--force` removes it"
					 : "the guard at %s has maps of another version; nothing "
					   "was changed; stop it when no process is attached, and "
					   "start it again",
			  guard_path(at->o));
	if (err)
		return err == -ENOENT ? -EUCLEAN : err;
	if (at->o->seats && at->o->seats != control.seats)
		guard_say(at->o,
			  "the guard that is running has %u seats; stop it first to change that",
			  control.seats);
	err = say_why(at, guard_upgrade_at(at));
	return err ? err : 1;
}

/*
 * Ends a process, and returns whether the guard has counted that. Others may end at the
 * same time and be counted too, which proves as much: the programs run.
 */
static bool sees_death(const struct guard_at *at)
{
	struct life_control before, after;
	pid_t pid;

	if (guard_control(at, &before))
		return false;
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return !guard_control(at, &after) &&
	       memcmp(before.exits, after.exits, sizeof(before.exits));
}

/*
 * Whether PATH still leads to the guard that was started or upgraded, and it sees a
 * death. A stopper may have renamed it away meanwhile; then new processes would not find
 * it.
 */
static bool is_at_work(const struct guard_at *at)
{
	struct stat here, there;
	int tries;

	if (fstat(at->folder, &here) ||
	    fstatat(at->parent, at->base, &there, AT_SYMLINK_NOFOLLOW) ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return false;
	for (tries = 0; tries < DEATH_TRIES; tries++) {
		if (sees_death(at))
			return true;
	}
	return false;
}

/* Retries while other callers start, stop or replace the guard. */
static int start_at(struct guard_at *at, bool only_upgrade)
{
	int tries, err = 2;

	for (tries = 0; tries < START_TRIES && err == 2; tries++) {
		if (at->folder >= 0)
			close(at->folder);
		at->folder = -1;
		err = start_once(at, only_upgrade);
		if (err >= 0 && err < 2 && !is_at_work(at))
			err = 2;
	}
	if (err == 2) {
		guard_say(at->o,
			  "the guard at %s was started but detects no process exit; check "
			  "whether another process stops or replaces it, and retry",
			  guard_path(at->o));
		return -EAGAIN;
	}
	return err;
}

static int start(const struct guard_options *options, bool only_upgrade)
{
	struct guard_at at;
	int err;

	if (options->seats > LIFE_SEATS_MAX) {
		guard_say(options, "%u seats are too many; at most %u", options->seats,
			  LIFE_SEATS_MAX);
		return -EINVAL;
	}
	err = guard_check(options);
	if (!err)
		err = prepare_bpffs(options);
	if (!err)
		err = guard_parent_open(&at, options);
	if (err)
		return err;
	guard_remove_leftovers(&at);
	err = start_at(&at, only_upgrade);
	guard_at_close(&at);
	if (err == -ENOENT)
		guard_say(options, "no guard runs at %s", guard_path(options));
	return err;
}

int guard_start(const struct guard_options *options)
{
	return start(options, false);
}

int guard_upgrade(const struct guard_options *options)
{
	return start(options, true);
}
