/* SPDX-License-Identifier: MIT */
/*
 * The table of attaching: opening an existing registry and looking the first name up, beside
 * opening and mapping the same file and reading one byte of it. Once for writing, with a first
 * registration, and once for reading.
 *
 * Each time it is a new program, this one again, because a process that has forked shares
 * pages and one that has opened a registry before has executed the library before. So the
 * page faults include those of the library's code and data, and those of a first thread.
 *
 * The bound is another program of its own: the least that opening a registry can be, whatever
 * the library is. It asks the file system which it is and reads a header, maps all that the file
 * can ever have, out of reach and of core dumps, opens the three parts that a lookup touches,
 * and touches a page in each: header, line, entry.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/benchmark/processes.h"
#include "tests/benchmark/tables.h"

#define ENTRIES 10000u
#define AGAIN 5 /* programs in one turn */

enum step { BARE, LEAST, OPEN, LOOKUP, REGISTER, STEPS };

/* What one program has measured: how long each step took, and its page faults. */
struct attached {
	double us[STEPS];
	double faults[STEPS];
};

/* A part of the file that is there: the first, and the two largest, lines and land. */
#define PARTS 3
struct part {
	size_t offset, bytes;
};

struct mark {
	double ns;
	double faults;
};

static struct mark mark(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct mark){ now_ns(), (double)usage.ru_minflt };
}

static void step_end(struct attached *attached, enum step step, struct mark from)
{
	struct mark to = mark();

	attached->us[step] = (to.ns - from.ns) / 1000;
	attached->faults[step] = to.faults - from.faults;
}

static void bare(struct attached *attached, const char *path, bool reads)
{
	const volatile unsigned char *at;
	struct mark from = mark();
	struct stat file;
	int fd;

	fd = open(path, (reads ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &file))
		die(path, -errno);
	at = mmap(NULL, (size_t)file.st_size, reads ? PROT_READ : PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("mmap", -errno);
	close(fd);
	(void)*at;
	step_end(attached, BARE, from);
}

static void least(struct attached *attached, const char *path, bool reads, const struct part *parts)
{
	const int protection = reads ? PROT_READ : PROT_READ | PROT_WRITE;
	struct mark from = mark();
	unsigned char *at, header[4096];
	struct statfs fs;
	struct stat file;
	int fd, i;

	fd = open(path, (reads ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &file) || fstatfs(fd, &fs) ||
	    pread(fd, header, sizeof(header), 0) != sizeof(header))
		die(path, -errno);
	at = mmap(NULL, (size_t)file.st_size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (at == MAP_FAILED || madvise(at, (size_t)file.st_size, MADV_DONTDUMP))
		die("mmap", -errno);
	for (i = 0; i < PARTS; i++) {
		if (mprotect(at + parts[i].offset, parts[i].bytes, protection))
			die("mprotect", -errno);
	}
	close(fd);
	for (i = 0; i < PARTS; i++)
		(void)*(const volatile unsigned char *)(at + parts[i].offset);
	step_end(attached, LEAST, from);
}

static void attach(struct attached *attached, uint32_t flags)
{
	KREG_OPTIONS(how, .flags = flags);
	unsigned char key[NUMBERED_SIZE];
	struct mark from;
	struct kreg *k;
	uint64_t value;
	int err;

	numbered_key(key, 1);
	from = mark();
	err = kreg_open(&k, REGISTRY, &how);
	step_end(attached, OPEN, from);
	if (err)
		die("kreg_open", err);
	from = mark();
	err = (int)kreg_lookup(k, key, sizeof(key), &value, sizeof(value), NULL);
	step_end(attached, LOOKUP, from);
	if (err < 0)
		die("kreg_lookup", err);
	if (flags & KREG_OPEN_READONLY)
		return;
	from = mark();
	err = kreg_register(k, "first", KREG_STRING, "value", 5, NULL);
	step_end(attached, REGISTER, from);
	if (err)
		die("kreg_register", err);
}

/* @numbers: flags of kreg_open(); for the bound, where the parts are as well. */
int attach_once(const char *path, const char *numbers)
{
	struct part parts[PARTS];
	struct attached attached;
	char *next;
	uint32_t flags = (uint32_t)strtoul(numbers, &next, 10);
	bool is_bound = *next;
	int i;

	for (i = 0; is_bound && i < PARTS; i++) {
		parts[i].offset = strtoul(next, &next, 10);
		parts[i].bytes = strtoul(next, &next, 10);
	}
	memset(&attached, 0, sizeof(attached));
	/* The first call of each binds it. */
	mark();
	if (is_bound) {
		least(&attached, path, flags & KREG_OPEN_READONLY, parts);
	} else {
		bare(&attached, path, flags & KREG_OPEN_READONLY);
		attach(&attached, flags);
	}
	for (i = 0; i < STEPS; i++)
		printf("%.3f %.0f\n", attached.us[i], attached.faults[i]);
	return 0;
}

/* Where a file has pages: the first part, and the @PARTS - 1 largest of the others. */
static void parts_find(const char *path, struct part *parts)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), i;
	off_t at = 0, end;

	if (fd < 0)
		die(path, -errno);
	memset(parts, 0, PARTS * sizeof(*parts));
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		for (i = at ? 1 : 0; i < PARTS && parts[i].bytes >= (size_t)(end - at); i++)
			;
		if (i < PARTS) {
			if (i)
				memmove(&parts[i + 1], &parts[i],
					(size_t)(PARTS - 1 - i) * sizeof(*parts));
			parts[i] = (struct part){ (size_t)at, (size_t)(end - at) };
		}
		at = end;
	}
	close(fd);
}

/* Adds what a new program measures, which is the bound where @parts are given. */
static void attach_add(const struct bench_options *options, uint32_t flags,
		       const struct part *parts, struct attached *sum)
{
	char self[256], path[256], command[800];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	double us, faults;
	FILE *program;
	int i;

	if (length < 0)
		die("/proc/self/exe", -errno);
	self[length] = 0;
	registry_path(options, REGISTRY, path, sizeof(path));
	setenv("KREG_DIR", options->registry.directory, 1);
	setenv("KREG_GUARD", options->registry.guard, 1);
	length = snprintf(command, sizeof(command), "'%s' --attach-once '%s' '%u", self, path,
			  flags);
	for (i = 0; parts && i < PARTS; i++)
		length += snprintf(command + length, sizeof(command) - (size_t)length, " %zu %zu",
				   parts[i].offset, parts[i].bytes);
	snprintf(command + length, sizeof(command) - (size_t)length, "'");
	program = popen(command, "r");
	if (!program)
		die(command, -errno);
	for (i = 0; i < STEPS; i++) {
		if (fscanf(program, "%lf %lf", &us, &faults) != 2)
			die(command, -EIO);
		sum->us[i] += us;
		sum->faults[i] += faults;
	}
	pclose(program);
}

static void attach_as(const struct bench_options *options, const char *as, uint32_t flags)
{
	static const char *const names[] = { "open, mmap, one fault", "the least of a registry",
					     "kreg_open", "the first kreg_lookup",
					     "the first kreg_register" };
	static const char *const goals[] = { NULL, NULL, "<= 6", "<= 1", "<= 2" };
	double us[STEPS][TURNS_MAX], both[TURNS_MAX], ratio[TURNS_MAX], bound[TURNS_MAX];
	int steps = flags & KREG_OPEN_READONLY ? REGISTER : STEPS;
	struct part parts[PARTS];
	struct attached sum, all;
	char name[256];
	int turn, i;

	registry_path(options, REGISTRY, name, sizeof(name));
	parts_find(name, parts);
	memset(&all, 0, sizeof(all));
	for (turn = 0; turn < options->turns; turn++) {
		memset(&sum, 0, sizeof(sum));
		for (i = 0; i < AGAIN; i++) {
			attach_add(options, flags, NULL, &sum);
			attach_add(options, flags, parts, &sum);
		}
		for (i = 0; i < STEPS; i++) {
			us[i][turn] = sum.us[i] / AGAIN;
			all.faults[i] += sum.faults[i] / AGAIN / options->turns;
		}
		both[turn] = us[OPEN][turn] + us[LOOKUP][turn];
		ratio[turn] = both[turn] / us[BARE][turn];
		bound[turn] = us[LEAST][turn] / us[BARE][turn];
	}
	snprintf(name, sizeof(name), "Attaching to a registry for %s, in a new process", as);
	title_print(options, name);
	row_heading("bare");
	row_print("kreg_open and the first kreg_lookup", both, "us", ratio, options->turns,
		  "<= 1.5");
	for (i = 0; i < steps; i++)
		row_print(names[i], us[i], "us", i == LEAST ? bound : NULL, options->turns, NULL);
	for (i = 0; i < steps; i++) {
		snprintf(name, sizeof(name), "page faults of %s", names[i]);
		row_single(name, all.faults[i], "", goals[i]);
	}
}

static void attach_run(const struct bench_options *options)
{
	struct holders *holders = holders_start(options, REGISTRY, 1, ENTRIES, NULL);

	attach_as(options, "writing", 0);
	attach_as(options, "reading", KREG_OPEN_READONLY);
	holders_end(holders);
	registry_destroy(options, REGISTRY);
}

const struct table table_attach = { "attach", "kreg_open and a first lookup beside open and mmap",
				    attach_run };
