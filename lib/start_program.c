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
#include "lib/start_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hearer.h"
#include "lib/program_status.h"

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
