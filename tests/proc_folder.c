/* SPDX-License-Identifier: MIT */
/*
 * Where registries are when no folder is given: in /run/kreg if root has made it, with a
 * folder for each user into which no other user can put anything; otherwise in /dev/shm.
 * All processes agree on it. The test uses mounts of its own.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg-services.h"
#include "tests/support/unit.h"

#define USER 65533
#define OTHER_USER 65532

static int open_default(const char *name, uint32_t flags)
{
	KREG_OPTIONS(options, .guard = "none", .flags = flags);
	struct kreg *k;
	int err = kreg_open(&k, name, &options);

	if (!err)
		kreg_close(k);
	return err;
}

/* Runs @body as @user in a child. Return: its exit status, 0 or the error. */
static int as_user(uid_t user, int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgroups(0, NULL) || setgid(user) || setuid(user))
			_exit(255);
		_exit(-body());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static void make_run(void)
{
	ck_assert_int_eq(mkdir("/run/kreg", 0700), 0);
	ck_assert_int_eq(chmod("/run/kreg", 01777), 0);
}

static void set_up(void)
{
	unsetenv("KREG_DIR");
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, "mode=755,size=64m"), 0);
	ck_assert_int_eq(mount("none", "/dev/shm", "tmpfs", 0, "mode=1777,size=64m"), 0);
}

START_TEST(without_the_folder_registries_are_in_dev_shm)
{
	ck_assert_int_eq(open_default("first", 0), 0);
	ck_assert(is_there("/dev/shm/kreg.0.first"));
}
END_TEST

START_TEST(a_folder_that_root_does_not_own_is_not_used)
{
	make_run();
	ck_assert_int_eq(chmod("/run/kreg", 0777), 0);
	ck_assert_int_eq(open_default("writable", 0), 0);
	ck_assert(is_there("/dev/shm/kreg.0.writable"));
	ck_assert_int_eq(chmod("/run/kreg", 01777), 0);
	ck_assert_int_eq(chown("/run/kreg", USER, USER), 0);
	ck_assert_int_eq(open_default("anothers", 0), 0);
	ck_assert(is_there("/dev/shm/kreg.0.anothers"));
}
END_TEST

static int make_user_registry(void)
{
	return open_default("users", 0);
}

static int make_public(void)
{
	KREG_OPTIONS(options, .guard = "none", .mode = 0644);
	struct kreg *k;
	int err = kreg_open(&k, "public", &options);

	if (!err)
		kreg_close(k);
	return err;
}

static int read_public(void)
{
	return open_default("65533:public", KREG_OPEN_READONLY);
}

START_TEST(each_user_has_a_folder_that_other_users_find)
{
	make_run();
	umask(077);
	ck_assert_int_eq(open_default("roots", 0), 0);
	ck_assert(is_there("/run/kreg/0/kreg.0.roots"));
	ck_assert_int_eq(as_user(USER, make_public), 0);
	ck_assert(is_there("/run/kreg/65533/kreg.65533.public"));
	ck_assert_int_eq(as_user(OTHER_USER, read_public), 0);
}
END_TEST

START_TEST(a_registry_older_than_the_folder_is_found_in_its_place)
{
	ck_assert_int_eq(open_default("early", 0), 0);
	make_run();
	ck_assert_int_eq(open_default("early", KREG_OPEN_EXISTING), 0);
	ck_assert_int_eq(open_default("late", 0), 0);
	ck_assert(is_there("/run/kreg/0/kreg.0.late"));
	ck_assert_int_eq(open_default("early", KREG_OPEN_EXCLUSIVE), -EEXIST);
	ck_assert(!is_there("/run/kreg/0/kreg.0.early"));
}
END_TEST

static int take_names(void)
{
	int fd = open("/dev/shm/kreg.65533.users", O_CREAT | O_WRONLY, 0666);

	return fd < 0 ? -errno : close(fd);
}

static int take_folder(void)
{
	return mkdir("/run/kreg/65533", 0777) ? -errno : 0;
}

START_TEST(a_user_cannot_take_a_name_away_from_another_user)
{
	ck_assert_int_eq(as_user(OTHER_USER, take_names), 0);
	ck_assert_int_eq(as_user(USER, make_user_registry), EPERM);
	make_run();
	ck_assert_int_eq(as_user(USER, make_user_registry), 0);
	ck_assert(is_there("/run/kreg/65533/kreg.65533.users"));
}
END_TEST

START_TEST(a_folder_made_by_another_user_is_not_used)
{
	make_run();
	ck_assert_int_eq(as_user(OTHER_USER, take_folder), 0);
	ck_assert_int_eq(as_user(USER, make_user_registry), 0);
	ck_assert(is_there("/dev/shm/kreg.65533.users"));
}
END_TEST

START_TEST(a_started_program_uses_the_folder_of_its_starter)
{
	const char *const argv[] = { "sleep", "60", NULL };
	const char wanted[] = "KREG_DIR=/run/kreg";
	KREG_OPTIONS(options, .guard = "none");
	KREG_START(how, .argv = argv, .ready = KREG_READY_EXEC);
	struct kreg_started started = { .size = sizeof(started) };
	char path[64], text[65536];
	struct kreg *k;
	ssize_t got;
	int fd;

	make_run();
	ck_assert_int_eq(kreg_open(&k, "starter", &options), 0);
	ck_assert_int_eq(kreg_start(k, "sleeper", KREG_STRING, &how, &started), 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", started.owner.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = read(fd, text, sizeof(text));
	ck_assert_int_gt(got, 0);
	ck_assert_ptr_nonnull(memmem(text, (size_t)got, wanted, sizeof(wanted)));
	close(fd);
	kill(started.owner.pid, SIGKILL);
	ck_assert_int_eq(kreg_await_gone(k, "sleeper", KREG_STRING, NULL, -1), 0);
	kreg_close(k);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_the_folder_registries_are_in_dev_shm,
		a_folder_that_root_does_not_own_is_not_used,
		each_user_has_a_folder_that_other_users_find,
		a_registry_older_than_the_folder_is_found_in_its_place,
		a_user_cannot_take_a_name_away_from_another_user,
		a_folder_made_by_another_user_is_not_used,
		a_started_program_uses_the_folder_of_its_starter,
		NULL,
	};

	if (getuid()) {
		printf("1..1\nok 1 - folder # SKIP only root can make /run/kreg\n");
		return 0;
	}
	return unit_run("folder", set_up, NULL, tests);
}
