/* SPDX-License-Identifier: MIT */
/*
 * System calls by syscall(2), on the way to an open registry.
 *
 * The dynamic linker binds each function of the C library at its first call, by a search
 * through all libraries of the program: 0.3 us in a program with three of them, more than 1 us
 * with twenty-five. A process that opens a registry makes a dozen different system calls, most
 * of them once. So that one search does for all, they go through the one function that the ids
 * need anyway (process.c). None is a cancellation point then; no call of the library is one (call.h).
 *
 * Promises  what the C library's functions of these names do, and errno.
 * Needs     nothing.
 * Context   any; async-signal-safe.
 * Used by   fd.c, shm/, member.c. Not for mmap(2), whose arguments some architectures take in
 *           memory, and which sanitizers have to see; nor for what makes an fd (fd.c).
 */
#ifndef KREG_BASE_KERNEL_H
#define KREG_BASE_KERNEL_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

static inline int kernel_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

/* Of a command without an argument. */
static inline int kernel_fcntl(int fd, int command)
{
	return (int)syscall(SYS_fcntl, fd, command, 0);
}

static inline int kernel_statx(int fd, unsigned int mask, struct statx *out)
{
	return (int)syscall(SYS_statx, fd, "", AT_EMPTY_PATH, mask, out);
}

static inline int kernel_fstatfs(int fd, struct statfs *out)
{
	return (int)syscall(SYS_fstatfs, fd, out);
}

static inline ssize_t kernel_pread(int fd, void *out, size_t bytes, off_t offset)
{
	return syscall(SYS_pread64, fd, out, bytes, offset);
}

static inline ssize_t kernel_read(int fd, void *out, size_t bytes)
{
	return syscall(SYS_read, fd, out, bytes);
}

static inline ssize_t kernel_readlink(const char *path, char *out, size_t room)
{
	return syscall(SYS_readlinkat, AT_FDCWD, path, out, room);
}

/* Of the calling thread. */
static inline int kernel_get_name(char out[16])
{
	return (int)syscall(SYS_prctl, PR_GET_NAME, out, 0, 0, 0);
}

static inline int kernel_getrlimit(int what, struct rlimit *out)
{
	return (int)syscall(SYS_prlimit64, 0, what, NULL, out);
}

static inline int kernel_madvise(void *at, size_t bytes, int advice)
{
	return (int)syscall(SYS_madvise, at, bytes, advice);
}

static inline int kernel_mprotect(void *at, size_t bytes, int protection)
{
	return (int)syscall(SYS_mprotect, at, bytes, protection);
}

#endif
