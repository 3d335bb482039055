/* SPDX-License-Identifier: MIT */
/*
 * A memory cgroup that is too small. The pages of a registry are charged to the group of
 * the process that reserves them. If the kernel refuses a page, the call returns -ENOSPC.
 * If the kernel kills for it, which is its default, the names of the killed process are
 * gone, all other names are intact, and the reserved memory stays in use. A quota per
 * owner turns the kill into an error.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kreg.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"
#include "tests/support/unit.h"

#define LIMIT "33554432"
#define LARGE 60000
/* Three times what the group allows. */
#define MANY 1600

#define BOUND (8u << 20)

static char group[512];
static char large[LARGE];

static bool write_to(const char *file, const char *text)
{
	char path[600];
	ssize_t wrote;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	wrote = write(fd, text, strlen(text));
	close(fd);
	return wrote == (ssize_t)strlen(text);
}

/* The path of the process in the hierarchy whose line in /proc/self/cgroup has @label. */
static bool own_group(const char *label, char *out, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, label);

		line[strcspn(line, "\n")] = 0;
		found = at;
		if (found)
			snprintf(out, size, "%s", at + strlen(label));
	}
	if (file)
		fclose(file);
	return found;
}

static bool make_group(const char *mount, const char *label, const char *limit)
{
	char own[256], name[TMP_NAME];

	if (!own_group(label, own, sizeof(own)))
		return false;
	snprintf(group, sizeof(group), "%s%s", mount, own);
	tmp_remove_dead_in(group);
	tmp_name_of(getpid(), name);
	snprintf(group, sizeof(group), "%s%s/%s", mount, own, name);
	if (mkdir(group, 0700))
		return false;
	if (write_to(limit, LIMIT))
		return true;
	rmdir(group);
	return false;
}

/* Of version 1 or 2, whichever has the host's memory controller. */
static bool has_group(void)
{
	return make_group("/sys/fs/cgroup", "0::", "memory.max") ||
	       make_group("/sys/fs/cgroup/memory", ":memory:", "memory.limit_in_bytes");
}

static struct kreg *open_bounded(int mode, uint64_t owner_bytes)
{
	KREG_OPTIONS(options, .owner_bytes = owner_bytes);

	return mode_open_as(mode, owner_bytes ? "bounded" : "cgroup", &options);
}

struct filling {
	int mode;
	uint64_t owner_bytes;
};

/* Exits with the error that ended the filling. */
static int fill(int link, void *data)
{
	const struct filling *filling = data;
	struct kreg *k = open_bounded(filling->mode, filling->owner_bytes);
	int i, err = 0;

	link_say(link, 0);
	link_hear(link);
	for (i = 0; i < MANY && !err; i++)
		err = kreg_register(k, &i, sizeof(i), large, sizeof(large), NULL);
	return -err;
}

/* Fills in a cgroup of its own. Return: the wait status. */
static int fill_in_group(struct filling *filling)
{
	struct child child = child_start_ready(fill, filling);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", child.pid);
	ck_assert(write_to("cgroup.procs", pid));
	link_say(child.link, 0);
	return child_end(&child);
}

static void remove_group(void)
{
	int tries;

	/* The killed process is reaped, and leaves the group soon. */
	for (tries = 0; rmdir(group) && errno == EBUSY && tries < 1000; tries++)
		usleep(1000);
}

START_TEST(a_memory_cgroup_that_is_too_small_leaves_other_processes_intact)
{
	struct filling filling = { .mode = _i };
	struct kreg *k;
	int status, i;

	if (!has_group()) {
		unit_skip("no memory cgroup can be made here");
		return;
	}
	k = open_bounded(_i, 0);
	ck_assert_int_eq(kreg_register(k, "mine", KREG_STRING, "v", 1, NULL), 0);
	status = fill_in_group(&filling);
	printf("# 32 MiB of memory in the cgroup: %s\n",
	       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "-ENOSPC");
	ck_assert((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
		  (WIFEXITED(status) && WEXITSTATUS(status) == ENOSPC));
	ck_assert_int_eq(kreg_count(k), 1);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(kreg_lookup(k, &i, sizeof(i), NULL, 0, NULL), -ENOENT);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	ck_assert_int_ge(kreg_sweep(k), 0);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(kreg_register(k, &i, sizeof(i), large, sizeof(large), NULL), 0);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
	remove_group();
}
END_TEST

START_TEST(a_quota_per_owner_turns_the_kill_into_an_error)
{
	struct filling filling = { .mode = _i, .owner_bytes = BOUND };
	struct kreg *k;
	int status;

	if (!has_group()) {
		unit_skip("no memory cgroup can be made here");
		return;
	}
	k = open_bounded(_i, BOUND);
	status = fill_in_group(&filling);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), EDQUOT);
	ck_assert_int_eq(kreg_check(k, NULL, NULL), 0);
	kreg_close(k);
	remove_group();
}
END_TEST

int main(void)
{
	const TTest *const both[] = {
		a_memory_cgroup_that_is_too_small_leaves_other_processes_intact,
		a_quota_per_owner_turns_the_kill_into_an_error,
		NULL,
	};

	return modes_run(suite_create("cgroup"), tcase_create("both"), both, NULL, NULL);
}
