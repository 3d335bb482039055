/* SPDX-License-Identifier: MIT */
#include "tests/contexts/programs.h"

#include "lib/kreg-services.h"
#include "tests/support/any_parts.h"

#define SPACE "programs"

void programs_call(struct any *any)
{
	static const char *const argv[] = { "true", NULL };
	KREG_START(how, .argv = argv, .ready = KREG_READY_EXEC);
	KREG_SUPERVISION(none, .services = NULL);
	struct kreg_started started = { .size = sizeof(started) };
	struct kreg_supervisor *supervisor = NULL;
	struct kreg_isolation *isolation = NULL;

	CALL(any, kreg_start, any->k, SPACE "/started", KREG_STRING, &how, &started);
	any_must(!started.child);
	CALL(any, kreg_service_start, any->k, SPACE, "started", &how, &started);
	any_must(!started.child);
	CALL(any, kreg_supervise, &supervisor, any->k, SPACE, &none, NULL, 0);
	any_must(!supervisor);
	CALL(any, kreg_isolate, &isolation, any->k, NULL, NULL, 0);
	any_must(!isolation);
	CALL(any, kreg_namespace_stop, any->k, SPACE, 1);
}
