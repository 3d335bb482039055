/* SPDX-License-Identifier: MIT */
/*
 * Whether a process has a file mapped, for writing, so that others see it: asked of the kernel, and
 * read from the text, which older kernels have alone. Both say the same.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/process/maps.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

static int file;
static struct segment segment;

static void setup(void)
{
	char path[TMP_PATH + 8];
	struct stat facts;

	snprintf(path, sizeof(path), "%s/file", tmp_directory());
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(ftruncate(file, 16384), 0);
	ck_assert_int_eq(fstat(file, &facts), 0);
	segment.device = facts.st_dev;
	segment.inode = facts.st_ino;
}

static void teardown(void)
{
	close(file);
}

static void expect(const char *path, int answer)
{
	ck_assert_int_eq(maps_look(path, &segment), answer);
	ck_assert_int_eq(maps_look_at_text(path, &segment), answer);
}

static void map(int protection, int flags, off_t from)
{
	ck_assert_ptr_ne(mmap(NULL, 8192, protection, flags, file, from), MAP_FAILED);
}

START_TEST(a_file_that_is_not_mapped_is_not_found)
{
	expect("/proc/self/maps", -EUCLEAN);
}
END_TEST

START_TEST(a_file_that_is_shared_for_writing_is_found)
{
	/* Others in front of it and behind. */
	ck_assert_ptr_ne(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		MAP_FAILED);
	map(PROT_READ | PROT_WRITE, MAP_SHARED, 4096);
	ck_assert_ptr_ne(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		MAP_FAILED);
	expect("/proc/self/maps", 0);
}
END_TEST

START_TEST(what_is_for_reading_or_private_does_not_count)
{
	map(PROT_READ, MAP_SHARED, 0);
	map(PROT_NONE, MAP_SHARED, 0);
	map(PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	expect("/proc/self/maps", -EUCLEAN);
}
END_TEST

START_TEST(another_process_is_looked_at_by_its_own_mappings)
{
	char path[64];
	int ends[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		map(PROT_READ | PROT_WRITE, MAP_SHARED, 0);
		if (write(ends[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	expect(path, 0);
	expect("/proc/self/maps", -EUCLEAN);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(a_zombie_has_no_memory_left)
{
	char path[64];
	siginfo_t info;
	pid_t child = fork();

	if (!child)
		_exit(0);
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	expect(path, -ENODATA);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(a_process_that_is_gone_cannot_be_looked_at)
{
	char path[64];
	pid_t child = fork();

	if (!child)
		_exit(0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	snprintf(path, sizeof(path), "/proc/%d/maps", child);
	expect(path, -EACCES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maps");
	TCase *tc = tcase_create("maps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_file_that_is_not_mapped_is_not_found);
	tcase_add_test(tc, a_file_that_is_shared_for_writing_is_found);
	tcase_add_test(tc, what_is_for_reading_or_private_does_not_count);
	tcase_add_test(tc, another_process_is_looked_at_by_its_own_mappings);
	tcase_add_test(tc, a_zombie_has_no_memory_left);
	tcase_add_test(tc, a_process_that_is_gone_cannot_be_looked_at);
	suite_add_tcase(suite, tc);
	return unit_run_suite(suite);
}
