/* SPDX-License-Identifier: MIT */
/*
 * One meaning for each code in all of kreg. kreg(7) has the same table.
 */
#include <errno.h>
#include <string.h>

#include "lib/kreg.h"

static const struct {
	int code;
	const char *sentence;
} sentences[] = {
	{ EEXIST, "the key, or the registry, is taken" },
	{ ENOENT, "nobody holds the key, or there is no such registry" },
	{ EINVAL, "the call is wrong: an argument is not allowed" },
	{ ENAMETOOLONG, "the key is longer than 255 bytes" },
	{ EMSGSIZE, "the value is longer than 65536 bytes" },
	{ EACCES, "the file's mode does not admit you" },
	{ EPERM, "the file belongs to another user than it should" },
	{ EROFS, "the registry was opened for reading only" },
	{ EPROTO, "not a registry, or one of another version's layout" },
	{ E2BIG, "an option is set that this library does not know" },
	{ EBUSY, "owners are alive in it" },
	{ ENODEV, "no guard is running; start it with `regtool guard start`" },
	{ EUSERS, "no seat is free for another process" },
	{ ENOBUFS, "no slot is free for another thread" },
	{ ENOSPC, "the registry or its file system is full" },
	{ ESTALE, "the read section was expelled; read again" },
	{ EOWNERDEAD, "the handle is from before fork(), or the guard has ended this life; open "
		      "the registry again" },
	{ ESHUTDOWN, "the registry was destroyed or replaced; open it again" },
	{ EUCLEAN, "another process has damaged the registry's memory" },
	{ EAGAIN, "memory was reused under the read too often; try again" },
	{ ESRCH, "that process is dead" },
	{ ENOMEM, "out of memory" },
};

const char *kreg_strerror(int error)
{
	size_t i;

	if (error >= 0)
		return "no error";
	for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		if (sentences[i].code == -error)
			return sentences[i].sentence;
	}
	return strerror(-error);
}

const char *kreg_version(void)
{
	return KREG_VERSION;
}
