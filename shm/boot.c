/* SPDX-License-Identifier: MIT */
/*
 * The boot id, as the kernel itself shows it.
 *
 * Container managers mount a file of their own over that of /proc, to give each container
 * another id. Such an id is ignored: processes inside and outside of the container share
 * memory and would not agree about the boot, and each would take the other's registry for
 * a leftover.
 */
#include "shm/boot.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "base/text.h"

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define DIGITS 32

void boot_id(uint64_t out[2])
{
	/*
	 * Without following a link, and without blocking: in a container anything may be
	 * mounted there.
	 */
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
	/*
	 * The file system of the open file, not of the path, which another mount may
	 * cover between two system calls.
	 */
	if (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == PROC_SUPER_MAGIC)
		got = read(fd, text, sizeof(text));
	close(fd);
	/* A UUID: 32 digits, and dashes that are skipped. */
	for (i = 0; i < got && digits < DIGITS; i++) {
		int digit = text_hex(text[i]);

		if (digit < 0)
			continue;
		id[digits / 16] = id[digits / 16] << 4 | (uint64_t)digit;
		digits++;
	}
	/*
	 * Cut short, or no UUID: half an id could differ from the same half read
	 * elsewhere.
	 */
	if (digits < DIGITS)
		return;
	out[0] = id[0];
	out[1] = id[1];
}
