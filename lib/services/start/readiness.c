/* SPDX-License-Identifier: MIT */
/*
 * Two readiness protocols: a line on an fd whose number the program knows, as with s6; or
 * a datagram with a line READY=1 to the socket that NOTIFY_SOCKET names, as with
 * sd_notify(3) (notify.c). The same datagram, or one before it, may have
 * X_KREG_VALUE=TEXT, the value to publish with the program's name: an address that is
 * known only after bind(2), for instance.
 */
#include "lib/services/start/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define LINE_BYTES_READ 512

static int open_pipe(struct readiness *r)
{
	int ends[2];
	int err = fd_pipe(O_NONBLOCK, ends);

	if (err)
		return err;
	r->here = ends[0];
	r->there = ends[1];
	return 0;
}

void readiness_init(struct readiness *out)
{
	*out = (struct readiness){ .here = -1, .there = -1 };
	notify_init(&out->notify);
}

int readiness_open(struct readiness *out, const struct kreg_start *how, const char *socket)
{
	int err = 0;

	readiness_init(out);
	out->kind = how->ready;
	out->wanted_fd = how->ready_fd;
	if (how->ready == KREG_READY_EXEC)
		out->is_ready = true;
	else if (how->ready == KREG_READY_NOTIFY)
		err = notify_open(&out->notify, socket, how->watchdog_ms);
	else
		err = open_pipe(out);
	if (!err && how->ready == KREG_READY_NOTIFY && how->flags & KREG_START_PASS_ON)
		notify_outer_open(&out->notify.outer);
	if (err)
		readiness_close(out);
	return err;
}

void readiness_close(struct readiness *r)
{
	fd_close(&r->here);
	fd_close(&r->there);
	notify_close(&r->notify);
}

int readiness_fd(const struct readiness *r)
{
	return r->kind == KREG_READY_NOTIFY ? r->notify.fd : r->here;
}

int readiness_hand_over(const struct readiness *r)
{
	if (r->there < 0)
		return 0;
	/* The program's end blocks: a program does not expect -EAGAIN from its writes. */
	if (fcntl(r->there, F_SETFL, 0))
		return -errno;
	if (r->there == r->wanted_fd)
		return fcntl(r->there, F_SETFD, 0) ? -errno : 0;
	return dup2(r->there, r->wanted_fd) < 0 ? -errno : 0;
}

static void hear_pipe(struct readiness *r)
{
	char text[LINE_BYTES_READ];
	ssize_t size;

	/* With a copy of the program's end open, its being closed would go unnoticed. */
	fd_close(&r->there);
	while ((size = read(r->here, text, sizeof(text))) > 0)
		r->is_ready |= memchr(text, '\n', (size_t)size) != NULL;
	/* Closed: nothing more will come. */
	if (!size)
		fd_close(&r->here);
}

uint32_t readiness_hear(struct readiness *r)
{
	uint32_t news = 0;

	if (r->kind == KREG_READY_NOTIFY) {
		news = notify_hear(&r->notify);
		r->is_ready = r->notify.is_ready;
	} else if (r->here >= 0) {
		hear_pipe(r);
	}
	return news;
}
