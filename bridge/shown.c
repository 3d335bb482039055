/* SPDX-License-Identifier: MIT */
#include "bridge/shown.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/holder.h"

struct shown {
	struct kreg *k;
	struct kreg_owner owner;
	int holder; /* -1: this process has the names */
};

/* ---- a holder */

/* A new holder listens at @address when this returns. */
static int begin_holder(const struct sockaddr_un *address, const char *registry, uint32_t grace)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	sigset_t none;
	pid_t pid;
	int err = 0;

	if (listener < 0)
		return -errno;
	unlink(address->sun_path);
	if (bind(listener, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, 4))
		err = -errno;
	pid = err ? -1 : fork();
	if (!pid) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		holder_run(listener, registry, grace);
	}
	if (!err && pid < 0)
		err = -errno;
	close(listener);
	return err;
}

static int connect_to(const struct sockaddr_un *address)
{
	const struct timeval patience = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

int shown_hold(const char *run, const char *cluster, const char *registry, uint32_t grace)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", run,
			     cluster) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = connect_to(&address);
	if (fd >= 0)
		return fd;
	err = begin_holder(&address, registry, grace);
	return err ? err : connect_to(&address);
}

/* What the holder answers. */
static int ask(struct shown *shown, struct held_request *r, const void *value)
{
	struct held_answer answer;
	struct iovec parts[2] = { { r, sizeof(*r) }, { (void *)value, r->value_size } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = r->value_size ? 2 : 1 };

	snprintf(r->version, sizeof(r->version), "%s", KREG_VERSION);
	if (sendmsg(shown->holder, &message, MSG_NOSIGNAL) < 0 ||
	    recv(shown->holder, &answer, sizeof(answer), 0) != sizeof(answer))
		return -EPIPE;
	shown->owner = answer.owner;
	return (int)answer.err;
}

/* ---- both */

int shown_open(struct shown **out, struct kreg *k, int holder)
{
	struct shown *shown = calloc(1, sizeof(*shown));
	struct held_request hello = { .what = HELD_HELLO };
	int err;

	if (!shown)
		return -ENOMEM;
	*shown = (struct shown){ .k = k, .holder = holder };
	err = holder < 0 ? kreg_self(k, &shown->owner) : ask(shown, &hello, NULL);
	if (err) {
		free(shown);
		return err;
	}
	*out = shown;
	return 0;
}

void shown_close(struct shown *shown)
{
	if (shown && shown->holder >= 0)
		close(shown->holder);
	free(shown);
}

struct kreg_owner shown_owner(const struct shown *shown)
{
	return shown->owner;
}

static int put_held(struct shown *shown, const struct name *name, const struct facts *facts,
		    const struct kreg_remote *remote, bool is_unique)
{
	struct held_request r = { .what = HELD_PUT,
				  .uid = remote->uid,
				  .pid = remote->pid,
				  .is_stale = remote->flags,
				  .is_unique = is_unique,
				  .start = remote->start,
				  .revision = remote->token,
				  .name = *name,
				  .value_size = facts->value_size };

	memcpy(r.host, remote->host, sizeof(r.host));
	return ask(shown, &r, facts->value);
}

int shown_put(struct shown *shown, const struct name *name, const struct facts *facts,
	      const char *host, uint64_t revision, bool is_stale, bool is_unique)
{
	KREG_REMOTE(remote, .token = revision, .start = facts->start, .pid = facts->pid,
		    .uid = facts->uid, .flags = is_stale ? KREG_REMOTE_STALE : 0);

	snprintf(remote.host, sizeof(remote.host), "%s", host);
	if (shown->holder >= 0)
		return put_held(shown, name, facts, &remote, is_unique);
	return held_put(shown->k, name, facts->value, facts->value_size, &remote, is_unique);
}

int shown_drop(struct shown *shown, const struct name *name)
{
	struct held_request r = { .what = HELD_DROP, .name = *name };
	int got = shown->holder >= 0 ? ask(shown, &r, NULL)
				     : kreg_unregister(shown->k, name->key, name->key_size);

	return got < 0 ? got : 0;
}

int shown_compared(struct shown *shown)
{
	struct held_request r = { .what = HELD_COMPARED };

	return shown->holder >= 0 ? ask(shown, &r, NULL) : 0;
}
