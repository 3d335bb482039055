/* SPDX-License-Identifier: MIT */
/*
 * Starting a program under a name: the starter's side.
 *
 *   step                                              the starter is killed here
 *   1 CAS a claim where there is none (claim.c)       the claim is over
 *   2 fork; the child takes a seat (start_child.c)    the child is told nothing, and ends
 *   3 CAS a gift of the child's into the list,        the same; the name is free when it has ended
 *     reserved: the name is the child's
 *   4 tell the child to go on; it calls exec          the program runs with its name reserved: whoever claims
 *   5 hear that it is ready                             the name next ends it
 *   6 CAS a gift with the value in its place: it is   it is ready, as if we had returned
 *     found from here on
 *   7 unregister the claim
 *
 * The child's death at any point ends what is the child's, so nothing has to be undone but the child. In the
 * fallback a watcher stands in the line behind it until the program has ended (start_watch.c).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/claim.h"
#include "lib/owner.h"
#include "lib/service_key.h"
#include "lib/sized.h"
#include "lib/start.h"
#include "lib/start_run.h"
#include "lib/telemetry.h"
#include "shm/clock.h"
#include "shm/gift.h"
#include "shm/table_search.h"

static bool is_known(const struct kreg_start *how)
{
	return how->argv && how->argv[0] && *how->argv[0] && (how->value || !how->value_size) &&
	       !(how->flags & ~KREG_START_DIES_WITH_STARTER) && how->ready <= KREG_READY_FD &&
	       !how->reserved && how->timeout_ms >= 0;
}

static int prepare(struct starting *s, const char *space, const char *role)
{
	const struct origin *origin = s->k->origin;
	const char *const *pair;
	int err = environment_new(&s->environment, "NOTIFY_SOCKET");

	if (!err)
		err = environment_set(&s->environment, "KREG_REGISTRY", origin->name);
	if (!err)
		err = environment_set(&s->environment, "KREG_DIR", origin->base);
	if (!err)
		err = environment_set(&s->environment, "KREG_GUARD", origin->guard);
	if (!err && space)
		err = environment_set(&s->environment, "KREG_NAMESPACE", space);
	if (!err && role)
		err = environment_set(&s->environment, "KREG_ROLE", role);
	for (pair = s->how.environment; pair && *pair && !err; pair++)
		err = environment_is_own(*pair) ? -EINVAL : environment_add(&s->environment, *pair);
	if (err)
		return err;
	err = readiness_open(&s->readiness, s->how.ready, s->how.ready_fd);
	if (!err && *s->readiness.variable)
		err = environment_add(&s->environment, s->readiness.variable);
	return err;
}

/* A program whose starter has died before it was ready. Its name is gone a moment after it. */
static int end_orphan(struct starting *s, const struct kreg_owner *orphan)
{
	int fd = owner_pidfd_for_end(s->k, orphan);
	int err;

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	err = start_end(s->k, orphan);
	if (!err)
		err = start_await_end(fd);
	close(fd);
	return err;
}

static int start_claimed(struct starting *s, struct claim_holder *holder)
{
	int err = 0;

	if (holder->was_started)
		err = end_orphan(s, &holder->owner);
	if (!err)
		err = start_run(s);
	/* Somebody has registered the name without a claim. */
	if (err == -EEXIST && claim_look(s->k, &s->q, holder))
		*holder = (struct claim_holder){ 0 };
	return err;
}

static int start(struct starting *s, const char *space, const char *role)
{
	struct claim_holder holder = { 0 };
	struct claim claim;
	int err = prepare(s, space, role);

	if (!err)
		err = claim_take(s->k, &s->q, s->deadline, &claim, &holder);
	if (!err) {
		err = start_claimed(s, &holder);
		claim_leave(s->k, &claim);
	}
	if (err == -EEXIST)
		s->what.owner = holder.owner;
	else if (err)
		s->what.owner = (struct kreg_owner){ 0 };
	s->what.ready = !err || (err == -EEXIST && holder.ready);
	readiness_close(&s->readiness);
	environment_free(&s->environment);
	return err;
}

static const struct start_within within_nothing = { .stop = -1, .cgroup = -1 };

static int start_key(struct kreg *k, const void *key, size_t key_size, const char *space,
		     const char *role, const struct kreg_start *how, struct kreg_started *started,
		     const struct start_within *within)
{
	struct starting s = {
		.k = k, .link = -1, .pidfd = -1, .watcher_fd = -1, .within = *within
	};
	size_t known;
	int err = how && (!started || started->size >= sizeof(started->size))
			  ? sized_read(&s.how, sizeof(s.how), how)
			  : -EINVAL;

	if (!err && (!is_known(&s.how) || !k->segment.unique))
		err = -EINVAL;
	if (!err && entry_head((uint32_t)key_size) + s.how.value_size > GIFT_BYTES_MAX)
		err = -EMSGSIZE;
	if (!err)
		err = handle_check(k);
	if (err)
		return err;
	s.readiness.here = s.readiness.there = -1;
	s.q = table_query(&k->segment, key, key_size);
	s.q.kinds = KINDS_OF_NAMES;
	if (s.how.timeout_ms)
		s.deadline = clock_now() + (uint64_t)s.how.timeout_ms * 1000000;
	err = start(&s, space, role);
	if (started) {
		known = started->size < sizeof(s.what) ? started->size : sizeof(s.what);
		s.what.size = known;
		memcpy(started, &s.what, known);
	}
	return err;
}

int kreg_start(struct kreg *k, const void *key, size_t key_size, const struct kreg_start *how,
	       struct kreg_started *started)
{
	UNCANCELLABLE;
	int err = k ? key_check(key, &key_size) : -EINVAL;

	return err ? err : start_key(k, key, key_size, NULL, NULL, how, started, &within_nothing);
}

int start_service(struct kreg *k, const char *space, const char *role, const struct kreg_start *how,
		  struct kreg_started *started, const struct start_within *within)
{
	struct kreg_started own = { .size = sizeof(own) };
	struct service_key key;
	int err = k ? service_key(&key, space, role) : -EINVAL;

	if (err)
		return err;
	if (!started)
		started = &own;
	err = start_key(k, key.bytes, key.size, space, role, how, started, within);
	if (!err && telemetry_is_wanted(k, &kreg_register_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REGISTER, space, role, &started->owner, 0);
	if (err == -EEXIST && telemetry_is_wanted(k, &kreg_refuse_semaphore))
		telemetry_tell(k, KREG_TELEMETRY_REFUSE, space, role, &started->owner, err);
	return err;
}

int kreg_service_start(struct kreg *k, const char *space, const char *role,
		       const struct kreg_start *how, struct kreg_started *started)
{
	UNCANCELLABLE;
	return start_service(k, space, role, how, started, &within_nothing);
}
