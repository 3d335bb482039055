/* SPDX-License-Identifier: MIT */
/*
 * The kernel's boot id, if it is the kernel's: containers get one of their own by a file that is mounted over that of
 * /proc, and share memory with those who are not told that one.
 */
#include "shm/boot.h"

#include <ctype.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define DIGITS 32

static unsigned digit_of(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0'
						    : tolower((unsigned char)c) - 'a' + 10);
}

void boot_id(uint64_t out[2])
{
	int fd = fd_open(BOOT_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	uint64_t id[2] = { 0 };
	struct statfs fs;
	char text[64];
	ssize_t i, got = 0;
	int digits = 0;

	out[0] = 0;
	out[1] = 0;
	if (fd < 0)
		return;
	if (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == PROC_SUPER_MAGIC)
		got = read(fd, text, sizeof(text));
	close(fd);
	for (i = 0; i < got && digits < DIGITS; i++) {
		if (!isxdigit((unsigned char)text[i]))
			continue;
		id[digits / 16] = id[digits / 16] << 4 | digit_of(text[i]);
		digits++;
	}
	if (digits < DIGITS)
		return;
	out[0] = id[0];
	out[1] = id[1];
}
