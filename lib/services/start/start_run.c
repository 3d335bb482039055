/* SPDX-License-Identifier: MIT */
/*
 * One child, from fork() to the name that others find. start.c says what a death at each
 * step leaves.
 */
#include "lib/services/start/start_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "lib/services/start/start_child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

/* A foster parent that has got no CPU for so long is killed. */
#define FOSTER_ENDS_MS 1000

/*
 * As _Fork(), but in the child no signal has a handler, which otherwise needs a system call
 * for each signal. Without the C library, which has no such call: in the child its record of the
 * thread still has the starter's id. *cleared: whether the kernel could do so; a filter may
 * refuse it too.
 */
static pid_t fork_without_handlers(bool *cleared)
{
	struct clone_args process = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	pid_t child;

	/* Before the call, so that the child has it. */
	*cleared = true;
	child = (pid_t)syscall(SYS_clone3, &process, sizeof(process));
	if (child >= 0)
		return child;
	*cleared = false;
	return _Fork();
}

static int start_fork(struct starting *s)
{
	struct start_plan plan = { .k = s->k, .how = &s->how, .readiness = &s->readiness };
	sigset_t all, before;
	int ends[2], err;
	pid_t child;

	plan.environment = s->environment.list;
	plan.within = &s->within;
	plan.starter = process_pid();
	plan.starter_program = kreg_inner_program(s->k);
	if (plan.starter < 0)
		return -EPERM;
	err = fd_socket_pair(SOCK_SEQPACKET, ends);
	if (err)
		return err;
	plan.link = ends[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork_without_handlers(&plan.has_no_handlers);
	if (child == 0) {
		close(ends[0]);
		start_child(&plan);
	}
	err = child < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	s->link = ends[0];
	if (err)
		return err;
	s->what.child = child;
	s->pidfd = fd_pidfd(child);
	return s->pidfd < 0 ? s->pidfd : 0;
}

/* A program that waits for an answer to READY=1 gets it when its name is found. */
static void hear(struct starting *s)
{
	if (readiness_hear(&s->readiness))
		start_show(s);
	if (!s->readiness.is_ready)
		notify_settle(&s->readiness.notify);
}

/* -ETIMEDOUT; -ECANCELED; -ECHILD: the child has ended, and all that it said was received. */
static int wait_for_news(struct starting *s, short *said)
{
	/* With it all that the program says is for kreg_program_hear(), also what it says at once. */
	bool is_attended = s->how.flags & KREG_START_ATTEND;
	struct pollfd at[] = {
		{ .fd = s->link, .events = POLLIN },
		{ .fd = is_attended ? -1 : readiness_fd(&s->readiness), .events = POLLIN },
		{ .fd = s->pidfd, .events = POLLIN },
		{ .fd = s->within.stop, .events = POLLIN },
	};
	uint64_t deadline = s->deadline, until, look;
	struct timespec left;
	int count;

	if (deadline && s->readiness.notify.extended > deadline)
		deadline = s->readiness.notify.extended;
	look = s->before_exec ? clock_after_ms(START_LOOK_MS) : 0;
	until = look && (!deadline || look < deadline) ? look : deadline;
	left = clock_left(until);
	count = ppoll(at, 4, until ? &left : NULL, NULL);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	*said = at[0].revents;
	if (at[1].revents)
		hear(s);
	if (!count && until == deadline)
		return -ETIMEDOUT;
	if (at[3].revents)
		return -ECANCELED;
	return at[2].revents && !at[0].revents ? -ECHILD : 0;
}

/* Whether exec has worked, or the child has ended, before the link's end was seen. */
static bool has_called_exec(const struct starting *s)
{
	return s->before_exec && !kreg_inner_program_runs(s->k, s->before_exec);
}

/* The child's next word. A link that has ended, and exec, are a word without a type. */
static int hear_word(struct starting *s, struct start_word *word)
{
	short said = 0;
	ssize_t size;
	int err;

	*word = (struct start_word){ 0 };
	do {
		err = wait_for_news(s, &said);
	} while (!err && !said && !has_called_exec(s));
	if (err || !said)
		return err;
	size = recv(s->link, word, sizeof(*word), 0);
	return size < 0 && errno != ECONNRESET ? -errno : 0;
}

/*
 * By the owner that came over a link that only the child and its children have: /proc would
 * hide the watcher from a starter that has dropped its privileges.
 */
static int open_watcher(struct starting *s, const struct start_word *word)
{
	const struct kreg_owner watcher = { .token = word->watcher };
	int fd;

	s->watcher = word->watcher;
	/*
	 * In another PID namespace the watcher cannot be signalled, only left to end by
	 * itself.
	 */
	if (!kreg_inner_pid_is_ours(s->k, word->watcher))
		return 0;
	fd = fd_pidfd((pid_t)word->watcher_pid);
	/* The pid was the watcher's if its life is not over now. */
	if (fd >= 0 && kreg_owner_is_alive(s->k, &watcher)) {
		s->watcher_fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -ESRCH ? -ECHILD : fd;
}

static int hear_seated(struct starting *s)
{
	struct start_word word;
	bool has_watcher;
	int err = hear_word(s, &word);

	if (err)
		return err;
	if (word.type == START_NO_SEAT)
		return word.error;
	has_watcher = word.watcher;
	if (word.type != START_SEATED || has_watcher != kreg_inner_is_fallback(s->k))
		return -ECHILD;
	s->what.owner = (struct kreg_owner){ .token = word.owner, .pid = (pid_t)word.pid };
	s->before_exec = word.program;
	return has_watcher ? open_watcher(s, &word) : 0;
}

int start_pidfd(struct kreg *k, const struct kreg_owner *owner, int child)
{
	int fd = kreg_inner_pidfd(k, owner, KREG_INNER_SIGNALS);

	if (fd != -EREMOTE || child < 0)
		return fd;
	fd = fcntl(child, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* From here on it may send messages. */
static int serve(struct starting *s)
{
	bool has_session = !(s->how.flags & KREG_START_FOREGROUND);
	struct notify_service service = { .program = s->what.owner.pid };
	int fd, err;

	if (s->readiness.kind != KREG_READY_NOTIFY)
		return 0;
	service.session = has_session ? s->what.child : 0;
	fd = start_pidfd(s->k, &s->what.owner, s->pidfd);
	if (fd < 0)
		return fd == -ESRCH ? -ECHILD : fd;
	err = notify_serve(&s->readiness.notify, &service, fd);
	close(fd);
	return err;
}

/* The name is the child's, and is not found yet. In the line behind it stands the watcher. */
static int give_reserved(struct starting *s)
{
	return kreg_inner_reserve(s->name, s->what.owner.token, s->watcher);
}

static int tell_go(struct starting *s)
{
	const struct start_word go = { .type = START_GO };

	return send(s->link, &go, sizeof(go), MSG_NOSIGNAL) < 0 ? -ECHILD : 0;
}

static int hear_exec(struct starting *s)
{
	struct start_word word;
	int err = hear_word(s, &word);

	s->before_exec = 0;
	if (err)
		return err;
	if (word.type == START_NO_EXEC) {
		s->what.exec_error = word.error;
		s->what.exec_step = (uint32_t)word.pid;
		return -ENOEXEC;
	}
	/* The program runs, or the child is dead. */
	fd_close(&s->link);
	return 0;
}

static int hear_ready(struct starting *s)
{
	short said = 0;
	int err = 0;

	/* What it had said before that look counts. */
	hear(s);
	while (!err && !s->readiness.is_ready)
		err = wait_for_news(s, &said);
	return err == -ECHILD && s->readiness.is_ready ? 0 : err;
}

/* Published by the program itself, if it knows kreg, or by this process. */
int start_publish(struct starting *s)
{
	const struct notify *n = &s->readiness.notify;
	struct claim_holder holder;
	uint64_t owner = s->what.owner.token;
	int err = n->has_value
			  ? kreg_inner_publish(s->name, owner, n->value, n->value_size)
			  : kreg_inner_publish(s->name, owner, s->how.value, s->how.value_size);

	if (err != -ENOENT)
		return err;
	err = kreg_inner_look(s->name, &holder);
	if (!err && holder.ready && holder.owner.token == s->what.owner.token)
		return 0;
	return kreg_owner_is_alive(s->k, &s->what.owner) ? -ENOENT : -ECHILD;
}

/* @deadline: 0 for none. */
static int await_end(int pidfd, uint64_t deadline)
{
	struct pollfd at = { .fd = pidfd, .events = POLLIN };
	struct timespec left;
	int err = 0, count;

	do {
		left = clock_left(deadline);
		count = ppoll(&at, 1, deadline ? &left : NULL, NULL);
		if (count < 0 && errno != EINTR)
			err = -errno;
	} while (count < 0 && !err);
	return err;
}

/*
 * A foster parent ends like its program, a moment after it: killed before, it would say that the
 * program was killed. One that is stopped never does.
 */
static void let_end(int pidfd)
{
	await_end(pidfd, clock_after_ms(FOSTER_ENDS_MS));
}

int start_await_end(int pidfd)
{
	return await_end(pidfd, 0);
}

int start_end(struct kreg *k, const struct kreg_owner *owner)
{
	int fd = kreg_inner_pidfd(k, owner, KREG_INNER_SIGNALS);
	int err;

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	err = fd_pidfd_signal(fd, SIGKILL);
	if (!err || err == -ESRCH)
		err = start_await_end(fd);
	close(fd);
	return err;
}

/*
 * Nothing of it is left on return. First the program is killed, whose foster parent may
 * be the child; then all that is left in the session that the child leads.
 */
static void end_child(struct starting *s)
{
	if (!s->what.child)
		return;
	if (s->what.owner.token && !start_end(s->k, &s->what.owner))
		let_end(s->pidfd);
	process_signal(s->what.child, SIGKILL);
	process_signal_group(s->what.child, SIGKILL);
	while (waitpid(s->what.child, &s->what.status, 0) < 0 && errno == EINTR)
		;
	s->what.child = 0;
	if (s->watcher_fd >= 0) {
		fd_pidfd_signal(s->watcher_fd, SIGKILL);
		start_await_end(s->watcher_fd);
	}
}

int start_run(struct starting *s)
{
	int err = start_fork(s);

	if (!err)
		err = hear_seated(s);
	if (!err)
		err = serve(s);
	if (!err)
		err = give_reserved(s);
	if (!err)
		err = tell_go(s);
	if (!err)
		err = hear_exec(s);
	if (!err && !(s->how.flags & KREG_START_ATTEND)) {
		err = hear_ready(s);
		if (!err)
			err = start_publish(s);
	}
	if (err)
		end_child(s);
	fd_close(&s->link);
	fd_close(&s->pidfd);
	fd_close(&s->watcher_fd);
	return err;
}
