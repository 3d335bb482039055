/* SPDX-License-Identifier: MIT */
/*
 * Reserving a part of the file before it is used.
 *
 * A tmpfs that is full answers the first touch of a page with SIGBUS. So pages are
 * allocated before anything is stored in them, and an error is returned instead. This
 * goes through the mapping, because no fd is kept: a program may close an fd that it does
 * not know and open a file of its own under the same number, which fallocate() would then
 * enlarge.
 *
 * The kernel is asked to write to the pages on our behalf:
 *
 *   MADV_POPULATE_WRITE      all pages with one system call (since 5.14)
 *   FUTEX_WAKE_OP, adding 0  one page with one, on any kernel, and where a seccomp filter
 *                            refuses the first: the kernel adds to the word as to any
 *                            futex, and returns -EFAULT where it cannot
 *
 * Neither changes what is there, so any number of processes may reserve the same part at
 * once, also while others use it.
 *
 *   killed or stopped here   what is left
 *   anywhere                 some pages of the part are in the file, all 0, and no word
 *                            in shared memory counts them
 *
 * A failure leaves the same. Nothing is given back then: another process may have
 * reserved the rest of the part meanwhile and stored something there, so a hole punched
 * by a process that was stopped just before would destroy that. The next process that
 * reserves this part finds the pages there. Callers therefore reserve in small steps,
 * each of which begins where the last successful one ended.
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

/*
 * The kernel's errors for a page that it cannot allocate: a full file system (EFAULT, for
 * what would be SIGBUS), or a full memory cgroup whose OOM killer is off (ENOMEM).
 */
static int error_of(int err)
{
	return err == EFAULT || err == ENOMEM ? -ENOSPC : -err;
}

/*
 * Allocates one page by adding 0 to its first word. The futexes are private ones, keyed
 * by this process's addresses; bells and life words are shared ones, so the call wakes
 * nobody, even in a page that is in use.
 */
static int touch(unsigned char *page)
{
	uint32_t mine = 0;

	while (syscall(SYS_futex, &mine, FUTEX_WAKE_OP_PRIVATE, 1, 0L, page,
		       FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return error_of(errno);
	}
	return 0;
}

/*
 * Every failure of the kernel is an error here. What is out of bounds is refused before
 * it: the caller may have read @offset from shared memory.
 */
int segment_reserve(const struct segment *s, uint64_t offset, uint64_t bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned char *at = segment_window_at(s, offset, bytes), *end;
	int err;

	if (offset + bytes > s->bytes || offset + bytes < offset)
		return -ENOSPC;
	if (!at)
		return -ENOMEM;
	/* Before the pages are written to: those of PROT_NONE cannot be. */
	err = segment_open_part(s, offset, bytes);
	if (err)
		return err;
	end = at + bytes;
	/*
	 * madvise(2) wants a page boundary, and the system's page may be larger than
	 * SEGMENT_PAGE.
	 */
	at -= (uintptr_t)at % page;
	while (madvise(at, (size_t)(end - at), MADV_POPULATE_WRITE)) {
		if (errno == EFAULT || errno == ENOMEM)
			return error_of(errno);
		/*
		 * A signal, or a lack of resources that passes: the call has done a part
		 * and goes on.
		 */
		if (errno == EAGAIN || errno == EINTR)
			continue;
		/* EINVAL of an old kernel, or a filter's error. */
		for (; at < end && !err; at += page)
			err = touch(at);
		return err;
	}
	return 0;
}

/*
 * Elements [@from, @to) of the array at @offset: only the pages that begin behind the
 * elements in front of them, whose last page was reserved with those.
 */
static int reserve_elements(const struct segment *s, uint64_t offset, uint64_t from, uint64_t to,
			    uint64_t bytes)
{
	from = segment_whole_pages(from * bytes);
	to *= bytes;
	return from < to ? segment_reserve(s, offset + from, to - from) : 0;
}

int segment_raise(const struct segment *s, uint64_t *high, uint32_t wanted, const void *array,
		  uint32_t bytes)
{
	/* relaxed: a bound that is too low costs another reservation of the same */
	uint64_t seen = load_relaxed(high);
	uint64_t offset = (uint64_t)((const unsigned char *)array - s->base);
	int err = seen < wanted ? reserve_elements(s, offset, seen, wanted, bytes) : 0;

	/*
	 * ORD[segment_raise:A] release: the memory, then the number by which others touch
	 * it; pairs with segment_rows:A, segment_slots:A
	 */
	while (!err && seen < wanted && !cas_acq_rel(high, &seen, (uint64_t)wanted))
		; /* happens here */
	return err;
}

int segment_reserve_slabs(const struct segment *s, uint32_t slab, uint64_t count)
{
	int err = reserve_elements(s, s->directory_offset, slab, slab + count,
				   sizeof(struct directory_entry));

	return err ? err
		   : segment_reserve(s, s->land_offset + (uint64_t)slab * SLAB_BYTES,
				     count * SLAB_BYTES);
}
