/* SPDX-License-Identifier: MIT */
/*
 * A loop of libuv that waits for a name, and then until its owner no longer holds it.
 *
 *     libuv NAME      waits until a process registers NAME, prints it, and ends when that dies
 *
 *     1$ libuv oracle
 *     2$ KREG_REGISTRY=example-loops names serve oracle       # then kill -9
 *
 * The registry is $KREG_REGISTRY, or "example-loops". doc/event-loops.md has the rules.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <kreg.h>
#include <uv.h>

/* A wait, and what polls its fd. */
struct watch {
	uv_poll_t poll;
	struct kreg_pending *wait;
};

struct program {
	struct kreg *k;
	const char *name;
	uv_loop_t loop;
	struct watch found, gone;
	struct kreg_owner owner;
	int status;
};

static void fail(struct program *p, const char *what, const char *why)
{
	fprintf(stderr, "libuv: cannot %s: %s\n", what, why);
	p->status = 1;
}

/* Polls for a wait that has begun. */
static void start(struct program *p, struct watch *w, uv_poll_cb take)
{
	int err = uv_poll_init(&p->loop, &w->poll, kreg_pending_fd(w->wait));

	w->poll.data = p;
	if (!err) {
		err = uv_poll_start(&w->poll, UV_READABLE, take);
		if (err)
			uv_close((uv_handle_t *)&w->poll, NULL);
	}
	if (err) {
		fail(p, "poll", uv_strerror(err));
		kreg_pending_close(w->wait);
	}
}

/* First the loop loses the fd, then the wait is closed, and the fd with it. */
static void stop(struct watch *w)
{
	uv_poll_stop(&w->poll);
	kreg_pending_close(w->wait);
	uv_close((uv_handle_t *)&w->poll, NULL);
}

static void take_gone(uv_poll_t *poll, int status, int events)
{
	struct program *p = poll->data;
	int err = kreg_pending_result(p->gone.wait, NULL);

	(void)events;
	if (err == -EAGAIN && !status)
		return;
	stop(&p->gone);
	if (err)
		fail(p, "wait", kreg_strerror(err));
	else
		printf("%s: pid %d %s\n", p->name, p->owner.pid,
		       kreg_owner_is_alive(p->k, &p->owner) ? "has given it up" : "is dead");
}

/* The owner may be dead by now: then the next wait is over at once. */
static void take_found(uv_poll_t *poll, int status, int events)
{
	struct program *p = poll->data;
	struct kreg_found found = { 0 };
	int err = kreg_pending_result(p->found.wait, &found);

	(void)events;
	if (err == -EAGAIN && !status)
		return;
	stop(&p->found);
	if (!err) {
		printf("%s: pid %d holds it\n", p->name, found.owner.pid);
		fflush(stdout);
		p->owner = found.owner;
		err = kreg_await_gone_begin(&p->gone.wait, p->k, p->name, KREG_STRING, &p->owner);
	}
	if (err)
		fail(p, "wait", kreg_strerror(err));
	else
		start(p, &p->gone, take_gone);
}

/* The loop ends when it has no active handle left. */
static void run(struct program *p)
{
	int err = kreg_await_begin(&p->found.wait, p->k, p->name, KREG_STRING);

	if (err) {
		fail(p, "wait", kreg_strerror(err));
		return;
	}
	start(p, &p->found, take_found);
	uv_run(&p->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
	struct program p = { .name = argv[1] };
	const char *registry = getenv("KREG_REGISTRY");
	int err;

	if (argc != 2) {
		fputs("usage: libuv NAME\n", stderr);
		return 2;
	}
	err = uv_loop_init(&p.loop);
	if (err) {
		fail(&p, "make a loop", uv_strerror(err));
		return p.status;
	}
	err = kreg_open(&p.k, registry ? registry : "example-loops", NULL);
	if (err)
		fail(&p, "open the registry", kreg_strerror(err));
	else
		run(&p);
	uv_loop_close(&p.loop);
	kreg_close(p.k);
	return p.status;
}
