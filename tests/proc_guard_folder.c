/* SPDX-License-Identifier: MIT */
/*
 * Guards in folders where other users may create files: root starts and stops a guard and
 * neither follows nor empties what belongs to others; a client trusts only lives of root
 * and its own; no user gets more seats than its share.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/guard.h"
#include "bpf/life_layout.h"
#include "shm/life.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/refuse.h"
#include "tests/support/tmp.h"

#define SEATS 8
#define USER 60001u
#define GROUP 60009u
/* More than any pid. */
#define NOBODYS_PID "4194305"

static char said[1024], place[64], guard[128];

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

/* A bpffs of the test's own, writable by all users; it goes with the process. */
static void make_place(void)
{
	snprintf(place, sizeof(place), "%s/bpffs", tmp_directory());
	snprintf(guard, sizeof(guard), "%s/kreg", place);
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mkdir(place, 0755), 0);
	ck_assert_int_eq(mount("bpf", place, "bpf", 0, "mode=1777"), 0);
	ck_assert_int_eq(chmod(tmp_directory(), 0755), 0);
}

static void leave_place(void)
{
	umount2(place, MNT_DETACH);
	rmdir(place);
}

static struct guard_options options_of(const char *path)
{
	return (struct guard_options){ .path = path, .seats = SEATS, .log = keep };
}

static int start(const char *path)
{
	struct guard_options options = options_of(path);

	*said = 0;
	return guard_start(&options);
}

static int stop(const char *path, bool force)
{
	struct guard_options options = options_of(path);

	*said = 0;
	return guard_stop(&options, force);
}

static int try_open_as(struct kreg **k, const char *path, enum kreg_life life)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = path, .life = life,
		     .log = keep);

	*said = 0;
	return kreg_open(k, "folder", &options);
}

static bool exists(const char *folder, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return !lstat(path, &st);
}

static void make_file(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* Runs @what as @uid. */
static void as_user(uid_t uid, int (*what)(const char *path), const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(99);
		_exit(what(path) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755);
}

static int make_folder_with_one(const char *path)
{
	char inner[256];

	snprintf(inner, sizeof(inner), "%s/x", path);
	return mkdir(path, 0755) || mkdir(inner, 0755);
}

START_TEST(a_folder_made_by_another_user_is_not_taken_for_a_guard)
{
	struct kreg_stat found = { 0 };
	struct kreg *k;

	make_place();
	as_user(USER, make_folder_with_one, guard);
	ck_assert_int_eq(start(guard), -EPERM);
	ck_assert(exists(guard, "x"));
	ck_assert_int_eq(stop(guard, true), -EPERM);
	ck_assert(exists(guard, "x"));
	ck_assert_int_eq(try_open_as(&k, guard, KREG_LIFE_GUARD), -EPERM);
	ck_assert_ptr_nonnull(strstr(said, "not trusted"));
	ck_assert_int_eq(try_open_as(&k, guard, KREG_LIFE_AUTO), 0);
	found.size = sizeof(found);
	ck_assert_int_eq(kreg_stat(k, &found), 0);
	ck_assert_uint_eq(found.life, KREG_LIFE_FALLBACK);
	kreg_close(k);
	leave_place();
}
END_TEST

START_TEST(who_excludes_the_guard_and_asks_for_it_learns_where)
{
	struct kreg *k;

	ck_assert_int_eq(try_open_as(&k, "none", KREG_LIFE_GUARD), -ENODEV);
	ck_assert_ptr_nonnull(strstr(said, "options.guard is \"none\""));
	ck_assert_int_eq(setenv("KREG_GUARD", "none", 1), 0);
	ck_assert_int_eq(try_open_as(&k, NULL, KREG_LIFE_GUARD), -ENODEV);
	ck_assert_ptr_nonnull(strstr(said, "KREG_GUARD is \"none\""));
}
END_TEST

static int link_to_victim(const char *path)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/victim", tmp_directory());
	return symlink(target, path);
}

static const char *make_victim(void)
{
	static char victim[128];

	snprintf(victim, sizeof(victim), "%s/victim", tmp_directory());
	ck_assert_int_eq(mkdir(victim, 0700), 0);
	make_file(victim, "precious");
	make_file(victim, "exit");
	return victim;
}

START_TEST(symbolic_links_are_not_followed)
{
	const char *victim;
	char path[256];

	make_place();
	victim = make_victim();
	snprintf(path, sizeof(path), "%s-old-" NOBODYS_PID, guard);
	as_user(USER, link_to_victim, path);
	ck_assert_int_eq(start(guard), 0);
	ck_assert_int_eq(stop(guard, false), 0);
	as_user(USER, link_to_victim, guard);
	ck_assert_int_lt(start(guard), 0);
	ck_assert_int_lt(stop(guard, true), 0);
	/* A link of root's own, which the kernel would let root follow. */
	snprintf(path, sizeof(path), "%s/link", place);
	ck_assert_int_eq(link_to_victim(path), 0);
	strcat(path, "/kreg");
	ck_assert_int_eq(start(path), -ELOOP);
	ck_assert_ptr_nonnull(strstr(said, "symbolic link"));
	ck_assert(exists(victim, "precious"));
	ck_assert(exists(victim, "exit"));
	leave_place();
}
END_TEST

/* What a service of systemd's has with DynamicUser=yes or RestrictSUIDSGID=yes. */
static int read_status_in_sandbox(const char *path)
{
	struct guard_options options = options_of(path);
	struct guard_status status;

	return refuse_call(SYS_openat2, ENOSYS) || guard_status(&options, &status) < 0;
}

START_TEST(a_service_without_openat2_reads_the_status)
{
	make_place();
	ck_assert_int_eq(start(guard), 0);
	as_user(USER, read_status_in_sandbox, guard);
	ck_assert_int_eq(stop(guard, false), 0);
	leave_place();
}
END_TEST

START_TEST(files_that_a_guard_did_not_make_are_neither_removed_nor_used)
{
	char path[256];

	make_place();
	/* A folder of another user with the name of a leftover. */
	snprintf(path, sizeof(path), "%s-new-" NOBODYS_PID, guard);
	as_user(USER, make_folder, path);
	ck_assert_int_eq(start(guard), 0);
	ck_assert(exists(path, ""));
	snprintf(path, sizeof(path), "%s/mine", guard);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(stop(guard, true), -ENOTEMPTY);
	ck_assert_ptr_nonnull(strstr(said, "\"mine\""));
	ck_assert(exists(guard, "exit") && exists(guard, "mine"));
	ck_assert_int_eq(start(guard), -ENOTEMPTY);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(start(guard), 1);
	ck_assert_int_eq(stop(guard, false), 0);
	ck_assert(!exists(guard, ""));
	/* A folder of root's own that is not a guard. */
	ck_assert_int_eq(make_folder_with_one(guard), 0);
	ck_assert_int_eq(start(guard), -ENOTEMPTY);
	ck_assert_int_eq(stop(guard, true), -ENOTEMPTY);
	ck_assert(exists(guard, "x"));
	leave_place();
}
END_TEST

START_TEST(a_guard_is_started_in_a_bpffs_that_others_cannot_rearrange)
{
	char path[256];

	make_place();
	snprintf(path, sizeof(path), "%s/guard", tmp_directory());
	ck_assert_int_eq(start(path), -EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "not in a bpffs"));
	ck_assert_int_eq(chmod(place, 0777), 0);
	ck_assert_int_eq(start(guard), -EPERM);
	ck_assert_int_eq(chmod(place, 01777), 0);
	ck_assert_int_eq(chown(place, USER, USER), 0);
	ck_assert_int_eq(start(guard), -EPERM);
	leave_place();
}
END_TEST

START_TEST(a_guards_folder_that_others_may_write_is_not_trusted)
{
	struct kreg *k;

	make_place();
	ck_assert_int_eq(start(guard), 0);
	ck_assert_int_eq(chmod(guard, 0777), 0);
	ck_assert_int_eq(try_open_as(&k, guard, KREG_LIFE_GUARD), -EPERM);
	ck_assert_int_eq(stop(guard, false), -EPERM);
	ck_assert_int_eq(chmod(guard, 0755), 0);
	ck_assert_int_eq(chown(guard, USER, USER), 0);
	ck_assert_int_eq(try_open_as(&k, guard, KREG_LIFE_GUARD), -EPERM);
	ck_assert_int_eq(chown(guard, 0, 0), 0);
	ck_assert_int_eq(try_open_as(&k, guard, KREG_LIFE_GUARD), 0);
	kreg_close(k);
	ck_assert_int_eq(stop(guard, true), 0);
	leave_place();
}
END_TEST

/* Takes a seat as a user, and reports the result. */
struct taker {
	uid_t uid;
	gid_t group;
	const char *path;
};

static int take(int link, void *data)
{
	const struct taker *taker = data;
	struct life_table table;
	struct life_self self;
	int err;

	if (setgroups(1, &taker->group) || setresgid(taker->uid, taker->uid, taker->uid) ||
	    setresuid(taker->uid, taker->uid, taker->uid))
		return 99;
	err = life_guard_open(&table, taker->path);
	if (!err)
		err = life_guard_attach(&self, &table, taker->path);
	link_say(link, err);
	link_hear(link);
	return 0;
}

/* The result that @child reports. */
static int taken(struct child *child, const char *path, uid_t uid, gid_t group)
{
	struct taker taker = { .uid = uid, .group = group, .path = path };

	*child = child_start(take, &taker);
	return (int)link_hear(child->link);
}

START_TEST(a_guard_of_a_group_serves_only_that_group)
{
	struct guard_options options = options_of(second_guard());
	struct child child;

	ck_assert_int_eq(guard_start(&options), 0);
	ck_assert_int_eq(taken(&child, second_guard(), USER, USER), 0);
	child_kill(&child);
	options.group = GROUP;
	options.set_group = true;
	ck_assert_int_eq(guard_upgrade(&options), 1);
	ck_assert_int_eq(taken(&child, second_guard(), USER, USER), -EACCES);
	child_kill(&child);
	ck_assert_int_eq(taken(&child, second_guard(), USER, GROUP), 0);
	child_kill(&child);
	/* The group remains as it was. */
	options.set_group = false;
	ck_assert_int_eq(guard_upgrade(&options), 1);
	ck_assert_int_eq(taken(&child, second_guard(), USER, USER), -EACCES);
	child_kill(&child);
	ck_assert_int_eq(taken(&child, second_guard(), USER, GROUP), 0);
	child_kill(&child);
	ck_assert_int_eq(stop(second_guard(), false), 0);
}
END_TEST

static void start_with(uint32_t share, uint32_t reserve, uint32_t faults)
{
	struct guard_options options = options_of(second_guard());

	options.share = share;
	options.reserve = reserve;
	options.set_reserve = true;
	options.faults = faults;
	ck_assert_int_eq(guard_start(&options), 0);
}

static int seat_for(struct child *child, uid_t uid)
{
	return taken(child, second_guard(), uid, uid);
}

START_TEST(a_user_gets_its_share_of_seats_and_root_gets_the_last)
{
	struct guard_options options = options_of(second_guard());
	struct child first[2], other[4], one, roots[2];
	struct guard_user *users;
	struct guard_status status;
	size_t count;
	int i;

	start_with(2, 2, 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(seat_for(&first[i], USER), 0);
	ck_assert_int_eq(seat_for(&one, USER), -EDQUOT);
	child_kill(&one);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(seat_for(&other[i], USER + 1 + (uid_t)i / 2), 0);
	ck_assert_int_eq(seat_for(&one, USER + 3), -EUSERS);
	child_kill(&one);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(seat_for(&roots[i], 0), 0);
	ck_assert_int_eq(seat_for(&one, 0), -EUSERS);
	child_kill(&one);
	ck_assert_int_eq(guard_users(&options, &users, &count), 0);
	ck_assert_uint_eq(count, 4);
	ck_assert_uint_eq(users[0].uid, 0);
	ck_assert_uint_eq(users[1].uid, USER);
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(users[i].seats, 2);
	free(users);
	ck_assert_int_eq(guard_status(&options, &status), 0);
	ck_assert_uint_eq(status.share, 2);
	ck_assert_uint_eq(status.reserve, 2);
	ck_assert_uint_eq(status.over_share, 1);
	ck_assert_uint_eq(status.refused, 2);
	/* A released seat counts for its user again. */
	child_kill(&first[0]);
	ck_assert_int_eq(seat_for(&first[0], USER), 0);
	child_kill(&other[0]);
	options.share = 3;
	ck_assert_int_eq(guard_upgrade(&options), 1);
	ck_assert_int_eq(seat_for(&one, USER), 0);
	for (i = 0; i < 4; i++)
		child_kill(&other[i]);
	child_kill(&one);
	for (i = 0; i < 2; i++) {
		child_kill(&first[i]);
		child_kill(&roots[i]);
	}
	ck_assert_int_eq(stop(second_guard(), false), 0);
}
END_TEST

/* A user takes its whole share and dies, again and again. */
static void come_and_go(int rounds, int share, bool audited)
{
	struct guard_options options = options_of(second_guard());
	struct child children[SEATS];
	int round, i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < share; i++)
			ck_assert_int_eq(seat_for(&children[i], USER + (uid_t)round), 0);
		ck_assert_int_eq(seat_for(&children[i], USER + (uid_t)round), -EDQUOT);
		for (i = 0; i <= share; i++)
			child_kill(&children[i]);
		if (audited)
			ck_assert_int_eq(guard_audit(&options, NULL), share);
	}
}

START_TEST(every_end_of_a_life_returns_the_seat_to_its_users_share)
{
	/* Users come and go too: more of them than the guard has room for at once. */
	start_with(2, 0, 0);
	come_and_go(3 * SEATS, 2, false);
	ck_assert_int_eq(stop(second_guard(), false), 0);
	start_with(3, 0, LIFE_FAULT_EXIT | LIFE_FAULT_AGAIN);
	come_and_go(2, 3, true);
	ck_assert_int_eq(stop(second_guard(), false), 0);
	start_with(2, 0, LIFE_FAULT_INSERT);
	come_and_go(2, 2, false);
	ck_assert_int_eq(stop(second_guard(), false), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_folder_made_by_another_user_is_not_taken_for_a_guard,
		symbolic_links_are_not_followed,
		a_service_without_openat2_reads_the_status,
		files_that_a_guard_did_not_make_are_neither_removed_nor_used,
		a_guard_is_started_in_a_bpffs_that_others_cannot_rearrange,
		a_guards_folder_that_others_may_write_is_not_trusted,
		a_guard_of_a_group_serves_only_that_group,
		who_excludes_the_guard_and_asks_for_it_learns_where,
		a_user_gets_its_share_of_seats_and_root_gets_the_last,
		every_end_of_a_life_returns_the_seat_to_its_users_share,
		NULL,
	};

	return modes_run(suite_create("guard_folder"), NULL, NULL, tcase_create("guard"), tests);
}
