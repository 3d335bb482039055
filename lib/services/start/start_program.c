/* SPDX-License-Identifier: MIT */
/*
 * A program after its start.
 *
 *   state      the claim is  becomes, by                        its hearer is killed here
 *   starting   held          published: READY=1, or a line      the claim is over; the name stays
 *                            on its fd                          reserved: its next starter ends
 *                            failed: the name is no longer      the program
 *                            its own
 *   published  given up      -                                  it goes on, and is found
 *   failed     given up      -                                  -
 */
#include "lib/services/start/start_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "lib/services/start/hearer.h"
#include "base/clock.h"
#include "base/sized.h"

int program_new(struct kreg_program **out, struct kreg *k, const void *key, size_t key_size,
		const struct kreg_start *how)
{
	struct kreg_program *program = calloc(1, sizeof(*program));
	struct starting *s;
	int err;

	if (!program)
		return -ENOMEM;
	s = &program->s;
	s->k = k;
	s->how = *how;
	s->link = s->pidfd = s->watcher_fd = -1;
	s->within = (struct start_within){ .stop = -1, .cgroup = -1 };
	readiness_init(&s->readiness);
	s->key = memcpy(program->key, key, key_size);
	s->key_size = key_size;
	err = kreg_inner_reservation(&s->name, k, s->key, key_size);
	if (!err && how->value_size) {
		program->value = malloc(how->value_size);
		err = program->value ? 0 : -ENOMEM;
	}
	if (err) {
		program_free(program);
		return err;
	}
	if (how->value_size)
		s->how.value = memcpy(program->value, how->value, how->value_size);
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
	/* If this fails, the next message shows it. */
	kreg_inner_show(s->name, &shown);
}

void program_published(struct kreg_program *program, int err)
{
	program->published = err;
	kreg_inner_unclaim(program->s.name);
	notify_settle(&program->s.readiness.notify);
}

int program_be_heard(struct kreg_program *program, struct hearer **hearer)
{
	int err = 0;

	if (program->s.readiness.kind != KREG_READY_NOTIFY)
		return 0;
	err = hearer_add(hearer, program);
	if (!err)
		program->hearer = *hearer;
	return err;
}

bool program_end_hearing(struct kreg_program *program)
{
	if (program->hearer)
		hearer_remove(program->hearer, program);
	program->hearer = NULL;
	return program->s.readiness.notify.watch > NOTIFY_WATCH_ON;
}

void program_free(struct kreg_program *program)
{
	struct starting *s = &program->s;

	program_end_hearing(program);
	kreg_inner_reservation_free(s->name);
	readiness_close(&s->readiness);
	environment_free(&s->environment);
	free(program->value);
	free(program);
}

#define PROGRAM_IS_NULL "program is NULL: a start with KREG_START_ATTEND makes it"

int kreg_program_fd(const struct kreg_program *program)
{
	return program ? readiness_fd(&program->s.readiness) : refuse(NULL, PROGRAM_IS_NULL);
}

int kreg_program_hear(struct kreg_program *program)
{
	UNCANCELLABLE;
	struct readiness *r = program ? &program->s.readiness : NULL;
	int err = 0;

	if (!r)
		return refuse(NULL, PROGRAM_IS_NULL);
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
	struct kreg_program_state full = { 0 };
	const struct notify *n;

	int err = program ? size_of_call(program->s.k, state, "state")
			  : refuse(NULL, PROGRAM_IS_NULL);

	if (err)
		return err;
	n = &program->s.readiness.notify;
	full.published = program->published;
	full.says = program->s.readiness.kind == KREG_READY_NOTIFY ? n->state : KREG_PROGRAM_SILENT;
	full.main_pid = n->main_pid ? n->main_pid : program->s.what.owner.pid;
	full.watchdog_ms = (uint32_t)(n->period / 1000000);
	strcpy(full.status, n->status);
	sized_write(state, &full, sizeof(full));
	return 0;
}

void kreg_program_close(struct kreg_program *program)
{
	UNCANCELLABLE;

	if (program)
		program_free(program);
}
