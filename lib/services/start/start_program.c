/* SPDX-License-Identifier: MIT */
/*
 * A program after its start.
 *
 *   state      the claim is  becomes, by                                   its hearer is killed here
 *   starting   ours          published: READY=1, or a line on its fd       the claim is over; the name stays reserved:
 *                            failed: the name is not its any more          whoever starts it next ends the program
 *   published  given up      -                                             it goes on, and is found
 *   failed     given up      -                                             -
 */
#include "lib/services/start/start_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/services/start/hearer.h"
#include "lib/program/program_status.h"
#include "base/clock.h"
#include "shm/table_search.h"

int program_new(struct kreg_program **out, struct kreg *k, const void *key, size_t key_size,
		const struct kreg_start *how)
{
	struct kreg_program *program = calloc(1, sizeof(*program));
	struct starting *s;

	if (!program)
		return -ENOMEM;
	s = &program->s;
	s->k = k;
	s->how = *how;
	s->link = s->pidfd = s->watcher_fd = -1;
	s->within = (struct start_within){ .stop = -1, .cgroup = -1 };
	readiness_init(&s->readiness);
	memcpy(program->key, key, key_size);
	s->q = table_query(&k->segment, program->key, key_size);
	s->q.kinds = KINDS_OF_NAMES;
	if (how->value_size) {
		program->value = malloc(how->value_size);
		if (!program->value) {
			program_free(program);
			return -ENOMEM;
		}
		s->how.value = memcpy(program->value, how->value, how->value_size);
	}
	if (how->timeout_ms)
		s->deadline = clock_after_ms((uint64_t)how->timeout_ms);
	*out = program;
	return 0;
}

void start_show(struct starting *s)
{
	const struct notify *n = &s->readiness.notify;
	struct program_status shown = { .program = s->what.owner.token };

	if (!s->is_kept || !s->what.owner.token)
		return;
	shown.says = n->state;
	shown.main_pid = n->main_pid ? n->main_pid : s->what.owner.pid;
	strcpy(shown.text, n->status);
	/* What is not shown now will be with the next message. */
	if (!status_put(s->k, s->q.key, s->q.key_size, &shown))
		s->is_shown = true;
}

static void leave_claim(struct kreg_program *program)
{
	if (program->has_claim)
		claim_leave(program->s.k, &program->claim);
	program->has_claim = false;
}

void program_published(struct kreg_program *program, int err)
{
	program->published = err;
	leave_claim(program);
	notify_settle(&program->s.readiness.notify);
}

int program_be_heard(struct kreg_program *program)
{
	int err = 0;

	if (program->s.readiness.kind == KREG_READY_NOTIFY)
		err = hearer_add(program->s.k, program);
	program->is_heard = program->s.readiness.kind == KREG_READY_NOTIFY && !err;
	return err;
}

bool program_end_hearing(struct kreg_program *program)
{
	if (program->is_heard)
		hearer_remove(program->s.k, program);
	program->is_heard = false;
	return program->s.readiness.notify.watch > NOTIFY_WATCH_ON;
}

void program_free(struct kreg_program *program)
{
	struct starting *s = &program->s;

	program_end_hearing(program);
	leave_claim(program);
	if (s->is_shown)
		status_drop(s->k, s->q.key, s->q.key_size, s->what.owner.token);
	readiness_close(&s->readiness);
	environment_free(&s->environment);
	free(program->value);
	free(program);
}

int kreg_program_fd(const struct kreg_program *program)
{
	return program ? readiness_fd(&program->s.readiness) : -EINVAL;
}

int kreg_program_hear(struct kreg_program *program)
{
	UNCANCELLABLE;
	struct readiness *r = program ? &program->s.readiness : NULL;
	int err = 0;

	if (!r)
		return -EINVAL;
	if (readiness_hear(r))
		start_show(&program->s);
	if (r->is_ready && program->published == -EINPROGRESS) {
		err = start_publish(&program->s);
		program_published(program, err);
	}
	notify_settle(&r->notify);
	return err;
}

int kreg_program_state(const struct kreg_program *program, struct kreg_program_state *state)
{
	struct kreg_program_state full = { .size = sizeof(full) };
	const struct notify *n;
	size_t known;

	if (!program || !state || state->size < sizeof(state->size))
		return -EINVAL;
	n = &program->s.readiness.notify;
	full.published = program->published;
	full.says = program->s.readiness.kind == KREG_READY_NOTIFY ? n->state : KREG_PROGRAM_SILENT;
	full.main_pid = n->main_pid ? n->main_pid : program->s.what.owner.pid;
	full.watchdog_ms = (uint32_t)(n->period / 1000000);
	strcpy(full.status, n->status);
	known = state->size < sizeof(full) ? state->size : sizeof(full);
	full.size = known;
	memcpy(state, &full, known);
	return 0;
}

void kreg_program_close(struct kreg_program *program)
{
	UNCANCELLABLE;

	if (program)
		program_free(program);
}
