/* SPDX-License-Identifier: MIT */
/*
 * The process behind a name: whereis, monitor, signal. A pid may be reused at any moment.
 * So a process is signalled through a pidfd, and the owner's life is checked after that
 * was opened: a life that was not over then had the pid to itself. A process that may
 * write the registry can write any owner into it, so only an owner that has opened it is
 * signalled (opened.h).
 */
#include <errno.h>
#include <unistd.h>

#include "lib/find/lookup.h"
#include "lib/find/remote.h"
#include "lib/handle/handle.h"
#include "lib/process/owner.h"
#include "base/fd.h"

int kreg_whereis(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner)
{
	ssize_t got;

	if (caa_unlikely(!owner))
		return refuse(k, "owner is NULL");
	if (lookup_is_wrong(k, key, key_size, NULL, 0))
		return lookup_refuse(k, __func__, key, key_size, "");
	got = kreg_lookup(k, key, key_size, NULL, 0, owner);

	return got < 0 ? (int)got : 0;
}

int kreg_monitor(struct kreg *k, const void *key, size_t key_size, struct kreg_owner *owner)
{
	UNCANCELLABLE;
	struct kreg_owner own;
	int fd, tries = 0;

	/*
	 * If the owner dies between the two steps, the name is free or another owner's,
	 * so look it up again.
	 */
	do {
		fd = remote_refused(k, key, key_size, &own);
		if (!fd)
			fd = owner_pidfd_for_caller(k, &own);
	} while (fd == -ESRCH && ++tries < PEEK_TRIES);
	if (fd >= 0 && owner)
		*owner = own;
	return fd == -ESRCH ? -EUCLEAN : fd;
}

int kreg_signal(struct kreg *k, const void *key, size_t key_size, int signal)
{
	UNCANCELLABLE;
	struct kreg_owner owner;
	int fd, tries = 0, err = 0;

	do {
		err = remote_refused(k, key, key_size, &owner);
		if (err)
			return err;
		err = -ESRCH;
		fd = owner_pidfd_for_signals(k, &owner);
		if (fd == -ESRCH)
			continue;
		if (fd < 0)
			return fd;
		err = fd_pidfd_signal(fd, signal);
		close(fd);
	} while (err == -ESRCH && ++tries < PEEK_TRIES);
	if (err == -EINVAL)
		return refuse(k, "signal is not the number of a signal");
	return err == -ESRCH ? -EUCLEAN : err;
}
