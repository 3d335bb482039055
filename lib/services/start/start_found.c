/* SPDX-License-Identifier: MIT */
/*
 * A service that an earlier supervisor has started and that still runs: its messages are
 * received as if this process had started it.
 *
 * It counts as ready, because its name is found. Its watchdog is the one that its starter
 * announced, if its environment can still be read; otherwise it begins with the first
 * WATCHDOG=1.
 *
 * Killed here, its messages are lost until the next supervisor receives them, as after
 * any other supervisor.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/inner.h"
#include "lib/services/start/start_program.h"
#include "lib/services/start/started_with.h"

static void read_watchdog(struct notify_watchdog *out, const struct kreg_owner *owner,
			  const char *space, const char *role, const struct kreg_start *how)
{
	struct started_with environment;
	const char *us;

	*out = (struct notify_watchdog){ .period = (uint64_t)how->watchdog_ms * 1000000 };
	started_with_read(&environment, owner->pid);
	if (started_with_names(&environment, space, role)) {
		us = started_with(&environment, "WATCHDOG_USEC");
		out->is_known = true;
		out->period = us ? strtoull(us, NULL, 10) * 1000 : 0;
	}
	started_with_free(&environment);
}

static int open_socket(struct kreg_program *program, const struct notify_watchdog *watchdog)
{
	struct starting *s = &program->s;
	char name[NOTIFY_NAME_BYTES];

	s->readiness.kind = KREG_READY_NOTIFY;
	s->readiness.is_ready = true;
	notify_name(name, s->k, s->key, s->key_size);
	return notify_open_again(&s->readiness.notify, name, watchdog);
}

/* @pidfd: of the program, whose pid is not reused until it is reaped. */
static int serve(struct kreg_program *program, int pidfd)
{
	struct notify_service service = { .program = program->s.what.owner.pid };
	pid_t session = getsid(service.program);

	if (session > 0 && session != getsid(0))
		service.session = session;
	return notify_serve(&program->s.readiness.notify, &service, pidfd);
}

int start_hear_found(struct kreg *k, const char *space, const char *role,
		     const struct kreg_start *how, const struct kreg_owner *owner,
		     struct hearer **hearer, struct kreg_program **out)
{
	struct kreg_program *program;
	struct notify_watchdog watchdog;
	struct kreg_start own = *how;
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_inner_service_key(space, role, key, sizeof(key));
	int fd, err = size < 0 ? (int)size : 0;

	*out = NULL;
	if (err || how->ready != KREG_READY_NOTIFY)
		return err;
	own.argv = own.environment = NULL;
	own.directory = own.output = NULL;
	err = program_new(&program, k, key, (size_t)size, &own);
	if (err)
		return err;
	program->s.what.owner = *owner;
	program->s.is_kept = true;
	fd = kreg_inner_pidfd(k, owner, KREG_INNER_SIGNALS);
	err = fd < 0 ? fd : 0;
	if (!err) {
		/* Before its life is checked again: the pid was its own until then. */
		read_watchdog(&watchdog, owner, space, role, how);
		err = open_socket(program, &watchdog);
		if (!err)
			err = serve(program, fd);
		if (!err && kreg_owner_is_alive(k, owner) <= 0)
			err = -ESRCH;
		close(fd);
	}
	if (!err)
		err = program_be_heard(program, hearer);
	if (!err) {
		start_show(&program->s);
		*out = program;
	} else {
		program_free(program);
	}
	return err;
}
