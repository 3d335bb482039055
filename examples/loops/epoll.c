/* SPDX-License-Identifier: MIT */
/*
 * A loop of epoll(7) that waits for a name, for the death of its owner, and for all events of the name.
 *
 *     epoll NAME      waits until a process registers NAME, prints it, and ends when that dies
 *
 *     1$ epoll oracle
 *     2$ KREG_REGISTRY=example-loops names serve oracle       # then kill -9
 *
 * The registry is $KREG_REGISTRY, or "example-loops". doc/event-loops.md has the rules.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <kreg.h>

/* What the loop waits for; epoll_event.data.u32 says which. */
enum source { SOURCE_WAIT, SOURCE_LISTENER, SOURCE_DEATH };

struct program {
	struct kreg *k;
	const char *name;
	int loop;
	struct kreg_pending *wait;
	struct kreg_listener *listener;
	int pidfd;
	struct kreg_owner owner; /* whose death @pidfd reports */
	bool died, purged;
};

static int fail(const char *what, int error)
{
	fprintf(stderr, "epoll: cannot %s: %s\n", what, kreg_strerror(error));
	return -1;
}

static int add(struct program *p, enum source source, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	return epoll_ctl(p->loop, EPOLL_CTL_ADD, fd, &event) ? fail("add an fd", -errno) : 0;
}

static int begin_wait(struct program *p)
{
	int err = kreg_await_begin(&p->wait, p->k, p->name, KREG_STRING);

	return err ? fail("wait", err) : add(p, SOURCE_WAIT, kreg_pending_fd(p->wait));
}

/* A copy of the fd, as in a child of fork(2), would keep it in epoll: remove it first. */
static void end_wait(struct program *p)
{
	if (p->wait)
		epoll_ctl(p->loop, EPOLL_CTL_DEL, kreg_pending_fd(p->wait), NULL);
	kreg_pending_close(p->wait);
	p->wait = NULL;
}

/* The owner may be dead by now; then it waits for the next one. */
static int take_wait(struct program *p)
{
	int err = kreg_pending_result(p->wait, NULL);

	if (err == -EAGAIN)
		return 0;
	end_wait(p);
	if (err)
		return fail("wait", err);
	p->pidfd = kreg_monitor(p->k, p->name, KREG_STRING, &p->owner);
	if (p->pidfd == -ENOENT)
		return begin_wait(p);
	if (p->pidfd < 0)
		return fail("monitor", p->pidfd);
	printf("%s: pid %d holds it\n", p->name, p->owner.pid);
	return add(p, SOURCE_DEATH, p->pidfd);
}

/* All events: the fd stays readable until none is left. */
static int take_events(struct program *p)
{
	struct kreg_event event;
	int got;

	while ((got = kreg_listener_next(p->listener, &event)) == 1) {
		if (event.type == KREG_EVENT_REGISTER)
			printf("%s: event: registered by pid %d\n", p->name, event.entry.owner.pid);
		if (event.type != KREG_EVENT_PURGE)
			continue;
		printf("%s: event: the death of pid %d\n", p->name, event.entry.owner.pid);
		p->purged = true;
	}
	return got && got != -EAGAIN ? fail("listen", got) : 0;
}

/* A pidfd stays readable: close it, and it is out of epoll. */
static int take_death(struct program *p)
{
	printf("%s: pid %d is dead\n", p->name, p->owner.pid);
	p->died = true;
	epoll_ctl(p->loop, EPOLL_CTL_DEL, p->pidfd, NULL);
	close(p->pidfd);
	p->pidfd = -1;
	return 0;
}

static int take(struct program *p, enum source source)
{
	switch (source) {
	case SOURCE_WAIT:
		return take_wait(p);
	case SOURCE_LISTENER:
		return take_events(p);
	case SOURCE_DEATH:
		return take_death(p);
	}
	return -1;
}

/* One event at a time: to take one may close the fd of another. */
static int run(struct program *p)
{
	struct epoll_event event;

	while (!p->died || !p->purged) {
		int got = epoll_wait(p->loop, &event, 1, -1);

		if (got < 0 && errno != EINTR)
			return fail("wait for fds", -errno);
		if (got == 1 && take(p, event.data.u32))
			return -1;
		fflush(stdout);
	}
	return 0;
}

static int begin(struct program *p)
{
	KREG_PATTERN(pattern, .key = p->name, .key_size = KREG_STRING);
	const char *registry = getenv("KREG_REGISTRY");
	int err = kreg_open(&p->k, registry ? registry : "example-loops", NULL);

	if (err)
		return fail("open the registry", err);
	err = kreg_listen(&p->listener, p->k, &pattern, KREG_LISTEN_KNOWN);
	if (err)
		return fail("listen", err);
	p->loop = epoll_create1(EPOLL_CLOEXEC);
	if (p->loop < 0)
		return fail("make a loop", -errno);
	if (add(p, SOURCE_LISTENER, kreg_listener_fd(p->listener)) || begin_wait(p) || run(p))
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct program p = { .name = argv[1], .loop = -1, .pidfd = -1 };
	int status;

	if (argc != 2) {
		fputs("usage: epoll NAME\n", stderr);
		return 2;
	}
	status = begin(&p);
	end_wait(&p);
	kreg_listener_close(p.listener);
	kreg_close(p.k);
	if (p.pidfd >= 0)
		close(p.pidfd);
	if (p.loop >= 0)
		close(p.loop);
	return status ? 1 : 0;
}
