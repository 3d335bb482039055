/* SPDX-License-Identifier: MIT */
/*
 * kreg_strerror(): each code has one meaning in all of kreg. kreg(7) has the same table.
 */
#include <errno.h>
#include <string.h>

#include "lib/kreg.h"

static const struct {
	int code;
	const char *sentence;
} sentences[] = {
	{ EEXIST, "the key, or the registry, is taken" },
	{ ENOENT, "nobody holds the key, or there is no such entry or registry" },
	{ EINVAL, "the call is wrong: an argument is not allowed" },
	{ ENAMETOOLONG, "the key is longer than 255 bytes, or a path is too long" },
	{ EMSGSIZE, "the value is longer than 65536 bytes, or than what can be given; send less" },
	{ EACCES, "the file's mode, or /proc, does not admit you" },
	{ EPERM, "the file, process or socket belongs to another than it should, or you may not" },
	{ EROFS, "the registry was opened for reading only" },
	{ EPROTO, "not a registry of that name, or one of another version's layout" },
	{ EOPNOTSUPP, "the folder of the registries is not in a tmpfs" },
	{ E2BIG, "an option is set that this library does not know" },
	{ EBUSY, "owners are alive in it, or cannot be seen from here" },
	{ ENODEV, "no guard is running; start it with `regtool guard start`" },
	{ EUSERS, "no seat is free for another process" },
	{ EDQUOT, "the process has its share of the memory, or the user its share of seats" },
	{ ENOBUFS, "no slot is free for another thread" },
	{ ENOSPC, "the registry or its file system is full" },
	{ EFBIG,
	  "the file would be larger than the limit on files; raise it, or ask for fewer bytes" },
	{ ENOSYS, "the kernel has no such call, or a filter refuses it" },
	{ ESTALE, "the read section was expelled; read again" },
	{ EOWNERDEAD, "the handle is from before fork(), or the guard has ended this life; open "
		      "the registry again" },
	{ ESHUTDOWN,
	  "the registry was destroyed or replaced, or its guard is gone; open it again" },
	{ EUCLEAN, "another process has damaged the registry's memory" },
	{ EAGAIN, "others changed it too often, or no thread is to be had; try again" },
	{ ECANCELED, "the value is not the expected one; look it up and decide anew" },
	{ ETIMEDOUT, "the time is over and it has not happened; wait again or go without" },
	{ ESRCH, "that process is dead, or has not opened the registry" },
	{ EREMOTE, "that process is in another PID namespace; ask from there" },
	{ EDESTADDRREQ, "the value is no address of a socket; the owner has to register one" },
	{ ECONNREFUSED, "nobody listens at the owner's socket; try again when it does" },
	{ ENOEXEC, "the program cannot be run; kreg_started.exec_error says why" },
	{ ECHILD, "the program ended before it was ready; kreg_started.status says how" },
	{ ENOTRECOVERABLE, "more restarts were needed than allowed, and all services are stopped" },
	{ EINTR, "a signal came first; try again" },
	{ EMFILE, "this process has too many fds open; close some or raise its limit" },
	{ ENFILE, "the host has too many fds open; close some or raise its limit" },
	{ ENOMEM, "out of memory, or of the address space that the process may use" },
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
