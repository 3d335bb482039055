/* SPDX-License-Identifier: MIT */
/*
 * The folders of registries: their file systems' space, and what removes files there.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

/* Percent, and the least that is enough anyway. */
#define FULL 98
#define NEARLY_FULL 90
#define ENOUGH (64ull << 20)

/* logind spares system users, whose uids are below. */
#define UID_FIRST 1000

#define say(doctor, folder, is, word, ...)                                                         \
	doctor_say(                                                                                \
		doctor,                                                                            \
		&(struct doctor_finding){ .verdict = (is), .check = (word), .object = (folder) },  \
		__VA_ARGS__)

static void check_bytes(struct doctor *doctor, const char *folder, const struct statfs *fs)
{
	uint64_t size = (uint64_t)fs->f_blocks * (uint64_t)fs->f_bsize;
	uint64_t left = (uint64_t)fs->f_bavail * (uint64_t)fs->f_bsize;
	char all[32], some[32];

	doctor_size(all, size);
	doctor_size(some, left);
	if (size && left * 100 <= size * (100 - FULL) && left < ENOUGH)
		say(doctor, folder, DOCTOR_FAILURE, "space",
		    "its file system is full, %s of %s are left, so registering fails with ENOSPC; "
		    "`regtool registries --sort -bytes` and `du -a %s` show what takes it; remove "
		    "that, or `mount -o remount,size=` it larger",
		    some, all, folder);
	else if (size && left * 100 <= size * (100 - NEARLY_FULL) && left < 16 * ENOUGH)
		say(doctor, folder, DOCTOR_WARNING, "space",
		    "%s of %s are left in its file system; `regtool registries --sort -bytes` and "
		    "`du -a %s` show what takes it",
		    some, all, folder);
	else
		say(doctor, folder, DOCTOR_OK, "space", "%s of %s are left", some, all);
}

static void check_folder(struct doctor *doctor, const char *folder)
{
	struct statfs fs;

	if (statfs(folder, &fs)) {
		say(doctor, folder, DOCTOR_UNKNOWN, "space", "%s", strerror(errno));
		return;
	}
	if (fs.f_type != TMPFS_MAGIC) {
		say(doctor, folder, DOCTOR_FAILURE, "space",
		    "it is not in a tmpfs, so opening a registry fails with EOPNOTSUPP; mount one "
		    "there, or set KREG_DIR to another folder");
		return;
	}
	check_bytes(doctor, folder, &fs);
	if (fs.f_files && fs.f_ffree * 100 <= fs.f_files)
		say(doctor, folder, DOCTOR_FAILURE, "space",
		    "%" PRIu64 " of %" PRIu64 " inodes are left in its file system, so creating a "
		    "registry fails with ENOSPC; remove files, or `mount -o remount,nr_inodes=`",
		    (uint64_t)fs.f_ffree, (uint64_t)fs.f_files);
}

/* Where the user's next registry is created. */
static const char *own_folder(char *to, size_t size)
{
	const char *given = getenv("KREG_DIR");

	if (given && *given)
		return given;
	snprintf(to, size, "/run/kreg/%u", geteuid());
	if (!access(to, F_OK))
		return to;
	return access("/run/kreg", F_OK) ? "/dev/shm" : "/run/kreg";
}

static bool has_come(const struct doctor_look *from, const struct doctor_look *to,
		     const char *folder)
{
	for (; from != to; from = from->next) {
		if (!strcmp(from->directory, folder))
			return true;
	}
	return false;
}

/* The last word counts, also of several files. */
static void read_setting(const char *path, bool *removes)
{
	FILE *from = fopen(path, "re");
	char line[256], *at;

	if (!from)
		return;
	while (fgets(line, sizeof(line), from)) {
		at = line + strspn(line, " \t");
		if (strncmp(at, "RemoveIPC", 9))
			continue;
		at += 9 + strspn(at + 9, " \t=");
		at[strcspn(at, " \t\n")] = '\0';
		*removes = strcasecmp(at, "no") && strcasecmp(at, "false") &&
			   strcasecmp(at, "off") && strcmp(at, "0");
	}
	fclose(from);
}

static bool logind_removes(void)
{
	static const char *const patterns[] = {
		"/usr/lib/systemd/logind.conf",          "/etc/systemd/logind.conf",
		"/usr/lib/systemd/logind.conf.d/*.conf", "/run/systemd/logind.conf.d/*.conf",
		"/etc/systemd/logind.conf.d/*.conf",
	};
	bool removes = true;
	glob_t found;
	size_t i, file;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (glob(patterns[i], 0, NULL, &found))
			continue;
		for (file = 0; file < found.gl_pathc; file++)
			read_setting(found.gl_pathv[file], &removes);
		globfree(&found);
	}
	return removes;
}

static bool lingers(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	char path[512];

	if (!user)
		return false;
	snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s", user->pw_name);
	return !access(path, F_OK);
}

/* It removes files of ordinary users below /dev/shm when their last session ends. */
static void check_logind(struct doctor *doctor)
{
	const struct doctor_look *look;
	unsigned int count = 0;

	if (access("/run/systemd/seats", F_OK)) {
		doctor_say_host(doctor, DOCTOR_OK, "logind", "it does not run here");
		return;
	}
	if (!logind_removes()) {
		doctor_say_host(doctor, DOCTOR_OK, "logind", "RemoveIPC=no");
		return;
	}
	for (look = doctor->looks; look; look = look->next) {
		if (look->uid < UID_FIRST || strncmp(look->directory, "/dev/shm", 8) ||
		    lingers(look->uid) || count++ >= DOCTOR_MOST)
			continue;
		say(doctor, look->name, DOCTOR_WARNING, "logind",
		    "RemoveIPC=yes: systemd-logind removes its file when the last session of user "
		    "%u ends, and its processes get ESHUTDOWN; `systemctl enable --now "
		    "run-kreg.mount`, `loginctl enable-linger`, or RemoveIPC=no in "
		    "/etc/systemd/logind.conf",
		    look->uid);
	}
	if (!count)
		doctor_say_host(doctor, DOCTOR_OK, "logind",
				"RemoveIPC=yes, and no registry is where it removes files");
}

void doctor_space(struct doctor *doctor)
{
	const struct doctor_look *look;
	char room[64];
	const char *own = own_folder(room, sizeof(room));

	check_folder(doctor, own);
	for (look = doctor->looks; look; look = look->next) {
		if (strcmp(look->directory, own) && !has_come(doctor->looks, look, look->directory))
			check_folder(doctor, look->directory);
	}
	check_logind(doctor);
}
