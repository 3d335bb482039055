/* SPDX-License-Identifier: MIT */
/*
 * The folder is removed by the process that made it, also when a test in it failed; a child of fork()
 * leaves it alone.
 */
#include "tests/support/tmp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static pid_t maker;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

static void remove_directory(void)
{
	if (getpid() == maker)
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tmp_directory(void)
{
	if (maker)
		return directory;
	snprintf(directory, sizeof(directory), "/dev/shm/kreg-test-%d", getpid());
	/* Open to other users: some tests become them. */
	if (mkdir(directory, 0777) || chmod(directory, 01777)) {
		perror(directory);
		exit(1);
	}
	maker = getpid();
	atexit(remove_directory);
	return directory;
}

void tmp_registry(char path[TMP_PATH], uid_t user, const char *name)
{
	snprintf(path, TMP_PATH, "%s/kreg.%u.%s", tmp_directory(), user, name);
}
