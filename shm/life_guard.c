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
 * Sources: the kernel's Documentation/bpf/bpf_iterators.rst; bpf(2), BPF_MAP_FREEZE.
 */
#include "shm/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/fd.h"

/* How often the kernel may refuse the guard a lock of its own before we say so. */
#define ATTACH_TRIES 100

static int pin_open(const char *folder, const char *pin)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, pin) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return fd_bpf_pin(path);
}

static int pin_map(const char *folder, const char *pin, size_t bytes, const void **out)
{
	void *at;
	int fd = pin_open(folder, pin);
	int err = 0;

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

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static int control_read(const char *folder, struct life_control *out)
{
	size_t bytes = whole_pages(sizeof(*out));
	const void *at = NULL;
	int err = pin_map(folder, LIFE_PIN_CONTROL, bytes, &at);

	if (err)
		return err == -ENOENT ? -ENODEV : err;
	memcpy(out, at, sizeof(*out));
	munmap((void *)(uintptr_t)at, bytes);
	if (out->magic != LIFE_MAGIC || out->layout != LIFE_LAYOUT || !out->identity)
		return -EPROTO;
	if (!out->seats || out->seats > LIFE_SEATS_MAX)
		return -EPROTO;
	return 0;
}

int life_guard_open(struct life_table *out, const char *path)
{
	struct life_table table = { 0 };
	struct life_control control;
	const void *at = NULL;
	int err;

	err = control_read(path, &control);
	if (err)
		return err;
	table.seats = control.seats;
	table.identity = control.identity;
	table.words_bytes = whole_pages(control.seats * sizeof(uint64_t));
	table.facts_bytes = whole_pages(control.seats * sizeof(struct life_seat));
	err = pin_map(path, LIFE_PIN_LIVES, table.words_bytes, &at);
	if (err)
		return err;
	table.words = at;
	err = pin_map(path, LIFE_PIN_SEATS, table.facts_bytes, &at);
	if (err) {
		life_guard_close(&table);
		return err;
	}
	table.facts = at;
	*out = table;
	return 0;
}

void life_guard_close(struct life_table *table)
{
	if (table->identity && table->words)
		munmap((void *)(uintptr_t)table->words, table->words_bytes);
	if (table->identity && table->facts)
		munmap((void *)(uintptr_t)table->facts, table->facts_bytes);
	memset(table, 0, sizeof(*table));
}

/* One session of the iterator: what the guard says to us. */
static int attach_read(const char *path, struct life_reply *reply)
{
	char file[PATH_MAX];
	ssize_t got;
	int fd, err = 0;

	if (snprintf(file, sizeof(file), "%s/%s", path, LIFE_PIN_ATTACH) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	fd = fd_open(file, O_RDONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ENODEV : fd;
	got = read(fd, reply, sizeof(*reply));
	if (got < 0)
		err = -errno;
	else if (got != (ssize_t)sizeof(*reply))
		err = -EPROTO;
	close(fd);
	return err ? err : reply->error;
}

int life_guard_attach(struct life_self *out, const struct life_table *table, const char *path)
{
	struct life_reply reply;
	int err, tries = 0;

	do {
		err = attach_read(path, &reply);
	} while (err == -EAGAIN && ++tries < ATTACH_TRIES);
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
