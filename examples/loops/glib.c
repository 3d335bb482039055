/* SPDX-License-Identifier: MIT */
/*
 * A main loop of GLib that waits for a name, and then for the death of its owner.
 *
 *     glib NAME       waits until a process registers NAME, prints it, and ends when that dies
 *
 *     1$ glib oracle
 *     2$ KREG_REGISTRY=example-loops names serve oracle       # then kill -9
 *
 * The registry is $KREG_REGISTRY, or "example-loops". doc/event-loops.md has the rules.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib-unix.h>
#include <kreg.h>

struct program {
	struct kreg *k;
	const char *name;
	GMainLoop *loop;
	struct kreg_pending *wait;
	struct kreg_owner owner;
	int status;
};

/* Ends the program. */
static void fail(struct program *p, const char *what, int error)
{
	fprintf(stderr, "glib: cannot %s: %s\n", what, kreg_strerror(error));
	p->status = 1;
	g_main_loop_quit(p->loop);
}

static gboolean take_wait(int fd, GIOCondition condition, void *data);

static void begin_wait(struct program *p)
{
	int err = kreg_await_begin(&p->wait, p->k, p->name, KREG_STRING);

	if (err)
		fail(p, "wait", err);
	else
		g_unix_fd_add(kreg_pending_fd(p->wait), G_IO_IN, take_wait, p);
}

/* A pidfd stays readable, so its source is removed. */
static gboolean take_death(int pidfd, GIOCondition condition, void *data)
{
	struct program *p = data;

	(void)condition;
	printf("%s: pid %d is dead\n", p->name, p->owner.pid);
	close(pidfd);
	g_main_loop_quit(p->loop);
	return G_SOURCE_REMOVE;
}

/* The owner may be dead by now; then it waits for the next one. */
static void watch_owner(struct program *p)
{
	int pidfd = kreg_monitor(p->k, p->name, KREG_STRING, &p->owner);

	if (pidfd == -ENOENT) {
		begin_wait(p);
	} else if (pidfd < 0) {
		fail(p, "monitor", pidfd);
	} else {
		printf("%s: pid %d holds it\n", p->name, p->owner.pid);
		fflush(stdout);
		g_unix_fd_add(pidfd, G_IO_IN, take_death, p);
	}
}

/* GLib does not poll the fd again before it has removed the source, so it may be closed here. */
static gboolean take_wait(int fd, GIOCondition condition, void *data)
{
	struct program *p = data;
	int err = kreg_pending_result(p->wait, NULL);

	(void)fd;
	(void)condition;
	if (err == -EAGAIN)
		return G_SOURCE_CONTINUE;
	kreg_pending_close(p->wait);
	p->wait = NULL;
	if (err)
		fail(p, "wait", err);
	else
		watch_owner(p);
	return G_SOURCE_REMOVE;
}

/* Before g_main_loop_run() a quit would be lost. */
static gboolean begin(void *data)
{
	begin_wait(data);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	struct program p = { .name = argv[1] };
	const char *registry = getenv("KREG_REGISTRY");
	int err;

	if (argc != 2) {
		fputs("usage: glib NAME\n", stderr);
		return 2;
	}
	err = kreg_open(&p.k, registry ? registry : "example-loops", NULL);
	if (err) {
		fprintf(stderr, "glib: cannot open the registry: %s\n", kreg_strerror(err));
		return 1;
	}
	p.loop = g_main_loop_new(NULL, FALSE);
	g_idle_add(begin, &p);
	g_main_loop_run(p.loop);
	g_main_loop_unref(p.loop);
	kreg_close(p.k);
	return p.status;
}
