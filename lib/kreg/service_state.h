/* SPDX-License-Identifier: MIT */
/*
 * kreg: services: what their supervisors report of them, whether they run or not.
 *
 * Include <kreg.h>, which states what holds for all calls; <kreg/service.h> states what
 * namespaces and roles are. A supervisor, kreg_supervise() or `regtool up`, reports the state of
 * each of its services, in the registry. What it has reported ends with it, however it ends. It is
 * no name: no lookup, listing, count or listener sees it.
 */
#ifndef KREG_SERVICE_STATE_H
#define KREG_SERVICE_STATE_H

#include <kreg/base.h>
#include <kreg/owner.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kreg_supervised_state {
	KREG_STATE_WAITING = 1, /* its turn to be started has not come yet */
	/* it is being started and is not ready; a one-shot, until it has ended */
	KREG_STATE_STARTING,
	KREG_STATE_RUNNING,
	/* it has ended, and its supervisor, which is busy or stopped, has not reported what comes next */
	KREG_STATE_ENDED,
	KREG_STATE_RESTARTING, /* it has ended, or could not be started, and is started again */
	KREG_STATE_STOPPING,   /* its supervisor has reported it to end */
	KREG_STATE_STOPPED, /* its supervisor has stopped it, or has not started it, with others */
	/* it has ended and is not restarted: a one-shot that has succeeded, or by its policy */
	KREG_STATE_DONE,
	/* its supervisor has given up: a change could not start it, each of its starts leaves a daemon
	   behind, or its end was the one that the restart limit of the tree did not allow */
	KREG_STATE_FAILED,
};

/* The caller sets @size; fields within it that the library knows are filled in. */
struct kreg_service_state {
	size_t size;
	uint32_t state; /* enum kreg_supervised_state */
	/* how often it was started again since its supervisor began, whether that succeeded or not */
	uint32_t restarts;
	/* restarts in a row, in none of which it ran for longer than the period of the restart limit */
	uint32_t in_row;
	/* why it could not be started the last time: a negative errno, as kreg_service_start() returns;
	   -ECHILD: it ended before it was ready, see @end; -ECANCELED: a service that it starts after
	   could not be started, or the supervisor was reported to stop. 0 when it is ready */
	int32_t error;
	/* how its last run ended; unknown if there was none, or it was not the supervisor's child */
	struct kreg_end end;
	/* milliseconds since it is in this state, without the time that the host was suspended */
	int64_t since_ms;
	/* RESTARTING: milliseconds until the restart is due, 0 if it is; otherwise -1 */
	int64_t next_ms;
	/* RUNNING, ENDED, STOPPING: its process, which has ended in state ENDED; otherwise all 0 */
	struct kreg_owner owner;
	struct kreg_owner supervisor;
};

/*
 * Fills in what the supervisor of @space reports of its service @role. The state of a tree that
 * was given up, because more restarts were needed than allowed, is reported until
 * kreg_supervisor_stop().
 *
 * A service is never RUNNING when its process is dead. In other respects the state is what the
 * supervisor has noticed so far: in the moment after a death, a process that has its name may
 * already be the next one. If no memory of the registry is left for it, the state is not reported
 * until there is some. A process that may write the registry may report anything.
 *
 * Context: any thread, a read-only handle, a child of fork(2); not a signal handler. It takes no
 *          lock.
 * Death: of the supervisor ends what it has reported, at the same instant as its names; so does exec
 *        in its process.
 * Return: 0, or an error:
 *   -ENOENT        no supervisor reports anything of @role
 *   -EINVAL        an argument is not allowed, or the registry has duplicate keys
 *   -EAGAIN        the registry is changing too quickly; retry
 *   -EUCLEAN       another process has damaged the registry's memory
 *   -ENOMEM        out of memory, or of the address space that the process may use
 * Since: 1.0
 */
int kreg_service_state(struct kreg *k, const char *space, const char *role,
		       struct kreg_service_state *state);

/*
 * Visits the states of all services that supervisors in @space, or in all namespaces if @space
 * is NULL, report of, as kreg_service_state() reports each: in alphabetical order of namespaces,
 * and of roles. Takes memory in proportion to them, and time in proportion to them and to the
 * registry's memory, for each process that supervises or locks.
 *
 * @visit: returns 0 to go on; any other result ends the call, which returns it. May call kreg
 *         functions. The pointers are valid until it returns.
 * Context, Death: as for kreg_service_state().
 * Return: 0, or what @visit returned, or an error as of kreg_service_state(), but never -ENOENT.
 * Since: 1.0
 */
int kreg_service_state_each(struct kreg *k, const char *space,
			    int (*visit)(const char *space, const char *role,
					 const struct kreg_service_state *state, void *data),
			    void *data);

#ifdef __cplusplus
}
#endif
#endif
