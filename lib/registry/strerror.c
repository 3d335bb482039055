/* SPDX-License-Identifier: MIT */
/*
 * kreg_strerror(): each code has one meaning in all of kreg. kreg(7) has the same table.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/kreg.h"

static const struct {
	int code;
	const char *sentence;
} sentences[] = {
	{ EEXIST, "the key or the registry exists already" },
	{ ENOENT, "no such key, entry or registry" },
	{ EINVAL, "invalid argument" },
	{ ENAMETOOLONG, "the key is longer than 255 bytes, or a path is too long" },
	{ EMSGSIZE, "the value is longer than 65536 bytes, or than a gift can be" },
	{ ERANGE, "the buffer is too small; ask for the size with NULL and 0" },
	{ EILSEQ, "the value has a NUL inside, so it is no string" },
	{ EACCES, "the mode of the file or socket, or /proc, denies access" },
	{ EPERM, "the name is another process's, the file or socket another user's, or a sandbox "
		 "refuses the call" },
	{ EROFS, "the registry was opened for reading only" },
	{ EPROTO, "not a registry of that name, or one of an incompatible layout" },
	{ EOPNOTSUPP, "the folder of the registries is not in a tmpfs" },
	{ ENOTDIR, "the path of the registries is not a folder" },
	{ E2BIG, "an option is set that this version of the library does not know" },
	{ EBUSY, "the registry is in use, or its owners cannot be seen from here; or the owner is "
		 "alive; or the caller would end itself" },
	{ ENODEV, "no guard is running; start it with `regtool guard start`" },
	{ EUSERS, "no seat is free for another process" },
	{ EDQUOT, "the process has used up its share of memory, or the user its share of seats" },
	{ ENOBUFS, "no slot is free for another thread" },
	{ ENOSPC, "the registry or its file system is full" },
	{ EFBIG, "the limit on file size is too low; raise it, or request fewer bytes" },
	{ ENOSYS, "the kernel lacks a system call, or a filter refuses it" },
	{ ESTALE, "the read section was expelled; read again; or it is not certain now who has the "
		  "name" },
	{ EOWNERDEAD, "the handle is from before fork(), or the guard has ended this life; reopen "
		      "the registry" },
	{ ESHUTDOWN, "the registry was destroyed or replaced, or its guard is gone or stopping; "
		     "reopen it" },
	{ EUCLEAN, "another process has damaged the registry's memory" },
	{ EAGAIN,
	  "the registry is changing too quickly, a limit on threads, processes or locked memory is "
	  "reached, or a wait is not over; retry" },
	{ ECANCELED,
	  "the value is not the expected one; look it up and retry; or the supervisor was "
	  "ordered to stop, or the handle of a wait was closed" },
	{ ETIMEDOUT, "timed out" },
	{ ESRCH, "the process is dead, or has not opened the registry" },
	{ ENOTCONN, "no bridge of this host serves the namespace; start kreg-etcd with --unique" },
	{ EREMOTE, "the process is in another PID namespace, or on another host; call from there" },
	{ EDESTADDRREQ, "the value is not a socket address; the owner has to register one" },
	{ ECONNREFUSED, "no process listens on the owner's socket; retry when it does" },
	{ ENOEXEC, "the program cannot be run; kreg_started.exec_error says why" },
	{ ECHILD, "the program ended before it was ready; kreg_started.status says how" },
	{ ENOTRECOVERABLE, "restart limit reached; all services were stopped" },
	{ EINTR, "interrupted by a signal; retry" },
	{ EMFILE, "this process has too many fds open; close some or raise its limit" },
	{ ENFILE, "the host has too many fds open; close some or raise its limit" },
	{ ENOMEM, "out of memory, or of the address space that the process may use" },
};

const char *kreg_strerror(int error)
{
	size_t i;

	if (!error)
		return "no error";
	if (error > 0 || error == INT_MIN)
		return "not an error of kreg, whose errors are negative numbers of errno(3)";
	for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		if (sentences[i].code == -error)
			return sentences[i].sentence;
	}
	return strerror(-error);
}
