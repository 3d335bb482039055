/* SPDX-License-Identifier: MIT */
/*
 * Point: one victim, one operation, one instruction at which the victim meets its fate;
 * and all checks that follow.
 *
 * Used by   series.c.
 */
#ifndef KREG_TESTS_STEP_POINT_H
#define KREG_TESTS_STEP_POINT_H

#include "tests/step/checker.h"
#include "tests/step/tracer.h"

/* NOTHING: the operation runs to its end, and its process is killed then. */
enum befalls { KILLED, STOPPED, EXECED, BEFALLS, NOTHING = BEFALLS };
extern const char *const befalls_names[BEFALLS];

struct point {
	struct stage *stage;
	const struct operation *operation;
	enum befalls what;
	struct spot spot;
	struct recording *record; /* with NOTHING: what the operation did; or NULL */
	bool first;               /* sets the base */
	bool missed;              /* the operation ended before it came to the spot */
	int worst_ms;
	char complaint[COMPLAINT_MAX];
};

/* Opens the registry and starts the company; removes both. */
int stage_begin(struct stage *stage, const struct place_of_registry *at, const char *other_life,
		bool watched);
void stage_end(struct stage *stage);

/* 0, or -1 with a message in @complaint; the stage must be begun again then. */
int point_run(struct point *point);

/* To be called first in main(): what the victim runs when it has called exec. */
void point_image(int argc, char **argv);

#endif
