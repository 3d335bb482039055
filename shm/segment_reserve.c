/* SPDX-License-Identifier: MIT */
/*
 * Reserving a part of the file through the mapping, because no fd is kept: a program may close what it does not
 * know, and open its own file under the same number.
 *
 * The kernel is asked to write to the pages for us, so that a full file system is an error and not SIGBUS:
 *
 *   MADV_POPULATE_WRITE      all pages with one system call (since 5.14)
 *   FUTEX_WAKE_OP, adding 0  one page with one, on any kernel, and where a filter refuses the first: the kernel adds
 *                            to the word as to any futex, and says -EFAULT where it can't
 *
 * Neither changes what is there, so any number of processes may reserve the same part at once.
 *
 *   killed or stopped here   what is left
 *   anywhere                 some pages of the part are in the file, all 0, and no word says so
 *
 * The same after a failure. Nothing is given back then: another process may have reserved the rest of the part
 * meanwhile, and have put something into it, so to punch a hole there would be wrong as soon as it comes late.
 * The next who reserves that part finds the pages there. So those who reserve do it in small steps, each of which
 * begins where the last one that succeeded has ended.
 */
#include "shm/segment.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* A full file system; a memory cgroup that is full, where the kernel does not kill for it. */
static int error_of(int err)
{
	return err == EFAULT || err == ENOMEM ? -ENOSPC : -err;
}

static int touch(unsigned char *page)
{
	uint32_t mine = 0;

	/* Nobody sleeps at either word. */
	while (syscall(SYS_futex, &mine, FUTEX_WAKE_OP_PRIVATE, 1, 0L, page,
		       FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return error_of(errno);
	}
	return 0;
}

int segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned char *at = segment_window_at(s, offset, bytes), *end;
	int err;

	if (offset + bytes > s->bytes || offset + bytes < offset)
		return -ENOSPC;
	if (!at)
		return -ENOMEM;
	err = segment_open_part(s, offset, bytes);
	if (err)
		return err;
	end = at + bytes;
	at -= (uintptr_t)at % page;
	while (madvise(at, (size_t)(end - at), MADV_POPULATE_WRITE)) {
		if (errno == EFAULT || errno == ENOMEM)
			return error_of(errno);
		if (errno == EAGAIN || errno == EINTR)
			continue;
		for (; at < end && !err; at += page)
			err = touch(at);
		return err;
	}
	return 0;
}

int segment_reserve_slabs(const struct segment *s, uint32_t slab, uint64_t count)
{
	int err = segment_reserve(s, s->directory_offset + slab * sizeof(struct directory_entry),
				  count * sizeof(struct directory_entry));

	return err ? err
		   : segment_reserve(s, s->land_offset + (uint64_t)slab * SLAB_BYTES,
				     count * SLAB_BYTES);
}
