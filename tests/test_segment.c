/* SPDX-License-Identifier: MIT */
/*
 * A file that is not a registry, or not one of this version, is refused with an error
 * message and left unchanged; a full file system is an error and never a signal.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/seccomp.h>

#include "lib/kreg.h"
#include "shm/layout.h"
#include "tests/support/child.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static char said[2048], file[TMP_PATH];

static void keep(const char *sentence, void *data)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", sentence);
}

static int open_in(struct kreg **k, const char *directory, uint32_t flags)
{
	KREG_OPTIONS(options, .directory = directory, .guard = "none", .log = keep, .flags = flags);

	return kreg_open(k, "segment", &options);
}

static int destroy(int force)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .log = keep);

	return kreg_destroy("segment", &options, force ? KREG_DESTROY_FORCE : 0);
}

static void set_up(void)
{
	struct kreg *k;

	tmp_registry(file, geteuid(), "segment");
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	kreg_close(k);
	said[0] = 0;
}

static void tear_down(void)
{
	remove(file);
}

static void put(off_t offset, const void *bytes, size_t size)
{
	int fd = open(file, O_RDWR);

	ck_assert_int_eq(pwrite(fd, bytes, size, offset), (ssize_t)size);
	close(fd);
}

static void is_refused(int err, const char *reason)
{
	struct stat before, after;
	struct kreg *k;

	ck_assert_int_eq(stat(file, &before), 0);
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), err);
	ck_assert_msg(strstr(said, reason) != NULL, "\"%s\" is not in: %s", reason, said);
	ck_assert_int_eq(open_in(&k, tmp_directory(), KREG_OPEN_READONLY), err);
	ck_assert_int_eq(stat(file, &after), 0);
	ck_assert_int_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(before.st_size, after.st_size);
}

START_TEST(a_truncated_segment_is_refused)
{
	ck_assert_int_eq(truncate(file, 1 << 20), 0);
	is_refused(-EPROTO, "damaged");
	ck_assert_int_eq(truncate(file, 10), 0);
	is_refused(-EPROTO, "not a registry");
	ck_assert_int_eq(truncate(file, 0), 0);
	is_refused(-EPROTO, "not a registry");
	ck_assert_int_eq(destroy(0), -EPROTO);
	ck_assert_int_eq(destroy(1), 0);
	ck_assert_int_eq(destroy(1), -ENOENT);
}
END_TEST

#define NAMES 5000

/*
 * By a process that has just opened the registry: a child of it, with one thread and the
 * same mappings, to which the kernel grants nothing but its end, looks a name up.
 */
static int look_up_without_calls(int link, void *flags)
{
	int name = NAMES / 2, status;
	struct kreg *k;
	pid_t child;

	if (open_in(&k, tmp_directory(), *(uint32_t *)flags))
		return 1;
	child = fork();
	if (!child) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			_exit(1);
		/* Not _exit(), which ends all threads by a call of its own. */
		syscall(SYS_exit, kreg_lookup(k, &name, sizeof(name), NULL, 0, NULL) != 1);
	}
	link_say(link, waitpid(child, &status, 0) == child ? status : -1);
	link_hear(link);
	return 0;
}

START_TEST(the_first_lookup_after_an_open_calls_no_kernel)
{
	static uint32_t modes[] = { 0, KREG_OPEN_READONLY };
	struct child child;
	struct kreg *k;
	int i;

	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	/* More than the first page of buckets is for. */
	for (i = 0; i < NAMES; i++)
		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), "v", 1, NULL), 0);
	for (i = 0; i < 2; i++) {
		child = child_start(look_up_without_calls, &modes[i]);
		ck_assert_int_eq(link_hear(child.link), 0);
		child_kill(&child);
	}
	kreg_close(k);
}
END_TEST

START_TEST(a_foreign_file_is_refused)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	put(0, text, sizeof(text));
	is_refused(-EPROTO, "not a registry");
}
END_TEST

static void put_layout(uint32_t layout)
{
	put(offsetof(struct segment_header, layout), &layout, sizeof(layout));
}

START_TEST(an_unknown_early_layout_is_refused_with_both_versions)
{
	uint64_t marker = 0;
	char both[64];

	put(offsetof(struct segment_header, marker), &marker, sizeof(marker));
	put_layout(3);
	snprintf(both, sizeof(both), "layout 3, this library has %u", SEGMENT_LAYOUT);
	is_refused(-EPROTO, both);
	ck_assert_int_eq(destroy(0), -EPROTO);
	ck_assert_int_eq(destroy(1), 0);
}
END_TEST

/* As if the process of @pid had opened the registry last in @seat. */
static void put_who(uint32_t seat, pid_t pid)
{
	const struct segment_who who = { .pid = (uint32_t)pid };
	struct segment_preamble preamble;
	int fd = open(file, O_RDONLY);

	ck_assert_int_eq(pread(fd, &preamble, sizeof(preamble), 0), sizeof(preamble));
	close(fd);
	put((off_t)(preamble.rows_offset + seat * sizeof(struct row) + ROW_WHO), &who, sizeof(who));
}

static ino_t inode(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_ino;
}

/* @reason is reported to readers, which may not replace it. */
static void is_replaced(const char *reason)
{
	ino_t before = inode();
	struct kreg *k;

	ck_assert_int_eq(open_in(&k, tmp_directory(), KREG_OPEN_READONLY), -ENOENT);
	ck_assert_msg(strstr(said, reason) != NULL, "\"%s\" is not in: %s", reason, said);
	ck_assert_int_eq(inode(), before);
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	ck_assert_int_ne(inode(), before);
	ck_assert_int_eq(kreg_count(k), 0);
	ck_assert_int_eq(kreg_register(k, "name", KREG_STRING, NULL, 0, NULL), 0);
	kreg_close(k);
}

START_TEST(another_layout_without_living_members_is_replaced)
{
	/* In place of this test, which has opened it. */
	put_who(0, 0);
	put_layout(SEGMENT_LAYOUT + 41);
	is_replaced("of another layout");
}
END_TEST

START_TEST(another_layout_is_in_use_by_each_row_that_is_reserved_and_by_no_other)
{
	uint64_t high = 100;

	put_who(0, 0);
	put_layout(SEGMENT_LAYOUT + 41);
	put_who(99, getpid());
	put(offsetof(struct segment_preamble, seats_high), &high, sizeof(high));
	is_refused(-EPROTO, "alive");
	high--;
	put(offsetof(struct segment_preamble, seats_high), &high, sizeof(high));
	is_replaced("of another layout");
}
END_TEST

START_TEST(in_layouts_5_and_6_all_rows_count)
{
	uint64_t marker = SEGMENT_MARKER_WHOLE;

	put_who(0, 0);
	put_layout(6);
	put(offsetof(struct segment_preamble, marker), &marker, sizeof(marker));
	put_who(4000, getpid());
	is_refused(-EPROTO, "alive");
	put_who(4000, 0);
	is_replaced("of another layout");
}
END_TEST

static uint64_t bytes_taken(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

START_TEST(an_empty_registry_takes_at_most_128_kib)
{
	struct kreg_stat now = { .size = sizeof(now) };
	struct kreg *k;

	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	printf("# an empty registry takes %llu KiB\n", (unsigned long long)bytes_taken() >> 10);
	ck_assert_uint_le(bytes_taken(), 128 << 10);
	ck_assert_int_eq(kreg_stat(k, &now), 0);
	ck_assert_uint_eq(now.bytes_reserved, bytes_taken());
	/* With the slot of a thread, and without its memory for entries. */
	ck_assert_int_eq(kreg_unregister(k, "absent", KREG_STRING), 0);
	ck_assert_uint_le(bytes_taken(), 128 << 10);
	ck_assert_int_eq(kreg_stat(k, &now), 0);
	ck_assert_uint_eq(now.bytes_reserved, bytes_taken());
	kreg_close(k);
}
END_TEST

START_TEST(a_segment_of_another_boot_is_replaced)
{
	uint64_t boot[2] = { 1, 2 }, born = 0;

	put(offsetof(struct segment_header, boot), boot, sizeof(boot));
	put(offsetof(struct segment_header, born), &born, sizeof(born));
	is_replaced("of another boot");
}
END_TEST

/* As a copy is that another boot's first file has, in the same inode. */
START_TEST(a_segment_that_was_made_at_another_time_than_its_file_is_replaced)
{
	int fd = open(file, O_RDONLY);
	uint64_t born;

	ck_assert_int_eq(pread(fd, &born, sizeof(born), offsetof(struct segment_header, born)),
			 sizeof(born));
	close(fd);
	/* Old kernels do not say when a file of a tmpfs was made. */
	if (!born)
		return;
	born++;
	put(offsetof(struct segment_header, born), &born, sizeof(born));
	is_replaced("of another boot");
}
END_TEST

/* Copies what is not 0: the file has gigabytes of holes. */
static void copy_to(const char *copy)
{
	int from = open(file, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0600);
	off_t size = lseek(from, 0, SEEK_END), at = 0;
	char page[4096];
	ssize_t got;

	ck_assert(from >= 0 && to >= 0 && size > 0);
	ck_assert_int_eq(ftruncate(to, size), 0);
	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		got = pread(from, page, sizeof(page), at);
		ck_assert_int_gt(got, 0);
		ck_assert_int_eq(pwrite(to, page, (size_t)got, at), got);
		at += got;
	}
	ck_assert_int_eq(errno, ENXIO);
	close(from);
	close(to);
}

START_TEST(a_copy_is_replaced)
{
	char copy[1200];

	snprintf(copy, sizeof(copy), "%s.copy", file);
	copy_to(copy);
	ck_assert_int_eq(rename(copy, file), 0);
	is_replaced("a copy");
}
END_TEST

START_TEST(impossible_numbers_in_the_header_are_refused)
{
	const struct {
		off_t offset;
		size_t size;
	} fields[] = {
		{ offsetof(struct segment_header, max_bytes), sizeof(uint64_t) },
		{ offsetof(struct segment_header, seats), sizeof(uint32_t) },
		{ offsetof(struct segment_header, slots), sizeof(uint32_t) },
	};
	uint64_t zero = 0, old;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ssize_t size = (ssize_t)fields[i].size;

		fd = open(file, O_RDONLY);
		ck_assert_int_eq(pread(fd, &old, fields[i].size, fields[i].offset), size);
		close(fd);
		put(fields[i].offset, &zero, fields[i].size);
		is_refused(-EPROTO, "damaged");
		put(fields[i].offset, &old, fields[i].size);
	}
}
END_TEST

static void make_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_uint_lt(strlen(file), sizeof(address.sun_path));
	memcpy(address.sun_path, file, strlen(file));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void is_refused_as(const char *kind)
{
	struct kreg *k;

	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), -EPROTO);
	ck_assert_msg(strstr(said, kind) != NULL, "\"%s\" is not in: %s", kind, said);
	ck_assert_int_eq(open_in(&k, tmp_directory(), KREG_OPEN_READONLY), -EPROTO);
	ck_assert_int_eq(remove(file), 0);
}

START_TEST(a_file_that_is_not_regular_is_refused_without_blocking)
{
	unlink(file);
	ck_assert_int_eq(symlink("/dev/zero", file), 0);
	is_refused_as("symbolic link");
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	is_refused_as("FIFO");
	ck_assert_int_eq(mkdir(file, 0700), 0);
	is_refused_as("folder");
	make_socket();
	is_refused_as("socket");
}
END_TEST

/* Has a lease of the kind *@data on the file until its link says to end it. */
static int have_lease(int link, void *data)
{
	int kind = *(int *)data;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	/* Which asks it to end the lease, and ends a process otherwise. */
	signal(SIGIO, SIG_IGN);
	link_say(link, fcntl(fd, F_SETLEASE, kind) ? -errno : 0);
	link_hear(link);
	return 0;
}

static int open_and_close(uint32_t flags)
{
	struct kreg *k;
	int err = open_in(&k, tmp_directory(), flags);

	if (!err)
		kreg_close(k);
	return err;
}

START_TEST(a_file_with_a_lease_is_refused_until_that_has_ended)
{
	int kinds[] = { F_RDLCK, F_WRLCK }, i;

	for (i = 0; i < 2; i++) {
		struct child child = child_start_ready(have_lease, &kinds[i]);

		/* For reading there is a conflict only with a lease for writing. */
		ck_assert_int_eq(open_and_close(KREG_OPEN_READONLY), i ? -EAGAIN : 0);
		said[0] = 0;
		ck_assert_int_eq(open_and_close(0), -EAGAIN);
		ck_assert_msg(strstr(said, "lease") && strstr(said, "retry"), "the log says: %s",
			      said);
		ck_assert_int_eq(destroy(1), -EAGAIN);
		ck_assert_int_eq(child_end(&child), 0);
		ck_assert_int_eq(open_and_close(0), 0);
	}
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

static int open_other(void)
{
	KREG_OPTIONS(options, .directory = tmp_directory(), .guard = "none", .log = keep);
	struct kreg *k;
	int err = kreg_open(&k, "other", &options);

	if (!err)
		kreg_close(k);
	return err;
}

/* The name that open_other() opens. */
static const char *other(void)
{
	static char name[TMP_PATH];

	tmp_registry(name, geteuid(), "other");
	return name;
}

START_TEST(a_second_name_of_a_registry_is_refused)
{
	KREG_OPTIONS(options, .directory = tmp_directory());
	struct kreg *k;

	/* No other user can have changed its contents. */
	ck_assert_int_eq(link(file, other()), 0);
	ck_assert_int_eq(open_other(), -EPROTO);
	ck_assert_msg(strstr(said, "was made as kreg.") != NULL, "what it is, is not in: %s", said);
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	kreg_close(k);
	/* Now other users can, so the name in it proves nothing. */
	ck_assert_int_eq(chmod(file, 0666), 0);
	is_refused(-EPROTO, "has 2 names");
	ck_assert_int_eq(open_other(), -EPROTO);
	ck_assert_int_eq(kreg_destroy("other", &options, 0), -EPROTO);
	ck_assert_int_eq(kreg_destroy("other", &options, KREG_DESTROY_FORCE), 0);
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), 0);
	kreg_close(k);
	ck_assert_int_eq(rename(file, other()), 0);
	ck_assert_int_eq(open_other(), -EPROTO);
	ck_assert_int_eq(unlink(other()), 0);
}
END_TEST

START_TEST(a_folder_outside_tmpfs_is_refused)
{
	const char *directory = "/";
	struct statfs fs;
	struct kreg *k;

	ck_assert_int_eq(statfs(directory, &fs), 0);
	if (geteuid() || (unsigned long)fs.f_type == TMPFS_MAGIC)
		return; /* no other user may write there */
	ck_assert_int_eq(open_in(&k, directory, 0), -EOPNOTSUPP);
	ck_assert_msg(strstr(said, "tmpfs") != NULL, "what it has to be, is not in: %s", said);
}
END_TEST

START_TEST(a_file_of_another_user_under_the_name_is_refused)
{
	struct kreg *k;

	if (geteuid())
		return; /* only root can give a file away */
	ck_assert_int_eq(chown(file, 65533, 65533), 0);
	ck_assert_int_eq(open_in(&k, tmp_directory(), 0), -EPERM);
	ck_assert_msg(strstr(said, "65533") != NULL, "whose it is, is not in: %s", said);
}
END_TEST

START_TEST(a_full_file_system_is_an_error_and_the_registry_goes_on)
{
	char small[128], key[32], value[3000];
	struct kreg *k, *second;
	int i, full, err = 0;

	snprintf(small, sizeof(small), "%s/small", tmp_directory());
	if (!tmp_mount(small, "4m"))
		return;
	ck_assert_int_eq(open_in(&k, small, 0), 0);
	memset(value, 'v', sizeof(value));
	for (full = 0; !err; full++) {
		snprintf(key, sizeof(key), "%d", full);
		err = kreg_register(k, key, KREG_STRING, value, sizeof(value), NULL);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_gt(full, 100);
	for (i = 0; i < full - 1; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_int_eq(kreg_lookup(k, key, KREG_STRING, value, sizeof(value), NULL),
				 sizeof(value));
		ck_assert_int_eq(value[0], 'v');
	}
	ck_assert_int_eq(kreg_count(k), full - 1);
	for (i = 0; i < full - 1; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ck_assert_int_eq(kreg_unregister(k, key, KREG_STRING), 1);
	}
	ck_assert_int_eq(kreg_register(k, "again", KREG_STRING, value, sizeof(value), NULL), 0);
	kreg_close(k);
	snprintf(file, sizeof(file), "%s/kreg.0.segment", small);
	unlink(file);
	ck_assert_int_eq(mount("tmpfs", small, "tmpfs", MS_REMOUNT, "size=64k"), 0);
	ck_assert_int_eq(open_in(&second, small, 0), -ENOSPC);
	ck_assert_msg(strstr(said, "free space") != NULL, "what to do is not in: %s", said);
	ck_assert_int_eq(access(file, F_OK), -1);
	ck_assert_int_eq(umount(small), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_truncated_segment_is_refused,
		the_first_lookup_after_an_open_calls_no_kernel,
		a_foreign_file_is_refused,
		an_unknown_early_layout_is_refused_with_both_versions,
		another_layout_without_living_members_is_replaced,
		another_layout_is_in_use_by_each_row_that_is_reserved_and_by_no_other,
		in_layouts_5_and_6_all_rows_count,
		an_empty_registry_takes_at_most_128_kib,
		a_segment_of_another_boot_is_replaced,
		a_segment_that_was_made_at_another_time_than_its_file_is_replaced,
		a_copy_is_replaced,
		impossible_numbers_in_the_header_are_refused,
		a_file_that_is_not_regular_is_refused_without_blocking,
		a_second_name_of_a_registry_is_refused,
		a_file_with_a_lease_is_refused_until_that_has_ended,
		a_folder_outside_tmpfs_is_refused,
		a_file_of_another_user_under_the_name_is_refused,
		a_full_file_system_is_an_error_and_the_registry_goes_on,
		NULL,
	};

	return unit_run("segment", set_up, tear_down, tests);
}
