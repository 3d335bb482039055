/* SPDX-License-Identifier: MIT */
/*
 * The services of examples/services/, described as a tree, with a folder of their own for what they keep.
 */
#ifndef KREG_TESTS_SUPPORT_SERVICES_H
#define KREG_TESTS_SUPPORT_SERVICES_H

#include "lib/kreg-services.h"

enum { CONFIG_SERVER, EVENT_STORE, TELEMETRY, SERVICES };

struct services {
	char folder[128]; /* with services.conf, and events.log of event_store */
	char paths[SERVICES][512];
	const char *argv[SERVICES][3];
	struct kreg_start starts[SERVICES];
	struct kreg_supervised tree[SERVICES]; /* in the order of the enum; all permanent */
};

/* @name: of the folder, in the test's own. @out must not move. */
void services_describe(struct services *out, const char *name);

#endif
