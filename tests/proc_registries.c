/* SPDX-License-Identifier: MIT */
/*
 * kreg_registries_each(): all registries that the caller may see, with what is in them.
 * Nothing is created, no seat is taken, and no file that somebody has put into the folder
 * can do harm.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define USER 65533
#define OTHER_USER 65532

static int mode;

/* One line for each registry: name, state, owners and entries. */
static char listed[4096];

static const char *const states[] = { "",        "current",   "leftover", "other-layout",
				      "damaged", "another's", "hidden" };

static int write_down(const struct kreg_registry *registry, void *data)
{
	size_t used = strlen(listed);

	(void)data;
	snprintf(listed + used, sizeof(listed) - used, "%s %s %d %d\n", registry->name,
		 states[registry->state], (int)registry->owners, (int)registry->entries);
	return 0;
}

static const char *list_with(const char *guard, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = guard);

	*listed = 0;
	ck_assert_int_eq(kreg_registries_each(&options, flags, write_down, NULL), 0);
	return listed;
}

static const char *list(void)
{
	return list_with(mode_guard(mode), 0);
}

static void path_of(char path[TMP_PATH], const char *file)
{
	snprintf(path, TMP_PATH, "%s/%s", tmp_directory(), file);
}

/* What earlier tests have left in the program's folder would be listed too. */
static void set_up(void)
{
	DIR *folder = opendir(tmp_directory());
	const struct dirent *at;

	ck_assert_ptr_nonnull(folder);
	while ((at = readdir(folder))) {
		if (unlinkat(dirfd(folder), at->d_name, 0))
			unlinkat(dirfd(folder), at->d_name, AT_REMOVEDIR);
	}
	closedir(folder);
}

static void become(uid_t user)
{
	if (setgroups(0, NULL) || setgid(user) || setuid(user))
		_exit(99);
}

/* Takes part in "one" with two names. */
static int take_part(int link, void *data)
{
	struct kreg *k = mode_open(mode, "one");

	(void)data;
	if (kreg_register(k, "a", KREG_STRING, NULL, 0, NULL) ||
	    kreg_register(k, "b", KREG_STRING, NULL, 0, NULL))
		return 1;
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static int keep_first(const struct kreg_registry *registry, void *data)
{
	*(struct kreg_registry *)data = *registry;
	return 7;
}

START_TEST(a_registry_is_listed_with_what_the_living_have_in_it)
{
	KREG_OPTIONS(two, .keys = KREG_KEYS_DUPLICATE, .mode = 0640);
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i));
	struct kreg_registry one = { 0 };
	struct kreg *k, *second;
	struct child child;
	struct stat st;
	char path[TMP_PATH];

	mode = _i;
	ck_assert_str_eq(list(), "");
	k = mode_open(_i, "one");
	ck_assert_str_eq(list(), "one current 1 0\n");
	ck_assert_int_eq(kreg_register(k, "c", KREG_STRING, NULL, 0, NULL), 0);
	child = child_start_ready(take_part, NULL);
	second = mode_open_as(_i, "two", &two);
	ck_assert_str_eq(list(), "one current 2 3\ntwo current 1 0\n");
	child_kill(&child);
	ck_assert_str_eq(list(), "one current 1 1\ntwo current 1 0\n");

	ck_assert_int_eq(kreg_registries_each(&options, 0, keep_first, &one), 7);
	tmp_registry(path, geteuid(), "one");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(one.uid, geteuid());
	ck_assert_uint_eq(one.gid, getegid());
	ck_assert_uint_eq(one.mode, 0600);
	ck_assert_uint_eq(one.bytes, (uint64_t)st.st_blocks * 512);
	ck_assert_uint_eq(one.life, _i == MODE_GUARD ? KREG_LIFE_GUARD : KREG_LIFE_FALLBACK);
	ck_assert_uint_eq(one.layout, SEGMENT_LAYOUT);
	ck_assert_uint_eq(one.keys, KREG_KEYS_UNIQUE);
	kreg_close(k);
	ck_assert_str_eq(list(), "one current 0 0\ntwo current 1 0\n");
	tmp_registry(path, geteuid(), "one");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(kreg_registries_each(&options, 0, keep_first, &one), 7);
	ck_assert_uint_eq(one.mode, 0640);
	ck_assert_uint_eq(one.keys, KREG_KEYS_DUPLICATE);
	kreg_close(second);
}
END_TEST

START_TEST(names_that_were_given_away_count_as_kreg_count_counts_them)
{
	struct child child;
	struct kreg_owner to;
	struct kreg *k;
	char wanted[64];
	int i;

	mode = _i;
	k = mode_open(_i, "one");
	child = child_start_ready(take_part, NULL);
	ck_assert_int_eq(kreg_whereis(k, "a", KREG_STRING, &to), 0);
	for (i = 0; i < 300; i++) {
		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), NULL, 0, NULL), 0);
		ck_assert_int_eq(kreg_give(k, &i, sizeof(i), &to), 0);
	}
	ck_assert_int_eq(kreg_count(k), 302);
	snprintf(wanted, sizeof(wanted), "one current 2 %d\n", (int)kreg_count(k));
	ck_assert_str_eq(list(), wanted);
	child_kill(&child);
	/* Before a count has found that no gift is left. */
	ck_assert_str_eq(list(), "one current 1 0\n");
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_str_eq(list(), "one current 1 0\n");
	kreg_close(k);
}
END_TEST

START_TEST(listing_creates_nothing_and_takes_no_seat)
{
	struct kreg_stat before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
	KREG_OPTIONS(options, .directory = "/dev/shm/kreg-test-no-such-folder");
	KREG_OPTIONS(elsewhere, .directory = "/proc");
	struct kreg *k;
	int fds;

	mode = _i;
	list();
	/* Itself and the one above it. */
	ck_assert_int_eq(unit_entries(tmp_directory()), 2);
	k = mode_open(_i, "one");
	fds = unit_entries("/proc/self/fd");
	ck_assert_int_eq(kreg_stat(k, &before), 0);
	list();
	ck_assert_int_eq(kreg_stat(k, &after), 0);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_int_eq(unit_entries("/proc/self/fd"), fds);
	ck_assert_int_eq(unit_entries(tmp_directory()), 3);
	kreg_close(k);
	ck_assert_int_eq(kreg_registries_each(&options, 0, write_down, NULL), -ENOENT);
	ck_assert_int_eq(access(options.directory, F_OK), -1);
	ck_assert_int_eq(kreg_registries_each(&elsewhere, 0, write_down, NULL), -EOPNOTSUPP);
	ck_assert_int_eq(kreg_registries_each(NULL, 2, write_down, NULL), -EINVAL);
	ck_assert_int_eq(kreg_registries_each(NULL, 0, NULL, NULL), -EINVAL);
}
END_TEST

/* Makes two registries, one that others may read. */
static int make_registries(int link, void *data)
{
	KREG_OPTIONS(public, .mode = 0644);
	struct kreg *k;

	(void)data;
	become(USER);
	k = mode_open(mode, "private");
	if (kreg_register(k, "a", KREG_STRING, NULL, 0, NULL))
		return 1;
	mode_open_as(mode, "public", &public);
	link_say(link, 0);
	link_hear(link);
	return 0;
}

static int list_as_other(int link, void *data)
{
	(void)data;
	become(OTHER_USER);
	if (strcmp(list(),
		   "0:roots hidden 0 0\n65533:private hidden 0 0\n65533:public current 1 0\n"))
		return 1;
	if (strcmp(list_with(mode_guard(mode), KREG_REGISTRIES_OWN), ""))
		return 2;
	link_say(link, 0);
	return 0;
}

START_TEST(other_users_registries_are_listed_as_far_as_their_modes_admit)
{
	struct child child, other;
	struct kreg *k;

	if (getuid())
		return;
	mode = _i;
	k = mode_open(_i, "roots");
	child = child_start_ready(make_registries, NULL);
	ck_assert_str_eq(list(), "roots current 1 0\n65533:private current 1 1\n"
				 "65533:public current 1 0\n");
	ck_assert_str_eq(list_with(mode_guard(_i), KREG_REGISTRIES_OWN), "roots current 1 0\n");
	other = child_start(list_as_other, NULL);
	ck_assert_int_eq(child_end(&other), 0);
	child_kill(&child);
	kreg_close(k);
}
END_TEST

static void write_file(const char *file, const void *text, size_t size)
{
	char path[TMP_PATH];
	int fd;

	path_of(path, file);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void name_for(char file[64], const char *name)
{
	snprintf(file, 64, "kreg.%u.%s", geteuid(), name);
}

START_TEST(files_that_are_no_registries_are_damaged_or_not_listed)
{
	static const char *const no_names[] = {
		"other",     "kreg.",     "kreg.x.a",      "kreg.0",    "kreg.0.",
		"kreg.00.a", "kreg.0..a", "kreg.0.a+12ab", "kreg.-1.a", "kreg.4294967296.a",
		"kreg.0.a b"
	};
	char file[64], path[TMP_PATH], garbage[SEGMENT_PAGE * 2];
	uint64_t magic = SEGMENT_MAGIC;
	struct kreg *k;
	size_t i;

	mode = _i;
	memset(garbage, 0xa5, sizeof(garbage));
	for (i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
		write_file(no_names[i], garbage, sizeof(garbage));
	ck_assert_str_eq(list(), "");
	name_for(file, "empty");
	write_file(file, "", 0);
	name_for(file, "garbage");
	write_file(file, garbage, sizeof(garbage));
	snprintf(file, sizeof(file), "kreg.0%u.garbage", geteuid());
	write_file(file, garbage, sizeof(garbage));
	memcpy(garbage, &magic, sizeof(magic));
	name_for(file, "magic");
	write_file(file, garbage, sizeof(garbage));
	name_for(file, "fifo");
	path_of(path, file);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	name_for(file, "folder");
	path_of(path, file);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	name_for(file, "link");
	path_of(path, file);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	k = mode_open(_i, "short");
	kreg_close(k);
	tmp_registry(path, geteuid(), "short");
	ck_assert_int_eq(truncate(path, SEGMENT_PAGE), 0);
	ck_assert_str_eq(list(), "empty damaged 0 0\nfifo damaged 0 0\nfolder damaged 0 0\n"
				 "garbage damaged 0 0\nlink damaged 0 0\nmagic damaged 0 0\n"
				 "short damaged 0 0\n");
}
END_TEST

START_TEST(a_file_of_another_user_than_its_name_says_is_reported)
{
	char path[TMP_PATH];
	struct kreg_registry one;
	KREG_OPTIONS(options, .directory = tmp_directory());

	if (getuid())
		return;
	write_file("kreg.65533.taken", "x", 1);
	path_of(path, "kreg.65533.taken");
	ck_assert_int_eq(chown(path, OTHER_USER, OTHER_USER), 0);
	ck_assert_str_eq(list_with("none", 0), "65533:taken another's 0 0\n");
	ck_assert_int_eq(kreg_registries_each(&options, 0, keep_first, &one), 7);
	ck_assert_uint_eq(one.uid, OTHER_USER);
}
END_TEST

/* Truncates the file and makes it whole again, until the test ends. */
static int truncate_for_ever(int link, void *data)
{
	char path[TMP_PATH];
	struct stat st;

	(void)data;
	tmp_registry(path, geteuid(), "one");
	if (stat(path, &st))
		return 1;
	link_say(link, 0);
	for (;;) {
		if (truncate(path, SEGMENT_PAGE) || truncate(path, st.st_size))
			return 1;
	}
}

START_TEST(a_file_that_is_truncated_meanwhile_does_no_harm)
{
	KREG_OPTIONS(options, .max_bytes = 1 << 20);
	unsigned int i, damaged = 0, many = unit_many("KREG_LISTS", 500) / unit_slowness();
	struct child child;
	struct kreg *k;

	mode = _i;
	k = mode_open_as(_i, "one", &options);
	kreg_close(k);
	child = child_start_ready(truncate_for_ever, NULL);
	/* Whether one meets the truncated file is chance, but for long enough it will. */
	for (i = 0; i < many || !damaged; i++)
		damaged += !!strstr(list(), "damaged");
	printf("# damaged in %u of %u\n", damaged, i);
	child_kill(&child);
}
END_TEST

static int remove_two(const struct kreg_registry *registry, void *data)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(mode));

	ck_assert_str_eq(registry->directory, tmp_directory());
	if (!strcmp(registry->name, "one"))
		ck_assert_int_eq(kreg_destroy("two", &options, 0), 0);
	return write_down(registry, data);
}

START_TEST(a_registry_that_is_removed_during_the_walk_is_left_out)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = mode_guard(_i));
	static const char *const names[] = { "two", "one", "three" };
	int i;

	mode = _i;
	for (i = 0; i < 3; i++)
		kreg_close(mode_open(_i, names[i]));
	*listed = 0;
	ck_assert_int_eq(kreg_registries_each(&options, 0, remove_two, NULL), 0);
	/* By name, so "two" is the last. */
	ck_assert_str_eq(listed, "one current 0 0\nthree current 0 0\n");
}
END_TEST

/* Changes a word in the header of "one". */
static void patch(size_t offset, uint64_t word, size_t bytes)
{
	char path[TMP_PATH];
	int fd;

	tmp_registry(path, geteuid(), "one");
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &word, bytes, (off_t)offset), (ssize_t)bytes);
	close(fd);
}

START_TEST(a_leftover_and_another_layout_are_listed_with_the_processes_in_them)
{
	struct child child;
	uint32_t layout = SEGMENT_LAYOUT;

	mode = _i;
	child = child_start_ready(take_part, NULL);
	patch(offsetof(struct segment_header, layout), layout + 1, sizeof(layout));
	ck_assert_str_eq(list(), "one other-layout 1 0\n");
	patch(offsetof(struct segment_header, layout), layout, sizeof(layout));
	ck_assert_str_eq(list(), "one current 1 2\n");
	child_kill(&child);
	patch(offsetof(struct segment_header, layout), layout + 1, sizeof(layout));
	ck_assert_str_eq(list(), "one other-layout 0 0\n");
	patch(offsetof(struct segment_header, layout), layout, sizeof(layout));
	patch(offsetof(struct segment_header, born), 0, sizeof(uint64_t));
	patch(offsetof(struct segment_header, boot), 1, sizeof(uint64_t));
	ck_assert_str_eq(list(), "one leftover 0 0\n");
}
END_TEST

START_TEST(a_registry_of_a_guard_that_is_out_of_reach_is_a_leftover)
{
	struct child child;

	mode = MODE_GUARD;
	child = child_start_ready(take_part, NULL);
	ck_assert_str_eq(list(), "one current 1 2\n");
	ck_assert_str_eq(list_with("none", 0), "one leftover 1 0\n");
	child_kill(&child);
	ck_assert_str_eq(list_with("none", 0), "one leftover 0 0\n");
}
END_TEST

static int write_down_with_folder(const struct kreg_registry *registry, void *data)
{
	size_t used = strlen(listed);

	(void)data;
	snprintf(listed + used, sizeof(listed) - used, "%s/ %s\n", registry->directory,
		 registry->name);
	return 0;
}

static void make_as(uid_t user, const char *name)
{
	KREG_OPTIONS(options, .guard = "none");
	struct kreg *k;
	pid_t pid = fork();
	int status;

	if (!pid) {
		become(user);
		_exit(!!kreg_open(&k, name, &options));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(without_a_folder_those_of_all_users_are_listed)
{
	KREG_OPTIONS(options, .guard = "none");

	if (getuid())
		return;
	unsetenv("KREG_DIR");
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, "mode=755,size=64m"), 0);
	ck_assert_int_eq(mount("none", "/dev/shm", "tmpfs", 0, "mode=1777,size=64m"), 0);
	make_as(USER, "early");
	ck_assert_int_eq(mkdir("/run/kreg", 0700), 0);
	ck_assert_int_eq(chmod("/run/kreg", 01777), 0);
	make_as(USER, "late");
	make_as(OTHER_USER, "others");
	/* These are in a folder, or under a name, where no registry can be. */
	ck_assert_int_eq(mkdir("/run/kreg/7", 0755), 0);
	ck_assert_int_eq(symlink("/run/kreg/65533/kreg.65533.late", "/run/kreg/7/kreg.7.a"), 0);
	ck_assert_int_eq(symlink("/run/kreg/65533", "/run/kreg/65531"), 0);
	ck_assert_int_eq(
		link("/run/kreg/65533/kreg.65533.late", "/run/kreg/65533/kreg.65532.others"), 0);
	*listed = 0;
	ck_assert_int_eq(kreg_registries_each(&options, 0, write_down_with_folder, NULL), 0);
	ck_assert_str_eq(listed, "/run/kreg/65532/ 65532:others\n/dev/shm/ 65533:early\n"
				 "/run/kreg/65533/ 65533:late\n");
	*listed = 0;
	ck_assert_int_eq(
		kreg_registries_each(&options, KREG_REGISTRIES_OWN, write_down_with_folder, NULL),
		0);
	ck_assert_str_eq(listed, "");
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_registry_is_listed_with_what_the_living_have_in_it,
		names_that_were_given_away_count_as_kreg_count_counts_them,
		listing_creates_nothing_and_takes_no_seat,
		other_users_registries_are_listed_as_far_as_their_modes_admit,
		files_that_are_no_registries_are_damaged_or_not_listed,
		a_file_of_another_user_than_its_name_says_is_reported,
		a_file_that_is_truncated_meanwhile_does_no_harm,
		a_registry_that_is_removed_during_the_walk_is_left_out,
		a_leftover_and_another_layout_are_listed_with_the_processes_in_them,
		without_a_folder_those_of_all_users_are_listed,
		NULL,
	};
	const TTest *const guard[] = {
		a_registry_of_a_guard_that_is_out_of_reach_is_a_leftover,
		NULL,
	};

	TCase *case_both = tcase_create("both"), *case_guard = tcase_create("guard");

	tcase_add_checked_fixture(case_both, set_up, NULL);
	tcase_add_checked_fixture(case_guard, set_up, NULL);
	return modes_run(suite_create("registries"), case_both, both, case_guard, guard);
}
