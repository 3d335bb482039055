/* SPDX-License-Identifier: MIT */
/*
 * Promise 5: an ordinary user takes part without being trusted, and gets no further than
 * the file modes allow.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/life_layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/traced.h"

#define USER 65533
#define OTHER_USER 65532
#define GROUP 65531

static int open_as(struct kreg **k, const char *name, int mode, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode),
		     .flags = flags);

	return kreg_open(k, name, &options);
}

static void become(uid_t user, gid_t group)
{
	if (setgroups(0, NULL) || setgid(group) || setuid(user))
		_exit(99);
}

static int use_as_user(int link, void *data)
{
	int mode = *(int *)data;
	struct kreg_owner owner;
	struct kreg *k;

	become(USER, USER);
	if (open_as(&k, "users", mode, 0))
		return 1;
	if (kreg_register(k, "name", KREG_STRING, "x", 1, NULL))
		return 2;
	if (kreg_lookup(k, "name", KREG_STRING, NULL, 0, &owner) != 1 || owner.pid != getpid())
		return 3;
	link_say(link, 1);
	link_hear(link);
	return 0;
}

START_TEST(an_ordinary_user_attaches_registers_is_found_and_purged)
{
	struct child child = child_start(use_as_user, &_i);
	struct kreg *k;
	char name[32];

	ck_assert_int_eq(link_hear(child.link), 1);
	snprintf(name, sizeof(name), "%d:users", USER);
	ck_assert_int_eq(open_as(&k, name, _i, KREG_OPEN_READONLY), 0);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), 1);
	child_kill(&child);
	ck_assert_int_eq(kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL), -ENOENT);
	kreg_close(k);
}
END_TEST

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

/* Tries all access that the life table's pin could allow. */
static int write_lives(int link, void *data)
{
	const char *guard = mode_guard(MODE_GUARD);
	uint64_t word = 1;
	uint32_t seat = 0;
	union bpf_attr attr;
	char path[128];
	int fd;

	(void)data;
	become(USER, USER);
	snprintf(path, sizeof(path), "%s/%s", guard, LIFE_PIN_LIVES);
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0)
		return 1;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&seat;
	attr.value = (uintptr_t)&word;
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr) != -EPERM)
		return 2;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 3;
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 4;
	snprintf(path, sizeof(path), "%s/command", guard);
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	if (bpf(BPF_OBJ_GET, &attr) != -EACCES)
		return 5;
	snprintf(path, sizeof(path), "%s/%s", guard, LIFE_PIN_LIVES);
	if (!unlink(path))
		return 6;
	link_say(link, 1);
	return 0;
}

START_TEST(the_kernel_refuses_to_write_the_life_table)
{
	struct child child = child_start(write_lives, NULL);

	ck_assert_int_eq(child_end(&child), 0);
}
END_TEST

struct visitor {
	const char *name;
	uid_t user;
	gid_t group;
	int mode;
};

/* The result of each way of opening, and of each call of a read-only handle. */
static int visit(int link, void *data)
{
	struct visitor *visitor = data;
	struct kreg *k;
	int err;

	become(visitor->user, visitor->group);
	link_say(link, open_as(&k, visitor->name, visitor->mode, KREG_OPEN_EXISTING));
	err = open_as(&k, visitor->name, visitor->mode, KREG_OPEN_READONLY);
	link_say(link, err);
	if (err)
		return 0;
	if (kreg_lookup(k, "name", KREG_STRING, NULL, 0, NULL) != 1 || kreg_count(k) != 1)
		return 1;
	if (kreg_register(k, "mine", KREG_STRING, "x", 1, NULL) != -EROFS ||
	    kreg_unregister(k, "name", KREG_STRING) != -EROFS || kreg_sweep(k) != -EROFS ||
	    kreg_read_enter(k) != -EROFS)
		return 2;
	kreg_close(k);
	return 0;
}

static void visit_and_expect(struct visitor visitor, int for_writing, int for_reading)
{
	struct child child = child_start(visit, &visitor);

	ck_assert_int_eq(link_hear(child.link), for_writing);
	ck_assert_int_eq(link_hear(child.link), for_reading);
	ck_assert_int_eq(child_end(&child), 0);
}

START_TEST(file_modes_grant_looking_up_and_registering)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i), .mode = 0640,
		     .set_group = 1, .group = GROUP);
	struct kreg *own, *shared;

	ck_assert_int_eq(open_as(&own, "own", _i, 0), 0);
	ck_assert_int_eq(kreg_open(&shared, "shared", &options), 0);
	ck_assert_int_eq(kreg_register(own, "name", KREG_STRING, "x", 1, NULL), 0);
	ck_assert_int_eq(kreg_register(shared, "name", KREG_STRING, "x", 1, NULL), 0);
	visit_and_expect((struct visitor){ "0:own", USER, GROUP, _i }, -EACCES, -EACCES);
	visit_and_expect((struct visitor){ "0:shared", USER, GROUP, _i }, -EACCES, 0);
	visit_and_expect((struct visitor){ "0:shared", OTHER_USER, USER, _i }, -EACCES, -EACCES);
	kreg_close(own);
	kreg_close(shared);
}
END_TEST

static const char *file_of(uid_t user, const char *name)
{
	static char path[TMP_PATH];

	tmp_registry(path, user, name);
	return path;
}

/* What another user does to the names of USER's registries. */
static int attack(int link, void *data)
{
	char pub[TMP_PATH];
	int fd;

	(void)data;
	become(OTHER_USER, OTHER_USER);
	tmp_registry(pub, USER, "pub");
	link_say(link, linkat(AT_FDCWD, pub, AT_FDCWD, file_of(USER, "private"), 0) ? -errno : 0);
	link_say(link, mkfifo(file_of(USER, "taken"), 0666) ? -errno : 0);
	/* Like a segment or a folder that a process left beside the name. */
	link_say(link, mkfifo(file_of(USER, "pub+00000000000000aa"), 0666) ? -errno : 0);
	link_say(link, mkdir(file_of(USER, "pub+00000000000000ac"), 0777) ? -errno : 0);
	fd = open(pub, O_RDONLY | O_CLOEXEC);
	link_say(link, flock(fd, LOCK_EX) ? -errno : 0);
	link_hear(link);
	return 0;
}

static int open_pub(int mode)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode),
		     .mode = 0666);
	struct kreg *k;
	int err = kreg_open(&k, "pub", &options);

	if (!err)
		kreg_close(k);
	return err;
}

static int destroy_pub(int mode)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode));

	return kreg_destroy("pub", &options, 0);
}

static int be_attacked(int link, void *data)
{
	int mode = *(int *)data;
	struct kreg *k;

	umask(0);
	become(USER, USER);
	link_say(link, open_pub(mode));
	link_hear(link);
	link_say(link, open_as(&k, "private", mode, 0));
	link_say(link, open_as(&k, "taken", mode, 0));
	link_hear(link);
	/* The attacker still has its lock, and its files beside the name. */
	link_say(link, open_pub(mode));
	link_say(link, destroy_pub(mode));
	link_say(link, open_pub(mode));
	link_say(link, destroy_pub(mode));
	return 0;
}

START_TEST(another_user_can_neither_plant_a_registry_nor_block_one)
{
	const char *const left[] = { "taken", "pub+00000000000000aa", "pub+00000000000000ac" };
	struct child victim, attacker;
	int i, err;

	ck_assert_int_eq(chmod(tmp_directory(), 01777), 0);
	victim = child_start(be_attacked, &_i);
	ck_assert_int_eq(link_hear(victim.link), 0);
	attacker = child_start(attack, NULL);
	for (i = 0; i < 5; i++) {
		err = (int)link_hear(attacker.link);
		ck_assert_msg(!err, "attack %d: %d", i, err);
	}
	link_say(victim.link, 1);
	ck_assert_int_eq(link_hear(victim.link), -EPROTO);
	ck_assert_int_eq(link_hear(victim.link), -EPERM);
	/* Without the second link it works again. */
	ck_assert_int_eq(unlink(file_of(USER, "private")), 0);
	link_say(victim.link, 1);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(link_hear(victim.link), 0);
	ck_assert_int_eq(child_end(&victim), 0);
	child_kill(&attacker);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(remove(file_of(USER, left[i])), 0);
}
END_TEST

/* ---- root ends a user's registry, and is killed there */

#define PUB "65533:pub"

static int destroy_as_root(void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(*(int *)data));

	return kreg_destroy(PUB, &options, 0);
}

static int make_pub(int link, void *data)
{
	become(USER, USER);
	link_say(link, open_pub(*(int *)data));
	return 0;
}

static void start_pub(int mode)
{
	struct child child = child_start_ready(make_pub, &mode);

	ck_assert_int_eq(child_end(&child), 0);
}

/*
 * Counts what has the name or is beside it, and the folders of root's among them; makes
 * these old enough to be removed.
 */
static int files_of_pub(int *of_root)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	DIR *folder = opendir(tmp_directory());
	const struct dirent *at;
	struct stat st;
	int count = 0;

	ck_assert_ptr_nonnull(folder);
	while ((at = readdir(folder))) {
		if (!strstr(at->d_name, ".pub"))
			continue;
		count++;
		if (!fstatat(dirfd(folder), at->d_name, &st, AT_SYMLINK_NOFOLLOW))
			*of_root += S_ISDIR(st.st_mode) && !st.st_uid;
		utimensat(dirfd(folder), at->d_name, old, AT_SYMLINK_NOFOLLOW);
	}
	closedir(folder);
	return count;
}

START_TEST(root_killed_while_it_destroys_a_users_registry_leaves_nothing_for_ever)
{
	int mode = _i, calls = 0, of_root = 0;
	pid_t pid;

	ck_assert_int_eq(chmod(tmp_directory(), 01777), 0);
	for (;;) {
		start_pub(mode);
		if (!traced_start(destroy_as_root, &mode, calls, &pid))
			break;
		traced_kill(pid);
		start_pub(mode);
		files_of_pub(&of_root);
		ck_assert_int_eq(destroy_as_root(&mode), 0);
		ck_assert_msg(!files_of_pub(&of_root), "killed before system call %d", calls);
		calls++;
	}
	/* Killed between mkdir() and the change of its owner. */
	ck_assert_int_gt(of_root, 0);
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		another_user_can_neither_plant_a_registry_nor_block_one,
		an_ordinary_user_attaches_registers_is_found_and_purged,
		file_modes_grant_looking_up_and_registering,
		root_killed_while_it_destroys_a_users_registry_leaves_nothing_for_ever, NULL
	};
	const TTest *const guard[] = { the_kernel_refuses_to_write_the_life_table, NULL };

	if (getuid()) {
		printf("1..1\nok 1 - other users # SKIP only root can become them\n");
		return 0;
	}
	return modes_run(suite_create("user"), tcase_create("both"), both, tcase_create("guard"),
			 guard);
}
