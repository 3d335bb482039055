/* SPDX-License-Identifier: MIT */
/*
 * kreg: isolated tests. A namespace that is one test's alone, with its services, and nothing left of them.
 *
 * Use <kreg-services.h>; <kreg.h> says what holds for all calls. <kreg-check.h> makes a fixture of it for Check.
 */
#ifndef KREG_ISOLATE_H
#define KREG_ISOLATE_H

#include <kreg/supervise.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_isolation;

/*
 * Takes a namespace test.ID that nobody else has or had, and starts @services in it, as kreg_supervise() does, which
 * also says what @why is. They learn the namespace by $KREG_NAMESPACE.
 *
 * @services: NULL for none.
 * Death: of the process kills the services at once.
 * Return: as kreg_supervise(); -EINVAL also for KREG_SUPERVISE_KEEP.
 * Since: 1.0
 */
int kreg_isolate(struct kreg *k, const struct kreg_supervision *services,
		 struct kreg_isolation **out, char *why);

/* The namespace. As long as the isolation. Since: 1.0 */
const char *kreg_isolation_space(const struct kreg_isolation *isolation);

/* Its supervisor, for kreg_supervisor_fd() and kreg_supervisor_state() alone. Since: 1.0 */
const struct kreg_supervisor *kreg_isolation_supervisor(const struct kreg_isolation *isolation);

/*
 * Stops the services, and whatever else is registered in the namespace, whose processes get SIGTERM, and SIGKILL
 * after five seconds; what the caller has registered there it unregisters. Returns when the namespace is
 * empty. NULL is allowed. To be called before kreg_close().
 * Return: 0; what keeps the namespace from being empty, as kreg_namespace_stop().
 * Since: 1.0
 */
int kreg_isolation_end(struct kreg_isolation *isolation);

#ifdef __cplusplus
}
#endif
#endif
