/* SPDX-License-Identifier: MIT */
/*
 * The kernel forgets PR_SET_PDEATHSIG when a process changes its credentials, by setuid(2), or by exec of a
 * program that is set-user-id or has capabilities. So a process of its own, the watcher, sleeps on two pidfds: it
 * ends the program when the other one has ended, and itself when the program has.
 *
 *   fallback   starter -- foster -+- program      the watcher watches the foster
 *                                 +- watcher
 *   guard      starter -- program                 the watcher watches the starter, if the program is to
 *                         watcher                 die with it; it is a child of init or of a subreaper
 *
 * In the fallback the watcher has a life of its own, and a reserved entry in the line of the name, behind the
 * foster's. When the foster has been killed, that one is the first: nobody finds the name, and nobody can take it
 * before the watcher ends, which it does when the program has. Its row has the program's pid, as the foster's:
 * whoever starts the name meanwhile takes it for a program whose starter is dead, and ends that as well.
 *
 *   killed here         what follows
 *   the foster          the watcher kills the program and ends: then the name is free
 *   the watcher         the foster kills the program, and ends like it
 *   the program         the foster ends the watcher, then its own life, and ends like the program
 *   the starter         as before; if the program is to die with it, the kernel kills the foster
 *   under the guard     the name is the program's whoever is killed; the watcher alone: the kernel kills the program
 *                       with its starter, unless it has changed its credentials
 *
 * What cannot be had: foster and watcher killed at once, by one who means both. And a program that the watcher
 * may not signal, because it has changed its real user id by set-user-id bits, is not ended: the watcher waits
 * for its end, and the name stays taken until then.
 */
#include "lib/start_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/handle.h"
#include "shm/fd.h"
#include "shm/row.h"

/* Of the watcher's two fds. */
enum { FD_OTHER, FD_PROGRAM, FDS };

void start_say(const struct start_plan *plan, struct start_word word)
{
	while (send(plan->link, &word, sizeof(word), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int open_pidfds(int *fds, pid_t other, pid_t program)
{
	fds[FD_OTHER] = fd_pidfd(other);
	if (fds[FD_OTHER] < 0)
		return fds[FD_OTHER];
	fds[FD_PROGRAM] = fd_pidfd(program);
	if (fds[FD_PROGRAM] >= 0)
		return 0;
	close(fds[FD_OTHER]);
	return fds[FD_PROGRAM];
}

static void close_pidfds(const int *fds)
{
	close(fds[FD_OTHER]);
	close(fds[FD_PROGRAM]);
}

/* Away from what is sent to the program's session, or to all processes of its name. */
static void stand_apart(void)
{
	setsid();
	prctl(PR_SET_NAME, "kreg-watcher");
}

/* Keeps no fds but the two. */
static void __attribute__((noreturn)) watch(const int *fds)
{
	struct pollfd at[FDS] = { { .events = POLLIN }, { .events = POLLIN } };
	int i;

	/* Above whatever is to be closed, and then down: neither may overwrite the other. */
	for (i = 0; i < FDS; i++)
		at[i].fd = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS);
	for (i = 0; i < FDS; i++)
		dup2(at[i].fd, i);
	fds_close(FDS);
	for (i = 0; i < FDS; i++)
		at[i].fd = i;
	while (!at[FD_PROGRAM].revents) {
		if (poll(at, FDS, -1) < 0)
			continue;
		if (at[FD_OTHER].revents) {
			syscall(SYS_pidfd_send_signal, FD_PROGRAM, SIGKILL, NULL, 0);
			/* Once is enough. */
			at[FD_OTHER].fd = -1;
		}
	}
	_exit(0);
}

static void __attribute__((noreturn))
be_watcher(const struct start_plan *plan, const int *fds, pid_t program)
{
	struct segment *s = &plan->k->segment;
	struct life_self self = { 0 };
	int err = life_robust_hold(&self, s->lives, s->seats);

	if (err) {
		start_say(plan, (struct start_word){ .type = START_NO_SEAT, .error = err });
		_exit(1);
	}
	stand_apart();
	row_open_foster(s, &self, program);
	start_say(plan, (struct start_word){ START_WATCHED, 0, self.owner, getpid() });
	watch(fds);
}

pid_t start_watch_foster(const struct start_plan *plan, pid_t program)
{
	int fds[FDS], err = open_pidfds(fds, getpid(), program);
	pid_t watcher;

	if (err)
		return err;
	watcher = _Fork();
	if (watcher == 0)
		be_watcher(plan, fds, program);
	if (watcher < 0)
		watcher = -errno;
	close_pidfds(fds);
	return watcher;
}

int start_watch_starter(const struct start_plan *plan)
{
	int fds[FDS], status = 0, err = open_pidfds(fds, plan->starter, getpid());
	pid_t between;

	if (err)
		return err;
	/* The program is not to have a child that it knows nothing of. */
	between = _Fork();
	if (between == 0) {
		pid_t watcher;

		/* Its end says that the program runs, however long the watcher takes to begin. */
		close(plan->link);
		watcher = _Fork();

		if (watcher)
			_exit(watcher < 0);
		stand_apart();
		watch(fds);
	}
	if (between < 0)
		err = -errno;
	else if (waitpid(between, &status, 0) != between || status)
		err = -EAGAIN;
	close_pidfds(fds);
	return err;
}
