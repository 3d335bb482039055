/* SPDX-License-Identifier: MIT */
/*
 * Starts a program under a name: the starter's side.
 *
 *   step                                              the starter is killed here
 *   1 CAS a claim where there is none (claim.c)       the claim is over
 *   2 fork; the child takes a seat, and makes what    the child gets no word to go on, and ends
 *     the program needs (start_child.c)
 *   3 CAS a gift of the child's into the list,        the same; the name is free when it has ended
 *     reserved: the name is the child's
 *   4 tell the child to go on; it calls exec          the program runs with its name reserved: the
 *   5 wait until it is ready                            next claimant of the name ends it
 *   6 CAS a gift with the value in its place: it is   it is ready, as if the call had returned
 *     found from here on
 *   7 unregister the claim
 *
 * The child's death at any point ends all that the child owns, so the only thing to undo
 * is the child. In the fallback a watcher stands in the line behind it until the program
 * has ended (start_watch.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/call.h"
#include "base/clock.h"
#include "base/sized.h"
#include "base/process.h"
#include "base/text.h"
#include "lib/services/start/start.h"
#include "lib/services/start/start_child.h"
#include "lib/services/start/start_program.h"

#define KNOWN_FLAGS                                                                                \
	(KREG_START_DIES_WITH_STARTER | KREG_START_ATTEND | KREG_START_PASS_ON |                   \
	 KREG_START_FOREGROUND)

/* What of @how is refused; NULL: nothing. */
static const char *fault_of(const struct kreg_start *how)
{
	if (!how->argv || !how->argv[0] || !*how->argv[0])
		return "start->argv has no program";
	if (how->flags & ~(uint32_t)KNOWN_FLAGS)
		return "start->flags has unknown bits: use KREG_START_*";
	if (how->flags & KREG_START_PASS_ON && !(how->flags & KREG_START_ATTEND))
		return "start->flags has KREG_START_PASS_ON without KREG_START_ATTEND";
	if (how->ready > KREG_READY_FD)
		return "start->ready is none of KREG_READY_*";
	if (how->ready == KREG_READY_FD && (how->ready_fd < 3 || how->ready_fd > 1023))
		return "start->ready_fd is not 3 to 1023";
	if (how->watchdog_ms && how->ready != KREG_READY_NOTIFY)
		return "start->watchdog_ms is set, but only KREG_READY_NOTIFY has a watchdog";
	if (how->timeout_ms < 0)
		return "start->timeout_ms is negative: 0 is for none";
	return NULL;
}

/* The manager above expects WATCHDOG=1 from this process, which passes on the program's. */
static const char *period_from_above(const struct kreg_start *how)
{
	const char *pid = getenv("WATCHDOG_PID");

	if (!(how->flags & KREG_START_PASS_ON) || (pid && atoi(pid) != process_pid()))
		return NULL;
	return getenv("WATCHDOG_USEC");
}

static int set_watchdog(struct starting *s)
{
	const char *period = period_from_above(&s->how);
	char own[32];
	int err;

	if (s->how.watchdog_ms) {
		snprintf(own, sizeof(own), "%" PRIu64, (uint64_t)s->how.watchdog_ms * 1000);
		period = own;
	}
	if (!period)
		return 0;
	err = environment_set(&s->environment, "WATCHDOG_USEC", period);
	/* The child fills it in, in place (start_child.c). */
	return err ? err : environment_set(&s->environment, "WATCHDOG_PID", START_PID_TO_BE);
}

/* What it is is not said, because it may be a secret. */
static int add_given(struct starting *s, const char *const *pair)
{
	char digits[TEXT_NUMBER];
	const char *at = text_number(digits, (unsigned long)(pair - s->how.environment));
	int err;

	if (environment_is_own(*pair))
		return refuse(s->k, "start->environment[", at, "] is what kreg sets itself");
	err = environment_add(&s->environment, *pair);
	return err == -EINVAL ? refuse(s->k, "start->environment[", at, "] is not NAME=VALUE")
			      : err;
}

static int prepare(struct starting *s, const char *space, const char *role)
{
	const struct origin *origin = kreg_inner_origin(s->k);
	char name[NOTIFY_NAME_BYTES], *socket = NULL;
	const char *const *pair;
	int err = environment_new(&s->environment);

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
		err = add_given(s, pair);
	if (err)
		return err;
	if (s->within.sign && !(s->how.flags & KREG_START_DIES_WITH_STARTER)) {
		notify_name(name, s->k, s->key, s->key_size);
		socket = name;
	}
	err = readiness_open(&s->readiness, &s->how, socket);
	if (!err && *s->readiness.notify.variable)
		err = environment_add(&s->environment, s->readiness.notify.variable);
	return err ? err : set_watchdog(s);
}

/* Ends a program whose starter died before it was ready. Its name is gone a moment later. */
static int end_orphan(struct starting *s, const struct kreg_owner *orphan)
{
	int fd = kreg_inner_pidfd(s->k, orphan, KREG_INNER_END);
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
	/* A process has registered the name without a claim. */
	if (err == -EEXIST && kreg_inner_look(s->name, holder))
		*holder = (struct claim_holder){ 0 };
	return err;
}

static int start(struct kreg_program *program, const char *space, const char *role)
{
	struct claim_holder holder = { 0 };
	struct starting *s = &program->s;
	int err = prepare(s, space, role);

	if (!err)
		err = kreg_inner_claim(s->name, s->deadline, &holder);
	if (!err) {
		err = start_claimed(s, &holder);
		program->published = -EINPROGRESS;
		if (err || !(s->how.flags & KREG_START_ATTEND))
			program_published(program, err);
		else if (s->readiness.is_ready)
			program_published(program, start_publish(s));
	}
	if (err == -EEXIST)
		s->what.owner = holder.owner;
	else if (err)
		s->what.owner = (struct kreg_owner){ 0 };
	s->what.ready = (!err && !program->published) || (err == -EEXIST && holder.ready);
	return err;
}

static void let_go_of_callers(struct starting *s)
{
	s->how.argv = s->how.environment = NULL;
	s->how.directory = s->how.output = NULL;
	environment_free(&s->environment);
}

/* Reads the options, and checks whether they can be met. */
static int read_how(struct kreg_start *out, struct kreg *k, size_t key_size,
		    const struct kreg_start *how, const struct kreg_started *started)
{
	const char *fault;
	int err = how ? struct_of_call(k, out, how, "start") : refuse(k, "start is NULL");

	if (!err && started)
		err = size_of_call(k, started, "started");
	if (err)
		return err;
	fault = fault_of(out);
	err = fault ? refuse(k, fault)
		    : value_of_call(k, out->value, &out->value_size, "start->value");
	if (err)
		return err;
	if (out->flags & KREG_START_ATTEND && (!started || started->size < sizeof(*started)))
		return refuse(
			k, "start->flags has KREG_START_ATTEND, but there is no started that can "
			   "tell the program");
	return program_of_call(k, key_size, out->value_size);
}

static const struct start_within within_nothing = { .stop = -1, .cgroup = -1 };

/* A call's arguments. */
struct request {
	const void *key;
	size_t key_size;
	const char *space, *role;
	const struct start_within *within;
	struct kreg_program *
		*program; /* NULL: not heard after the start, unless that is asked for */
};

static int start_key(struct kreg *k, const struct request *request, const struct kreg_start *given,
		     struct kreg_started *started)
{
	struct kreg_program *program = NULL;
	struct kreg_start how;
	int err = read_how(&how, k, request->key_size, given, started);

	if (!err)
		err = program_new(&program, k, request->key, request->key_size, &how);
	if (err)
		return err;
	program->s.within = *request->within;
	program->s.is_kept = request->program || how.flags & KREG_START_ATTEND;
	err = start(program, request->space, request->role);
	if (!err && how.flags & KREG_START_ATTEND)
		program->s.what.program = program;
	if (!err && request->program) {
		*request->program = program;
		/*
		 * Nothing else reads the socket; without it messages are refused, not
		 * queued.
		 */
		if (program_be_heard(program, request->within->hearer))
			readiness_close(&program->s.readiness);
	}
	if (started)
		sized_write(started, &program->s.what, sizeof(program->s.what));
	if (err || !program->s.is_kept)
		program_free(program);
	else
		let_go_of_callers(&program->s);
	return err;
}

int kreg_start(struct kreg *k, const void *key, size_t key_size, const struct kreg_start *how,
	       struct kreg_started *started)
{
	UNCANCELLABLE;
	struct request request = { .key = key, .within = &within_nothing };
	int err = key_of_call(k, key, &key_size);

	request.key_size = key_size;
	return err ? err : start_key(k, &request, how, started);
}

int start_service(struct kreg *k, const char *space, const char *role, const struct kreg_start *how,
		  struct kreg_started *started, const struct start_within *within,
		  struct kreg_program **program)
{
	struct request request = {
		.space = space, .role = role, .within = within, .program = program
	};
	struct kreg_started own = { .size = sizeof(own) };
	char key[KREG_KEY_MAX];
	ssize_t size = kreg_inner_service_key(space, role, key, sizeof(key));
	int err;

	if (!k)
		return refuse(k, K_IS_NULL);
	if (size < 0)
		return kreg_inner_refuse_service(k, call_of(__func__), space, role, true);
	if (!started)
		started = &own;
	request.key = key;
	request.key_size = (size_t)size;
	err = start_key(k, &request, how, started);
	kreg_inner_started(k, space, role, &started->owner, err);
	return err;
}

int kreg_service_start(struct kreg *k, const char *space, const char *role,
		       const struct kreg_start *how, struct kreg_started *started)
{
	UNCANCELLABLE;
	return start_service(k, space, role, how, started, &within_nothing, NULL);
}
