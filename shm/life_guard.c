/* SPDX-License-Identifier: MIT */
/*
 * A seat from the guard: the kernel's BPF programs write the life words, we map and read them.
 *
 * The maps are pinned in bpffs and frozen, so that PROT_READ is all that anyone gets. The seat is
 * taken by reading a file: the guard's iterator runs as kernel code in our context, sees who we
 * are, and writes its answer through the file. No capability is needed, and no identity is told
 * that could be a lie.
 *
 *   killed here            what is left
 *   before the read        nothing
 *   inside it              the program runs to its end; then the exit hook ends the life
 *   after it               as any life
 *
 * A life table is believed only if its folder is in a bpffs, and the folder and the pins are root's or ours and
 * writable by nobody else. Nobody is root's deputy here: another user's folder at that path is as no guard.
 *
 * Sources: the kernel's Documentation/bpf/bpf_iterators.rst; bpf(2), BPF_MAP_FREEZE.
 */
#include "shm/life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "base/process.h"

/* How often the guard may say "again", or that it is being stopped, before we say so. */
#define ATTACH_TRIES 200
/* All waits but those for the first "again"s are so long. */
#define ATTACH_AT_ONCE 10
#define WAIT_NS 1000000

/*
 * Whether @uid stands for users of outside of our user namespace, root perhaps, and for none of inside: then none of
 * inside has made what belongs to it.
 */
static bool is_outside(uid_t uid)
{
	unsigned long first, outside, count;
	char text[4096], *at = text;
	ssize_t got = fd_read_text("/proc/self/uid_map", text, sizeof(text));
	int read_so_far = 0;

	if (got <= 0 || got == (ssize_t)sizeof(text) - 1)
		return false;
	for (; sscanf(at, "%lu %lu %lu%n", &first, &outside, &count, &read_so_far) == 3;
	     at += read_so_far) {
		if (uid >= first && uid - first < count)
			return false;
	}
	return at != text;
}

static bool is_trusted(uid_t uid)
{
	return !uid || uid == process_euid() || is_outside(uid);
}

/* An O_PATH fd. -ENODEV: there is none; -EPERM: it is not to be believed. */
static int folder_open(const char *path)
{
	int fd = fd_open(path, O_PATH | O_DIRECTORY, 0), err;
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? -ENODEV : fd;
	if (fstat(fd, &st) || fstatfs(fd, &fs))
		err = -errno;
	else
		err = fs.f_type == BPF_FS_MAGIC && is_trusted(st.st_uid) && !(st.st_mode & 0022)
			      ? 0
			      : -EPERM;
	if (!err)
		return fd;
	close(fd);
	return err;
}

bool life_guard_is_strange(const char *path)
{
	int fd = folder_open(path);

	if (fd >= 0)
		close(fd);
	return fd == -EPERM;
}

/* Whether the pin is the folder's owner's. */
static int pin_check(int folder, const char *pin, struct stat *st)
{
	struct stat above;

	if (fstatat(folder, pin, st, AT_SYMLINK_NOFOLLOW) || fstat(folder, &above))
		return -errno;
	return S_ISREG(st->st_mode) && st->st_uid == above.st_uid ? 0 : -EPERM;
}

/* @folder is @path, opened. */
static int pin_map(int folder, const char *path, const char *pin, size_t bytes, const void **out)
{
	struct stat st;
	void *at;
	int fd, err = pin_check(folder, pin, &st);

	if (err)
		return err;
	fd = fd_bpf_pin(folder, path, pin);
	if (fd < 0)
		return fd;
	at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err = -errno;
	else
		*out = at;
	close(fd);
	return err;
}

int life_guard_pin(const char *path, const char *pin)
{
	int folder = folder_open(path), err;
	struct stat st;

	if (folder < 0)
		return folder;
	err = pin_check(folder, pin, &st);
	if (!err)
		err = fd_bpf_pin(folder, path, pin);
	close(folder);
	return err;
}

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t control_bytes(void)
{
	return whole_pages(sizeof(struct life_control));
}

static int control_check(const struct life_control *control)
{
	if (control->magic != LIFE_MAGIC || control->layout != LIFE_LAYOUT || !control->identity)
		return -EPROTO;
	return control->seats && control->seats <= LIFE_SEATS_MAX ? 0 : -EPROTO;
}

static int tables_map(struct life_table *table, int folder, const char *path)
{
	const void *at = NULL;
	struct stat st;
	int err = pin_map(folder, path, LIFE_PIN_CONTROL, control_bytes(), &at);

	if (err)
		return err == -ENOENT ? -ENODEV : err;
	table->control = at;
	err = control_check(table->control);
	if (err)
		return err;
	/* Without it nobody ends lives (life_gone.c). */
	err = pin_check(folder, LIFE_PIN_EXIT, &st);
	if (err)
		return err == -ENOENT ? -ENODEV : err;
	table->seats = table->control->seats;
	table->words_bytes = whole_pages(table->seats * sizeof(uint64_t));
	table->facts_bytes = whole_pages(table->seats * sizeof(struct life_seat));
	err = pin_map(folder, path, LIFE_PIN_LIVES, table->words_bytes, &at);
	if (err)
		return err;
	table->words = at;
	err = pin_map(folder, path, LIFE_PIN_SEATS, table->facts_bytes, &at);
	if (err)
		return err;
	table->facts = at;
	table->joined_bytes = whole_pages(table->seats * sizeof(struct life_joined));
	err = pin_map(folder, path, LIFE_PIN_JOINED, table->joined_bytes, &at);
	if (err)
		return err == -ENOENT ? -EPROTO : err;
	table->joined = at;
	table->identity = table->control->identity;
	if (fstatat(folder, LIFE_PIN_LIVES, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	table->device = st.st_dev;
	table->inode = st.st_ino;
	return 0;
}

int life_guard_open(struct life_table *out, const char *path)
{
	struct life_table table = { 0 };
	int folder = folder_open(path), err;

	if (folder < 0)
		return folder;
	err = tables_map(&table, folder, path);
	close(folder);
	if (err)
		life_guard_close(&table);
	else
		*out = table;
	return err;
}

void life_guard_close(struct life_table *table)
{
	if (table->control) {
		munmap((void *)(uintptr_t)table->control, control_bytes());
		if (table->words)
			munmap((void *)(uintptr_t)table->words, table->words_bytes);
		if (table->facts)
			munmap((void *)(uintptr_t)table->facts, table->facts_bytes);
		if (table->joined)
			munmap((void *)(uintptr_t)table->joined, table->joined_bytes);
	}
	memset(table, 0, sizeof(*table));
}

/* One session of the iterator: what the guard says to us. */
static int attach_read(const char *path, struct life_reply *reply)
{
	int folder = folder_open(path), fd, err = 0;
	struct stat st;
	ssize_t got;

	if (folder < 0)
		return folder;
	err = pin_check(folder, LIFE_PIN_ATTACH, &st);
	fd = err ? err : fd_open_at(folder, LIFE_PIN_ATTACH, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		err = fd;
	close(folder);
	if (err)
		return err == -ENOENT ? -ENODEV : err;
	got = read(fd, reply, sizeof(*reply));
	if (got < 0)
		err = -errno;
	else if (got != (ssize_t)sizeof(*reply))
		err = -EPROTO;
	close(fd);
	return err ? err : reply->error;
}

/*
 * A guard that was only asked to stop gives seats again when it has refused; one that does stop is gone then. What
 * another thread or process has half done in the guard is soon whole, but it may have been preempted there.
 */
static bool is_soon_better(int err, int tries)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };

	if ((err != -EAGAIN && err != -ESHUTDOWN) || tries >= ATTACH_TRIES)
		return false;
	if (err == -ESHUTDOWN || tries >= ATTACH_AT_ONCE)
		nanosleep(&wait, NULL);
	return true;
}

int life_guard_attach(struct life_self *out, const struct life_table *table, const char *path)
{
	struct life_reply reply;
	int err, tries = 0;

	do {
		err = attach_read(path, &reply);
	} while (is_soon_better(err, ++tries));
	if (err)
		return err;
	/* Another guard was started between the mapping and the seat. */
	if (reply.identity != table->identity || reply.seat >= table->seats)
		return -ESHUTDOWN;
	memset(out, 0, sizeof(*out));
	out->owner = owner_of(reply.life, reply.seat);
	out->pid = reply.pid;
	out->image = reply.image;
	return 0;
}
