/* SPDX-License-Identifier: MIT */
/*
 * The watcher: a process that ends a program when its foster parent or its starter has
 * ended.
 *
 * The kernel forgets PR_SET_PDEATHSIG when a process changes its credentials, by
 * setuid(2), or by exec of a program that is set-user-id or has capabilities. And it
 * sends that signal with the credentials that the parent has when it ends, which may not
 * suffice. So a separate process, the watcher, sleeps on pidfds: it ends the program when
 * one of the others has ended, and itself when the program has.
 *
 *   fallback   starter -- foster -+- program   the watcher watches the foster, and the starter
 *                                 +- watcher   if the program is to die with it
 *   guard      starter -- program              the watcher watches the starter, if the program
 *                         watcher              is to die with it; it is a child of init or of a
 *                                              subreaper. Under a supervisor, its minder does
 *                                              that (start_minder.c)
 *
 * In the fallback the watcher has a life of its own, and a reserved entry in the line of
 * the name, behind the foster's. When the foster is killed, that entry becomes the first:
 * the name is not found, and cannot be taken before the watcher ends, which it does when
 * the program has. Its row has the program's pid, as the foster's: another starter of the
 * name takes it for a program whose starter is dead, and waits for the watcher's end.
 *
 *   killed here         what follows
 *   the foster          the watcher kills the program and ends: then the name is free. Another
 *                       process may have reaped the program before, and its pid may be reused: so
 *                       only the watcher, which has a pidfd, signals the process in the watcher's
 *                       row (opened.h)
 *   the watcher         the foster kills the program, and ends like it
 *   the program         the foster ends the watcher, then its own life, and ends like the program
 *   the starter         as before; if the program is to die with it, the kernel kills the foster,
 *                       unless the starter has changed its credentials and may not signal it:
 *                       then the watcher kills the program
 *   under the guard     the name stays the program's in each case. The watcher: then the kernel
 *                       kills the program with its starter, unless it has changed its credentials
 *
 * Two cases are not covered. A killer that aims at both may kill foster and watcher
 * together. And a program that the watcher may not signal, because it has changed its
 * real user id by set-user-id bits, is not ended: the watcher waits for its end, and the
 * name stays taken until then.
 */
#include "lib/services/start/start_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/services/start/fds.h"
#include "base/fd.h"
#include "base/process.h"

/*
 * The watcher's fds. In the fallback FD_STARTER is a starter with which the program is to
 * die, or -1.
 */
enum { FD_OTHER, FD_PROGRAM, FD_STARTER, FDS };

void start_say(const struct start_plan *plan, struct start_word word)
{
	while (send(plan->link, &word, sizeof(word), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void close_pidfds(const int *fds)
{
	int i;

	for (i = 0; i < FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* @starter: 0 for none. */
static int open_pidfds(int *fds, pid_t other, pid_t program, pid_t starter)
{
	const pid_t pids[FDS] = { other, program, starter };
	int i, err = 0;

	for (i = 0; i < FDS; i++) {
		fds[i] = err || !pids[i] ? -1 : fd_pidfd(pids[i]);
		if (pids[i] && fds[i] < 0 && !err)
			err = fds[i];
	}
	if (err)
		close_pidfds(fds);
	return err;
}

/*
 * Leaves the session, so that signals to it, or to all processes of the program's name,
 * miss the watcher.
 */
static void stand_apart(void)
{
	setsid();
	prctl(PR_SET_NAME, "kreg-watcher");
}

/* @fds: which of its fds there are. */
static void __attribute__((noreturn)) watch(const int *fds)
{
	struct pollfd at[FDS];
	int i;

	/* poll() ignores fds that are -1. */
	for (i = 0; i < FDS; i++)
		at[i] = (struct pollfd){ .fd = fds[i] < 0 ? -1 : i, .events = POLLIN };
	while (!at[FD_PROGRAM].revents) {
		if (poll(at, FDS, -1) < 0)
			continue;
		for (i = 0; i < FDS; i++) {
			if (i == FD_PROGRAM || !at[i].revents)
				continue;
			fd_pidfd_signal(FD_PROGRAM, SIGKILL);
			/* Once is enough. */
			at[i] = (struct pollfd){ .fd = -1 };
		}
	}
	_exit(0);
}

static void __attribute__((noreturn))
be_watcher(const struct start_plan *plan, const int *fds, pid_t program)
{
	const int kept[] = { fds[FD_OTHER], fds[FD_PROGRAM], fds[FD_STARTER], plan->link };
	uint64_t owner;
	int err = kreg_inner_seat(plan->k, &owner);

	if (err) {
		start_say(plan, (struct start_word){ .type = START_NO_SEAT, .error = err });
		_exit(1);
	}
	stand_apart();
	kreg_inner_sit(plan->k, program);
	start_say(plan, (struct start_word){ START_WATCHED, 0, owner, process_pid() });
	/* The link last: its end says that nothing else of the starter's is open here. */
	fds_keep(kept, FDS + 1);
	close(FDS);
	watch(fds);
}

pid_t start_watch_foster(const struct start_plan *plan, pid_t program)
{
	bool dies = plan->how->flags & KREG_START_DIES_WITH_STARTER;
	int fds[FDS], err = open_pidfds(fds, process_pid(), program, dies ? plan->starter : 0);
	pid_t watcher;

	if (err)
		return err;
	/* The pidfd was that of this process's parent if the parent is still the starter. */
	if (dies && getppid() != plan->starter) {
		close_pidfds(fds);
		return -ESRCH;
	}
	watcher = _Fork();
	if (watcher == 0)
		be_watcher(plan, fds, program);
	if (watcher < 0)
		watcher = -errno;
	close_pidfds(fds);
	return watcher;
}

int start_beside(const int *fds, int count, void (*prepare)(void))
{
	int status = 0;
	pid_t between = _Fork(), beside;

	if (between < 0)
		return -errno;
	if (between)
		return waitpid(between, &status, 0) != between || status ? -EAGAIN : 0;
	/*
	 * Here, and not in the new process, which may take any time to begin. Until then
	 * it would hold all that the starter has open: the link, whose end says that the
	 * program runs; files that the starter closes; and sockets, whose names the next
	 * supervisor could not bind if the starter is killed (supervisor.h).
	 */
	fds_keep(fds, count);
	prepare();
	beside = _Fork();
	if (beside)
		_exit(beside < 0);
	return 1;
}

int start_watch_starter(const struct start_plan *plan)
{
	int fds[FDS], err = open_pidfds(fds, plan->starter, process_pid(), 0);

	if (err)
		return err;
	err = start_beside(fds, FDS, stand_apart);
	if (err > 0)
		watch(fds);
	close_pidfds(fds);
	return err;
}
