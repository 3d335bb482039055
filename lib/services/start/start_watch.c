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
 *   the watcher         the foster kills the program, and ends like it; before the watcher
 *                       watches, the program ends, because it waits for that
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
 * What the watcher watches, by pidfds. In the fallback STARTER is a starter with which the
 * program is to die; under the guard that is OTHER, and STARTER is -1.
 */
enum { OTHER, PROGRAM, STARTER, WATCHED };

static void close_pidfds(int *fds)
{
	int i;

	for (i = 0; i < WATCHED; i++)
		fd_close(&fds[i]);
}

/* 0 for a process that there is not. */
static int open_pidfds(int *fds, pid_t other, pid_t program, pid_t starter)
{
	const pid_t pids[WATCHED] = { other, program, starter };
	int i, err = 0;

	for (i = 0; i < WATCHED; i++) {
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

static void __attribute__((noreturn)) watch(const int *fds)
{
	struct pollfd at[WATCHED];
	int i;

	/* poll() ignores fds that are -1. */
	for (i = 0; i < WATCHED; i++)
		at[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	while (!at[PROGRAM].revents) {
		if (poll(at, WATCHED, -1) < 0)
			continue;
		for (i = 0; i < WATCHED; i++) {
			if (i == PROGRAM || !at[i].revents)
				continue;
			fd_pidfd_signal(fds[PROGRAM], SIGKILL);
			/* Once is enough. */
			at[i] = (struct pollfd){ .fd = -1 };
		}
	}
	_exit(0);
}

static bool has_ended(int pidfd)
{
	struct pollfd at = { .fd = pidfd, .events = POLLIN };

	return poll(&at, 1, 0) == 1;
}

/* Waits for START_PROGRAM. Without a foster, or a program, there is nothing to watch. */
static pid_t hear_program(int link, int foster)
{
	struct pollfd at[] = { { .fd = link, .events = POLLIN },
			       { .fd = foster, .events = POLLIN } };
	struct start_word word;

	while (!at[0].revents && !at[1].revents)
		poll(at, 2, -1);
	if (!at[0].revents || !start_hear(link, &word) || word.type != START_PROGRAM)
		_exit(START_NOT_RUN);
	return (pid_t)word.pid;
}

/*
 * Only the foster reaps the program, so the pid was the program's if the foster has not
 * ended since.
 */
static int begin_to_watch(int *fds, pid_t program)
{
	fds[PROGRAM] = fd_pidfd(program);
	if (fds[PROGRAM] < 0)
		return fds[PROGRAM] == -ESRCH ? -ECHILD : fds[PROGRAM];
	if (!has_ended(fds[OTHER]))
		return 0;
	fd_close(&fds[PROGRAM]);
	return -ECHILD;
}

/* @link: to the program. */
static void __attribute__((noreturn))
be_watcher(const struct start_plan *plan, uint64_t first, int *fds, int link)
{
	const int kept[] = { fds[OTHER], link, fds[STARTER] };
	struct start_word word = { .type = START_WATCHED, .watcher_pid = process_pid() };
	pid_t program;
	int err;

	fds_keep(kept, 3);
	fds[OTHER] = 0;
	link = 1;
	fds[STARTER] = fds[STARTER] < 0 ? -1 : 2;
	stand_apart();
	err = kreg_inner_seat(plan->k, &word.watcher);
	program = hear_program(link, fds[OTHER]);
	if (!err)
		err = begin_to_watch(fds, program);
	if (!err)
		kreg_inner_sit_behind(plan->k, first, program);
	else
		word = (struct start_word){ .type = START_NO_SEAT, .error = err };
	start_say(link, word);
	if (err)
		_exit(START_NOT_RUN);
	close(link);
	watch(fds);
}

pid_t start_watch_foster(const struct start_plan *plan, uint64_t first, int *link)
{
	bool dies = plan->how->flags & KREG_START_DIES_WITH_STARTER;
	int fds[WATCHED], ends[2];
	int err = open_pidfds(fds, process_pid(), 0, dies ? plan->starter : 0);
	pid_t watcher;

	if (err)
		return err;
	err = fd_socket_pair(SOCK_SEQPACKET, ends);
	/* The pidfd was that of this process's parent if the parent is still the starter. */
	if (!err && dies && getppid() != plan->starter)
		_exit(START_NOT_RUN);
	watcher = err ? err : _Fork();
	if (watcher == 0)
		be_watcher(plan, first, fds, ends[1]);
	if (watcher < 0 && !err)
		watcher = -errno;
	close_pidfds(fds);
	if (!err)
		close(ends[1]);
	*link = err ? -1 : ends[0];
	return watcher;
}

int start_be_watched(int link, struct start_word *seated)
{
	struct start_word word;
	bool heard;

	start_say(link, (struct start_word){ .type = START_PROGRAM, .pid = seated->pid });
	heard = start_hear(link, &word);
	close(link);
	if (!heard)
		return -ECHILD;
	if (word.type != START_WATCHED)
		return word.error ? word.error : -ECHILD;
	seated->watcher = word.watcher;
	seated->watcher_pid = word.watcher_pid;
	return 0;
}

int start_beside(const int *fds, int count, void (*prepare)(void))
{
	int status = 0;
	/* It needs no copy of the memory: it makes one for the process beside it. */
	pid_t between = vfork(), beside;

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
	int fds[WATCHED], i, err = open_pidfds(fds, plan->starter, process_pid(), 0);

	if (err)
		return err;
	err = start_beside(fds, WATCHED, stand_apart);
	if (err <= 0) {
		close_pidfds(fds);
		return err;
	}
	for (i = 0; i < WATCHED; i++)
		fds[i] = fds[i] < 0 ? -1 : i;
	watch(fds);
}
