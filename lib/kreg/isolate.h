/* SPDX-License-Identifier: MIT */
/*
 * kreg: isolation: a namespace private to one test, with its services; nothing is left of
 * them afterwards.
 *
 * Include <kreg-services.h>; <kreg.h> states what holds for all calls. <kreg-check.h> is a
 * fixture for tests that are written with Check.
 */
#ifndef KREG_ISOLATE_H
#define KREG_ISOLATE_H

#include <kreg/supervise.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kreg_isolation;

/*
 * Takes a namespace test.ID, whose ID is a random number of 64 bits that no namespace has,
 * and starts @services in it as kreg_supervise() does. The services find the namespace in
 * $KREG_NAMESPACE.
 *
 * @services: NULL for none; KREG_SUPERVISE_KEEP is not allowed.
 * @why, @why_size: as for kreg_supervise().
 * Context: blocks until the services are ready; any thread.
 * Death: of the process kills the services at once.
 * Return: as kreg_supervise(); -EINVAL also for KREG_SUPERVISE_KEEP; -EAGAIN no random
 *         number could be read.
 * Since: 1.0
 */
int kreg_isolate(struct kreg_isolation **out, struct kreg *k,
		 const struct kreg_supervision *services, char *why, size_t why_size);

/* The namespace. The string is valid until kreg_isolation_end(). Since: 1.0 */
const char *kreg_isolation_space(const struct kreg_isolation *isolation);

/*
 * The supervisor of the services, for kreg_supervisor_fd() and kreg_supervisor_state()
 * only. It is valid until kreg_isolation_end().
 * Since: 1.0
 */
const struct kreg_supervisor *kreg_isolation_supervisor(const struct kreg_isolation *isolation);

/*
 * Stops the services, then all other processes that have registered something in the
 * namespace: each gets SIGTERM, and SIGKILL after five seconds. What the caller itself has
 * registered there through the same handle is unregistered. Returns when the namespace is
 * empty, and frees the isolation, also after an error. NULL is allowed. Call it before
 * kreg_close().
 *
 * Context: blocks; any thread, one at a time for one isolation. In a child of fork() it
 *          frees the child's copy and leaves the namespace alone.
 * Return: 0; errors of kreg_namespace_stop(): then something may still be registered in the
 *         namespace.
 * Since: 1.0
 */
int kreg_isolation_end(struct kreg_isolation *isolation);

#ifdef __cplusplus
}
#endif
#endif
