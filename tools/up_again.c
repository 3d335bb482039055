/* SPDX-License-Identifier: MIT */
/*
 * Signals the supervisor and waits for the outcome in its value. The listener is opened before the
 * value is read, so no outcome is missed. Only the outcome of a change that began after that read
 * counts, see up_mark.h.
 *
 * If this process is killed here, the supervisor applies the change all the same.
 */
#include "tools/up_again.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/kreg-services.h"
#include "tools/regtool.h"
#include "tools/up_mark.h"

struct other {
	struct kreg *k;
	const char *space, *path;
	struct kreg_owner owner;
	struct up_mark mark;
};

/* Return: whether a `regtool up` of this file is the supervisor; its value is then in @other. */
static bool look(struct other *other)
{
	char value[UP_MARK_BYTES];

	if (kreg_service_lookup_string(other->k, other->space, KREG_ROLE_SUPERVISOR, value,
				       sizeof(value), &other->owner) < 0)
		return false;
	return up_mark_read(&other->mark, value, other->path);
}

static int wait_for_news(struct kreg_listener *listener)
{
	struct pollfd at = { .fd = kreg_listener_fd(listener), .events = POLLIN };
	struct kreg_event event;
	int got;

	while (poll(&at, 1, -1) < 0)
		;
	do
		got = kreg_listener_next(listener, &event);
	while (got > 0 || got == -EAGAIN);
	return got;
}

static int await_outcome(struct client *client, struct other *other, struct kreg_listener *listener)
{
	const struct other before = *other;
	int err;

	while (other->mark.count <= before.mark.count || other->mark.state == UP_READS) {
		err = wait_for_news(listener);
		if (err)
			return client_fail(client, err, "wait for the outcome in namespace %s",
					   other->space);
		if (!look(other) || other->owner.token != before.owner.token) {
			fprintf(stderr,
				"regtool: %s: its supervisor, pid %d, has ended; see its standard "
				"error\n",
				other->space, before.owner.pid);
			return REGTOOL_ERROR;
		}
	}
	if (other->mark.state == UP_DONE) {
		printf("%s: %s is applied\n", other->space, other->path);
		return REGTOOL_DONE;
	}
	fprintf(stderr, "regtool: %s: %s is not fully applied: %s\n", other->space, other->path,
		other->mark.why);
	return REGTOOL_ERROR;
}

static int tell(struct client *client, struct other *other, struct kreg_listener *listener,
		const char *key, size_t key_size, uint32_t flags)
{
	int err;

	if (!look(other))
		return UP_NOT_THERE;
	if (flags & ~other->mark.flags) {
		fprintf(stderr,
			"regtool: %s: its supervisor, pid %d, runs without%s and keeps its "
			"options; "
			"stop it with `regtool down --namespace %s` or omit the option\n",
			other->space, other->owner.pid, up_mark_options(flags & ~other->mark.flags),
			other->space);
		return REGTOOL_USAGE;
	}
	err = kreg_signal(other->k, key, key_size, SIGUSR1);
	if (err)
		return UP_NOT_THERE;
	printf("%s: its supervisor, pid %d%s%s, applies the changes in %s\n", other->space,
	       other->owner.pid, other->mark.flags ? ", with" : "",
	       up_mark_options(other->mark.flags), other->path);
	fflush(stdout);
	return await_outcome(client, other, listener);
}

int up_again(struct client *client, struct kreg *k, const char *space, const char *path,
	     uint32_t flags)
{
	struct other other = { .k = k, .space = space, .path = path };
	char key[KREG_KEY_MAX];
	ssize_t key_size = kreg_service_key(space, KREG_ROLE_SUPERVISOR, key, sizeof(key));
	KREG_PATTERN(pattern, .key = key, .key_size = (size_t)key_size);
	struct kreg_listener *listener;
	int err, status;

	if (!look(&other))
		return UP_NOT_THERE;
	err = kreg_listen(&listener, k, &pattern, 0);
	if (err)
		return client_fail(client, err, "listen to namespace %s", space);
	status = tell(client, &other, listener, key, (size_t)key_size, flags);
	kreg_listener_close(listener);
	return status;
}
