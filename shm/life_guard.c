/* SPDX-License-Identifier: MIT */
/*
 * A seat from the guard: the kernel's BPF programs write the life words, this process
 * maps and reads them.
 *
 * The maps are pinned in bpffs and frozen, so that PROT_READ is all that any process
 * gets. The seat is taken by reading a file: the guard's iterator runs as kernel code in
 * the reader's context, sees which process that is, and writes its answer through the
 * file. No capability is needed, and the process states no identity that could be false.
 *
 *   killed here            what is left
 *   before the read        nothing
 *   inside it              the program runs to its end; then the exit hook ends the life
 *   after it               as any life
 *
 * A life table is believed only if its folder is in a bpffs, and the folder and the pins
 * belong to root or to the caller's own user and are writable by no other. There is no
 * third party to trust: another user's folder at that path counts as no guard, because
 * its owner could show any life as alive.
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

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

/*
 * How often the guard may answer that it is being stopped, and for how long that the caller
 * should retry, before the call fails. A retry is needed while another thread of the
 * process attaches, or while processes that attach fill the guard's map
 * (bpf/claim.bpf.h): each needs some milliseconds of CPU time, and may have to wait for
 * it. A stop that is refused is over once its caller has run on, so
 * those tries are counted: on a busy machine each of them takes longer, as the stop does.
 */
#define STOPPING_TRIES 200
#define AGAIN_MS 10000
/* The first retries follow at once; then each wait is twice the one before, up to WAIT_MAX_NS. */
#define ATTACH_AT_ONCE 10
#define WAIT_NS 1000000l
#define WAIT_MAX_NS (16 * WAIT_NS)

/*
 * Whether @uid stands for users outside of our user namespace, root perhaps, and for none
 * inside: then no process inside has made what belongs to it. In a container, what the
 * host's root owns is shown as the overflow uid, so without this a host's guard could not
 * be used there. False if the map is too long to be read whole, because the part that is
 * missing may contain @uid.
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

/* Root, the caller's own user, and the host's root as it is seen from a container. */
static bool is_trusted(uid_t uid)
{
	return !uid || uid == process_euid() || is_outside(uid);
}

/*
 * An O_PATH fd of the guard's folder. Everything after this goes through the fd and not
 * through the path, so a folder that is put there later is not used. -ENODEV: there is
 * none; -EPERM: it is not trusted.
 */
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

/*
 * Whether the pin belongs to the folder's owner and is no symbolic link, which could lead
 * to a pin of another guard.
 */
static int pin_check(int folder, const char *pin, struct stat *st)
{
	struct stat above;

	if (fstatat(folder, pin, st, AT_SYMLINK_NOFOLLOW) || fstat(folder, &above))
		return -errno;
	return S_ISREG(st->st_mode) && st->st_uid == above.st_uid ? 0 : -EPERM;
}

/* Maps a pinned map read-only. @folder is @path, opened. */
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

/* The kernel maps whole pages of a map, and munmap() needs the same number. */
static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t control_bytes(void)
{
	return whole_pages(sizeof(struct life_control));
}

/*
 * Before any size is taken from the control page: a guard of another layout has something
 * else there.
 */
static int control_check(const struct life_control *control)
{
	if (control->magic != LIFE_MAGIC || control->layout != LIFE_LAYOUT || !control->identity)
		return -EPROTO;
	return control->seats && control->seats <= LIFE_SEATS_MAX ? 0 : -EPROTO;
}

/*
 * Maps the four tables of the guard. The control page comes first, because it says how
 * large the others are. After an error some may be mapped; life_guard_close() unmaps
 * them.
 */
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
	/*
	 * Without that pin nothing ends lives (life_gone.c), and a table in which nobody
	 * dies must not be used.
	 */
	err = pin_check(folder, LIFE_PIN_EXIT, &st);
	if (err)
		return err == -ENOENT ? -ENODEV : err;
	table->seats = table->guarded = table->control->seats;
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
	/*
	 * How life_gone.c recognizes the pin later, in a folder that may be another
	 * guard's by then.
	 */
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

/* Also for a table that was mapped in part; control is the first to be mapped. */
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

/*
 * One session of the iterator: one read of the attach file, with the guard's answer in
 * *reply. Each open is a new session.
 */
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
 * Waits before the next try, after @tries of them. A guard that refuses to be stopped gives
 * seats again afterwards; if it is stopped, its pins are gone, and the next try fails.
 */
static void wait_before_retry(int err, int tries)
{
	struct timespec wait = { .tv_nsec = WAIT_NS };
	int i;

	if (err == -EAGAIN) {
		if (tries < ATTACH_AT_ONCE)
			return;
		for (i = ATTACH_AT_ONCE; i < tries && wait.tv_nsec < WAIT_MAX_NS; i++)
			wait.tv_nsec *= 2;
	}
	nanosleep(&wait, NULL);
}

/* Whether to retry after @tries tries, of which the last gave @err; @deadline is for -EAGAIN. */
static bool may_retry(int err, int tries, uint64_t deadline)
{
	if (err == -EAGAIN)
		return clock_now() < deadline;
	return err == -ESHUTDOWN && tries < STOPPING_TRIES;
}

int life_guard_attach(struct life_self *out, const struct life_table *table, const char *path)
{
	uint64_t deadline = clock_after_ms(AGAIN_MS);
	struct life_reply reply;
	int tries = 1, err = attach_read(path, &reply);

	while (may_retry(err, tries, deadline)) {
		wait_before_retry(err, tries++);
		err = attach_read(path, &reply);
	}
	if (err)
		return err;
	/*
	 * Another guard was started between the mapping and the read. The seat is in that
	 * one's table; it ends with this process.
	 */
	if (reply.identity != table->identity || reply.seat >= table->seats)
		return -ESHUTDOWN;
	memset(out, 0, sizeof(*out));
	out->owner = owner_of(reply.life, reply.seat);
	out->pid = reply.pid;
	out->image = reply.image;
	return 0;
}
