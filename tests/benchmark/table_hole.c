/* SPDX-License-Identifier: MIT */
/*
 * The table of holes: what a lookup meets if a page that it is about to read is given back to
 * the file system, which is why a registry gives nothing back before it is destroyed.
 *
 * A lookup writes nothing, so nobody knows whether one is on its way to an entry that was
 * retired: it may have loaded the cell, and have been stopped in front of the next load for
 * any time. Here the cell still leads to the entry, so that each lookup is such a one, and the
 * entry's page is punched out of the file, on a tmpfs of its own: once while that has room,
 * once when others have filled it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/benchmark/tables.h"

#define PAGE 4096
#define FILE_SYSTEM "size=2m"
#define NAME "a name whose page is given back"

static const char value[] = "the only value in this registry with these bytes";

struct hole {
	struct bench_options options;
	struct kreg *k;
	char path[256];
	int fd;
	off_t page; /* of the entry, in the file */
};

/* A mount that nobody else sees. False: it is not allowed here. */
static bool file_system_make(const char *folder)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tmpfs", folder, "tmpfs", 0, FILE_SYSTEM);
}

/* Takes all that is left of the file system. */
static void file_system_fill(const struct hole *h)
{
	static const unsigned char page[PAGE];
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/others", h->options.registry.directory);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (fd >= 0 && write(fd, page, sizeof(page)) > 0)
		;
	if (fd < 0 || errno != ENOSPC)
		die(path, -errno);
	close(fd);
}

static void page_find(struct hole *h)
{
	unsigned char page[PAGE];
	off_t at = 0;

	h->fd = open(h->path, O_RDWR);
	if (h->fd < 0)
		die(h->path, -errno);
	for (;; at += PAGE) {
		at = lseek(h->fd, at, SEEK_DATA);
		if (at < 0 || pread(h->fd, page, PAGE, at) != PAGE)
			die("the entry's page", -ENOENT);
		if (memmem(page, PAGE, value, sizeof(value)))
			break;
	}
	h->page = at;
}

static void page_punch(const struct hole *h)
{
	if (fallocate(h->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, h->page, PAGE))
		die("fallocate", -errno);
}

/* Where this process has the page. */
static void *page_mapped(const struct hole *h)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to, offset;
	char line[512];
	void *at = NULL;

	while (maps && !at && fgets(line, sizeof(line), maps)) {
		if (strstr(line, h->path) &&
		    sscanf(line, "%lx-%lx %*s %lx", &from, &to, &offset) == 3 &&
		    (unsigned long)h->page - offset < to - from)
			at = (unsigned char *)from + ((unsigned long)h->page - offset);
	}
	if (maps)
		fclose(maps);
	return at;
}

/* In a child of fork, in which lookups work as ever; @covers: with other memory in place. */
static void look(const struct hole *h, const char *row, bool covers)
{
	struct rlimit none = { 0, 0 };
	struct stat before, after;
	char text[64], found[sizeof(value)];
	int status = 0;
	pid_t pid;

	fstat(h->fd, &before);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		if (covers && mmap(page_mapped(h), PAGE, PROT_READ,
				   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(2);
		_exit(kreg_lookup(h->k, NAME, KREG_STRING, found, sizeof(found), NULL) ==
		      sizeof(value));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork", -errno);
	fstat(h->fd, &after);
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text), "%s",
			 WEXITSTATUS(status) == 2   ? "could not cover the page"
			 : WEXITSTATUS(status) == 1 ? "found"
						    : "not found");
	printf("  %-44s %-24s takes %.0f KiB\n", row, text,
	       (double)(after.st_blocks - before.st_blocks) / 2);
}

static _Noreturn void measure(struct hole *h)
{
	int err;

	if (!file_system_make(h->options.registry.directory)) {
		printf("  left out: this user may not mount a tmpfs\n");
		exit(0);
	}
	h->k = registry_open(&h->options, REGISTRY);
	registry_path(&h->options, REGISTRY, h->path, sizeof(h->path));
	err = kreg_register(h->k, NAME, KREG_STRING, value, sizeof(value), NULL);
	if (err)
		die("kreg_register", err);
	page_find(h);
	look(h, "nothing given back", false);
	page_punch(h);
	look(h, "given back, the file system has room", false);
	page_punch(h);
	file_system_fill(h);
	look(h, "given back, the file system is full", false);
	look(h, "the same, anonymous memory in its place", true);
	/* The row of this process is in memory of a full file system too; so without a close. */
	fflush(stdout);
	_exit(0);
}

static void hole_run(const struct bench_options *options)
{
	struct hole h = { .options = *options };
	char folder[128];
	int status = 0;
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s/hole", options->registry.directory);
	h.options.registry.directory = folder;
	if (mkdir(folder, 0700))
		die(folder, -errno);
	printf("\nA lookup whose entry's page was given back meanwhile\n");
	fflush(stdout);
	pid = fork();
	if (!pid)
		measure(&h);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		die("a lookup beside a hole", -ECHILD);
	rmdir(folder);
}

const struct table table_hole = { "hole", "a lookup whose entry's page was given back", hole_run };
