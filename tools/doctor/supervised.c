/* SPDX-License-Identifier: MIT */
/*
 * What supervisors report of their services: those that were given up, and those that end again
 * soon after each start. One look is enough for that, because a supervisor counts the starts.
 *
 * services.c finds services that restart without a supervisor, and names a service whose process
 * has died between two looks. That is not said here again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/doctor/doctor.h"
#include "tools/doctor/look.h"

/* So many restarts in a row, in none of which the service ran for long, are worth a look. */
#define RESTARTS_MANY 5

/* Restarts of before count no longer, if the service runs for this long. */
#define STEADY_MS 60000

struct supervised {
	const struct doctor_patient *p;
	unsigned int count; /* findings */
};

/* "exited with status 1", or "could not be started: No such file or directory". */
static const char *reason(const struct kreg_service_state *state, char *to, size_t size)
{
	char end[DOCTOR_TEXT];

	if (state->error && state->error != -ECHILD)
		snprintf(to, size, "could not be started: %s", kreg_strerror(state->error));
	else
		snprintf(to, size, "%s%s", doctor_end(end, &state->end),
			 state->error ? " before it was ready" : "");
	return to;
}

static bool is_restarting(const struct kreg_service_state *state)
{
	if (state->in_row < RESTARTS_MANY)
		return false;
	switch (state->state) {
	case KREG_STATE_STARTING:
	case KREG_STATE_ENDED:
	case KREG_STATE_RESTARTING:
		return true;
	case KREG_STATE_RUNNING:
		return state->since_ms < STEADY_MS;
	default:
		return false;
	}
}

static bool has_died_between_looks(const struct supervised *s, const char *key)
{
	const struct doctor_seen *was = s->p->before ? doctor_look_seen(s->p->before, key) : NULL;

	return was && !kreg_owner_is_alive(s->p->k, &was->owner);
}

static int look_at(const char *space, const char *role, const struct kreg_service_state *state,
		   void *data)
{
	char key[KREG_NAMESPACE_MAX + KREG_ROLE_MAX + 2], why[512];
	struct supervised *s = data;
	bool is_failed = state->state == KREG_STATE_FAILED;

	snprintf(key, sizeof(key), "%s/%s", space, role);
	if (!is_failed && (!is_restarting(state) || has_died_between_looks(s, key)))
		return 0;
	if (s->count++ >= DOCTOR_MOST)
		return 0;
	if (is_failed)
		doctor_say_of(s->p, DOCTOR_FAILURE, "failed", state->supervisor.pid,
			      "%s was given up by its supervisor, pid %d, and is not restarted: it "
			      "%s; see its output, then apply its file again by `regtool up`, or "
			      "restart that supervisor",
			      key, state->supervisor.pid, reason(state, why, sizeof(why)));
	else
		doctor_say_of(s->p, DOCTOR_WARNING, "restarts", state->supervisor.pid,
			      "%s was restarted %" PRIu32 " times in a row, and did not run for "
			      "long: it %s the last time; see its output, or the log of its "
			      "supervisor, pid %d",
			      key, state->in_row, reason(state, why, sizeof(why)),
			      state->supervisor.pid);
	return 0;
}

void doctor_supervised(const struct doctor_patient *p)
{
	struct supervised s = { .p = p };

	if (p->now->stat.keys != KREG_KEYS_UNIQUE)
		return;
	kreg_service_state_each(p->k, NULL, look_at, &s);
	if (s.count > DOCTOR_MOST)
		doctor_say_of(p, DOCTOR_WARNING, "restarts", 0,
			      "%u more services were given up or end again and again; `regtool -r "
			      "%s tree`",
			      s.count - DOCTOR_MOST, p->name);
}
