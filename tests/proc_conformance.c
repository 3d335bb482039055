/* SPDX-License-Identifier: MIT */
/*
 * kreg against the documentation of Elixir's Registry: each case of conformance/cases.c
 * runs with processes of its own, without partitions and with them. The name of a test is
 * the section and the sentence of its case.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/conformance/cases.h"
#include "tests/conformance/step.h"
#include "tests/support/child.h"
#include "tests/support/guard.h"
#include "tests/support/tmp.h"

/* Shared by the actors and the process that directs them. */
struct stage {
	pid_t pids[ACTORS];
	char said[SAID];
	char name[KREG_NAME_MAX];
	struct kreg_options options;
	int mode;
	const struct conformance *played;
};

/* Makes the calls of the steps whose numbers it receives. */
static int act(int link, void *data)
{
	struct stage *stage = data;
	struct kreg *k = mode_open_as(stage->mode, stage->name, &stage->options);
	struct kreg_options options = stage->options;
	int64_t number;

	options.directory = tmp_directory();
	options.guard = mode_guard(stage->mode);
	calls_begin(stage->pids, &options, stage->name);
	link_say(link, 0);
	while ((number = link_hear(link)) != INT64_MIN) {
		char text[STEP_TEXT];
		struct step step;

		*stage->said = 0;
		if (step_parse(stage->played->steps[number], text, &step))
			step.call(k, &step, stage->said);
		link_say(link, number);
	}
	return 0;
}

static struct stage *stage_build(const struct conformance *played, int mode, uint32_t partitions)
{
	struct stage *stage = child_shared(sizeof(*stage));

	stage->mode = mode;
	stage->played = played;
	stage->options.size = sizeof(stage->options);
	stage->options.keys = played->keys;
	stage->options.partitions = partitions;
	snprintf(stage->name, sizeof(stage->name), "-%d-%d-%u", (int)(played - conformance_cases),
		 mode, partitions);
	return stage;
}

static void play(const struct conformance *played, int mode, uint32_t partitions)
{
	struct stage *stage = stage_build(played, mode, partitions);
	struct child actors[ACTORS] = { 0 };
	char text[STEP_TEXT];
	struct step step;
	int i;

	for (i = 0; i < ACTORS; i++) {
		actors[i] = child_start(act, stage);
		stage->pids[i] = actors[i].pid;
		ck_assert_int_eq(link_hear(actors[i].link), 0);
	}
	for (i = 0; i < STEPS && played->steps[i]; i++) {
		struct child *actor;

		ck_assert_msg(step_parse(played->steps[i], text, &step), "not a step: %s",
			      played->steps[i]);
		actor = &actors[step.actor - 'A'];
		if (!step.call) {
			child_kill(actor);
			actor->pid = 0;
			continue;
		}
		link_say(actor->link, i);
		ck_assert_msg(link_hear(actor->link) == i, "step %d: %c has died of it", i + 1,
			      step.actor);
		ck_assert_msg(!strcmp(stage->said, step.said), "step %d, %s, %u partitions: \"%s\"",
			      i + 1, played->steps[i], partitions, stage->said);
	}
	for (i = 0; i < ACTORS; i++) {
		if (actors[i].pid)
			child_kill(&actors[i]);
	}
	munmap(stage, sizeof(*stage));
}

/* @_i: the case's number, and the mode. */
static void play_case(int _i)
{
	const struct conformance *played = &conformance_cases[_i / MODES];

	play(played, _i % MODES, 0);
	play(played, _i % MODES, 4);
}

int main(void)
{
	TTest *tests = calloc(conformance_count, sizeof(*tests));
	char(*names)[160] = calloc(conformance_count, sizeof(*names));
	size_t i;
	int status;

	for (i = 0; tests && names && i < conformance_count; i++) {
		snprintf(names[i], sizeof(names[i]), "%s: %s", conformance_cases[i].section,
			 conformance_cases[i].sentence);
		tests[i] = (TTest){ names[i], play_case, "Registry", (int)i + 1 };
	}
	status = tests && names
			 ? modes_run_cases(suite_create("conformance"), tests, conformance_count)
			 : 1;
	free(names);
	free(tests);
	return status;
}
