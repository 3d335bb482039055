/* SPDX-License-Identifier: MIT */
/*
 * Receives the messages of one service and runs its watchdog.
 *
 * One message is taken at a time, and its fds are closed when the caller has acted upon
 * it. So when a service that waits for BARRIER=1 goes on, all it said before has been
 * done.
 *
 *   watchdog   on: READY=1, each WATCHDOG=1    due     becomes
 *   off        a period is set and it is ready         on
 *   on         now + the period                missed  aborted: SIGABRT
 *   aborted    abort_time                              killed: SIGKILL
 *
 * STOPPING=1 turns it off. A service that is stopped, or in a debugger, misses it like
 * one that hangs. The socket is read before the clock, so a message that waited because
 * *this* process was stopped still counts.
 */
#include "lib/services/start/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/services/start/notify_socket.h"
#include "base/clock.h"
#include "base/fd.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

#define ABORT_TIME 5000000000ull
/* More messages than the kernel queues for a socket. */
#define LATE_MESSAGES 4096

/* What comes with a message besides its text. */
struct sender {
	pid_t pid;
	int pidfd;      /* -1: the kernel provides none */
	bool has_ended; /* the kernel could not make a pidfd */
};

static int poll_for(struct notify *n, int operation, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(n->fd, operation, fd, &event) ? -errno : 0;
}

void notify_init(struct notify *out)
{
	*out = (struct notify){ .fd = -1, .socket = -1, .timer = -1, .program = -1 };
	out->outer.socket = -1;
}

static int open_at(struct notify *out, const char *name, bool is_any_good)
{
	int err;

	notify_init(out);
	out->abort_time = ABORT_TIME;
	out->socket = notify_socket_open(name, is_any_good, out->variable);
	err = out->socket < 0 ? out->socket : 0;
	if (!err) {
		out->fd = fd_epoll();
		err = out->fd < 0 ? out->fd : poll_for(out, EPOLL_CTL_ADD, out->socket, EPOLLIN);
	}
	if (err)
		notify_close(out);
	return err;
}

int notify_open(struct notify *out, const char *name, uint32_t period_ms)
{
	int err = open_at(out, name, true);

	out->state = KREG_PROGRAM_STARTING;
	out->period = (uint64_t)period_ms * 1000000;
	return err;
}

static void close_fds(struct notify *n)
{
	while (n->fd_count)
		close(n->fds[--n->fd_count]);
}

void notify_close(struct notify *n)
{
	close_fds(n);
	notify_outer_close(&n->outer);
	fd_close(&n->fd);
	fd_close(&n->socket);
	fd_close(&n->timer);
	fd_close(&n->program);
}

int notify_serve(struct notify *n, const struct notify_service *service, int pidfd)
{
	n->program = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
	if (n->program < 0)
		return -errno;
	n->service = *service;
	return 0;
}

/*
 * Sets the timer to when the watchdog is due. Not for each WATCHDOG=1, but only after it
 * has gone off.
 */
static void arm(struct notify *n)
{
	bool is_wanted = n->watch == NOTIFY_WATCH_ON || n->watch == NOTIFY_WATCH_ABORTED;
	uint64_t at = is_wanted ? n->due : 0;
	struct itimerspec when = { .it_value = clock_time(at) };

	if (at == n->armed || (at && n->armed && n->armed <= at))
		return;
	if (n->timer < 0) {
		n->timer = fd_timer();
		if (n->timer < 0)
			return;
		poll_for(n, EPOLL_CTL_ADD, n->timer, EPOLLIN);
	}
	if (!timerfd_settime(n->timer, TFD_TIMER_ABSTIME, &when, NULL))
		n->armed = at;
}

int notify_open_again(struct notify *out, const char *name, const struct notify_watchdog *watchdog)
{
	int err = open_at(out, name, false);

	if (err)
		return err;
	out->is_ready = out->was_found = true;
	out->state = KREG_PROGRAM_READY;
	out->period = watchdog->period;
	if (watchdog->is_known && watchdog->period) {
		out->watch = NOTIFY_WATCH_ON;
		out->due = clock_now() + watchdog->period;
		arm(out);
	}
	return 0;
}

static void signal_program(const struct notify *n, int signal)
{
	if (n->program < 0)
		return;
	fd_pidfd_signal(n->program, signal);
	/* Without SIGCONT a stopped process would not get SIGABRT. */
	fd_pidfd_signal(n->program, SIGCONT);
}

static uint32_t abort_program(struct notify *n)
{
	signal_program(n, SIGABRT);
	n->watch = NOTIFY_WATCH_ABORTED;
	n->due = clock_now() + n->abort_time;
	n->armed = 0;
	arm(n);
	n->state = KREG_PROGRAM_MISSED;
	return NOTIFY_NEWS_MISSED | NOTIFY_NEWS_STATE;
}

static uint32_t look_at_clock(struct notify *n)
{
	uint64_t times;

	if (n->timer < 0 || read(n->timer, &times, sizeof(times)) != sizeof(times))
		return 0;
	n->armed = 0;
	n->late = 0;
	if (n->due > clock_now()) {
		arm(n);
		return 0;
	}
	if (n->watch == NOTIFY_WATCH_ON)
		return abort_program(n);
	if (n->watch != NOTIFY_WATCH_ABORTED)
		return 0;
	signal_program(n, SIGKILL);
	n->watch = NOTIFY_WATCH_KILLED;
	return NOTIFY_NEWS_KILLED;
}

static void copy_status(struct notify *n, const struct notify_words *words)
{
	size_t size = words->status_size;

	if (size > KREG_STATUS_MAX) {
		size = KREG_STATUS_MAX;
		/* Does not cut a UTF-8 character. */
		while (size && ((unsigned char)words->status[size] & 0xc0) == 0x80)
			size--;
	}
	memcpy(n->status, words->status, size);
	n->status[size] = 0;
}

static void follow_watchdog(struct notify *n, const struct notify_words *words)
{
	bool begins =
		n->watch == NOTIFY_WATCH_OFF && n->state == KREG_PROGRAM_READY && !n->was_found;

	if (words->lines & NOTIFY_PERIOD)
		n->period = words->period_us * 1000;
	if (n->watch > NOTIFY_WATCH_ON)
		return;
	if (!n->period || !n->is_ready || n->state == KREG_PROGRAM_STOPPING) {
		n->watch = NOTIFY_WATCH_OFF;
	} else if (begins || words->lines & (NOTIFY_ALIVE | NOTIFY_PERIOD)) {
		n->watch = NOTIFY_WATCH_ON;
		n->due = clock_now() + n->period;
		if (words->lines & NOTIFY_PERIOD)
			n->armed = 0;
	}
	arm(n);
}

static void follow_state(struct notify *n, uint32_t lines)
{
	if (lines & NOTIFY_READY)
		n->state = KREG_PROGRAM_READY;
	if (lines & NOTIFY_RELOADING)
		n->state = KREG_PROGRAM_RELOADING;
	if (lines & NOTIFY_STOPPING)
		n->state = KREG_PROGRAM_STOPPING;
}

static uint32_t follow(struct notify *n, const struct notify_words *words)
{
	uint32_t lines = words->lines;

	n->is_ready |= lines & NOTIFY_READY;
	if (n->watch <= NOTIFY_WATCH_ON)
		follow_state(n, lines);
	if (lines & NOTIFY_STATUS)
		copy_status(n, words);
	if (lines & NOTIFY_VALUE) {
		n->has_value = true;
		n->value_size = words->value_size;
		memcpy(n->value, words->value, words->value_size);
	}
	if (lines & NOTIFY_MAIN_PID && notify_is_of(&n->service, words->main_pid))
		n->main_pid = words->main_pid;
	if (lines & NOTIFY_EXTEND)
		n->extended = clock_now() + words->extend_us * 1000;
	follow_watchdog(n, words);
	if (lines & NOTIFY_TRIGGER && n->is_ready && n->watch <= NOTIFY_WATCH_ON)
		return abort_program(n);
	return lines & ~(uint32_t)(NOTIFY_ALIVE | NOTIFY_BARRIER) ? NOTIFY_NEWS_STATE : 0;
}

static void take_control(struct notify *n, struct msghdr *message, struct sender *sender)
{
	struct cmsghdr *part;
	struct ucred from;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		size_t size = part->cmsg_len - CMSG_LEN(0);

		if (part->cmsg_level != SOL_SOCKET)
			continue;
		if (part->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&from, CMSG_DATA(part), sizeof(from));
			sender->pid = from.pid;
		} else if (part->cmsg_type == SCM_PIDFD) {
			memcpy(&sender->pidfd, CMSG_DATA(part), sizeof(int));
			sender->has_ended = sender->pidfd == -ESRCH || sender->pidfd == -EINVAL;
		} else if (part->cmsg_type == SCM_RIGHTS) {
			n->fd_count = (uint32_t)(size / sizeof(int));
			memcpy(n->fds, CMSG_DATA(part), n->fd_count * sizeof(int));
		}
	}
}

static bool is_reaped(int pidfd)
{
	return fd_pidfd_signal(pidfd, 0) == -ESRCH;
}

/* The sender is not reaped yet, so the pid was its own when it was looked at. */
static bool is_there(const struct sender *sender)
{
	return !sender->has_ended && (sender->pidfd < 0 || !is_reaped(sender->pidfd));
}

/* False: there is no message, or it is not from the service. */
static bool take_message(struct notify *n)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(n->fds)) +
			  CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec into = { n->text, sizeof(n->text) };
	struct msghdr message = { .msg_iov = &into, .msg_iovlen = 1 };
	struct sender sender = { .pidfd = -1 };
	ssize_t size;
	bool is_its;

	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	size = fd_receive(n->socket, &message);
	if (size < 0)
		return false;
	take_control(n, &message, &sender);
	is_its = !(message.msg_flags & MSG_TRUNC) && notify_is_of(&n->service, sender.pid) &&
		 is_there(&sender);
	/*
	 * A service that was taken over is not this process's child: its pid may be
	 * reused once it is reaped.
	 */
	if (n->was_found && is_reaped(n->program))
		is_its = false;
	fd_close(&sender.pidfd);
	n->text_size = is_its ? (size_t)size : 0;
	if (!is_its)
		close_fds(n);
	return is_its;
}

uint32_t notify_hear(struct notify *n)
{
	struct notify_words words;
	bool is_late = false;
	uint32_t news = 0;

	if (n->fd < 0)
		return 0;
	notify_settle(n);
	/* Not while a message waits to be sent to the manager above. */
	if (!n->text_size && take_message(n)) {
		if (notify_text_read(n->text, n->text_size, &words))
			news = follow(n, &words);
		else
			n->text_size = 0;
		is_late = n->late++ < LATE_MESSAGES;
	}
	/* What is queued in the socket was sent before the watchdog was due. */
	return n->outer.is_full || is_late ? news : news | look_at_clock(n);
}

void notify_settle(struct notify *n)
{
	bool was_full = n->outer.is_full;

	if (n->text_size &&
	    !notify_outer_send(&n->outer, n->text, n->text_size, n->fds, n->fd_count)) {
		if (!was_full) {
			poll_for(n, EPOLL_CTL_DEL, n->socket, 0);
			poll_for(n, EPOLL_CTL_ADD, n->outer.socket, EPOLLOUT);
		}
		return;
	}
	if (was_full) {
		poll_for(n, EPOLL_CTL_DEL, n->outer.socket, 0);
		poll_for(n, EPOLL_CTL_ADD, n->socket, EPOLLIN);
	}
	n->text_size = 0;
	close_fds(n);
}
