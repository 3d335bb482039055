/* SPDX-License-Identifier: MIT */
/*
 * kreg: supervision. The services of a namespace, started in order, restarted when they end, stopped
 * in reverse order. Policies and strategies are those of Erlang/OTP's supervisor.
 *
 * Include <kreg-services.h>; <kreg.h> states what holds for all calls.
 */
#ifndef KREG_SUPERVISE_H
#define KREG_SUPERVISE_H

#include <kreg/base.h>
#include <kreg/start.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The role under which a supervisor itself is registered: one for a namespace. */
#define KREG_ROLE_SUPERVISOR "supervisor"

enum kreg_restart {
	KREG_RESTART_PERMANENT, /* whenever it ends */
	KREG_RESTART_TRANSIENT, /* when it ends otherwise than by exit status 0 or SIGHUP, SIGINT, SIGPIPE,
				   SIGTERM */
	KREG_RESTART_TEMPORARY, /* never, also when the end of another one ends it */
};

enum kreg_service_flags {
	KREG_SERVICE_ONESHOT =
		1
		<< 0, /* it is ready when it has ended with exit status 0, and its start has failed
					  when it has ended otherwise */
};

enum kreg_strategy {
	KREG_ONE_FOR_ONE,  /* restarts the one that has ended */
	KREG_REST_FOR_ONE, /* and those that were started after it */
	KREG_ONE_FOR_ALL,  /* all */
};

/* One service. An array of them has the @size of the first as its stride. */
struct kreg_supervised {
	size_t size; /* sizeof(struct kreg_supervised) */
	const char *role;
	const struct kreg_start
		*start; /* its KREG_START_DIES_WITH_STARTER is the supervisor's to set */
	const char *const *
		after; /* roles of the same array that have to be ready before, up to a NULL; or NULL */
	uint32_t restart;    /* enum kreg_restart */
	uint32_t stop_ms;    /* from SIGTERM to SIGKILL; 0: 5000 */
	uint32_t flags;      /* KREG_SERVICE_*; other bits: -EINVAL */
	uint32_t restart_ms; /* from its end to a restart; 0: none */
	uint32_t
		restart_max_ms; /* twice as long for each restart in a row, up to this; 0: always @restart_ms */
	uint32_t reserved; /* 0 */
	const char *where; /* what the log says of where that is written, FILE:LINE; or NULL */
};

enum kreg_supervise_flags {
	KREG_SUPERVISE_KEEP =
		1 << 0, /* if the supervisor is killed, its services go on; the next supervisor
					 with this flag takes over those that it finds running */
	KREG_SUPERVISE_REAP =
		1
		<< 1, /* the process has no other children: it becomes the parent of what services leave
			   behind, reaps it, and ends what is left when all services are
			   stopped; SIGCHLD has to be blocked in all threads */
	KREG_SUPERVISE_NO_CGROUPS =
		1 << 2, /* what a service has started is known by its session alone */
};

#define KREG_INTENSITY_NONE UINT32_MAX

/* A tree of services. KREG_SUPERVISION sets @size; what is not named is 0. */
struct kreg_supervision {
	size_t size;
	const struct kreg_supervised *services;
	size_t count;
	uint32_t strategy; /* enum kreg_strategy */
	uint32_t
		intensity; /* so many restarts in a period end the tree when one more is needed; 0: 1;
			       KREG_INTENSITY_NONE: the first one does */
	uint32_t period_ms; /* 0: 5000 */
	uint32_t flags;     /* KREG_SUPERVISE_* */
	void (*log)(void *data,
		    const char *sentence); /* what happens to the services, from any thread; may be
							  NULL */
	void *log_data;
	const char *value; /* what others find under the supervisor's own role; NULL: nothing */
	int orders; /* an eventfd(2), or 0: none; 1 stops all in order, also while they are being started, and
			      another 1 hastens: SIGKILL. It is read by the supervisor alone */
	uint32_t reserved; /* 0 */
};

#define KREG_SUPERVISION(name, ...)                                                                \
	struct kreg_supervision name = { .size = sizeof(struct kreg_supervision), __VA_ARGS__ }

/*
 * Reads a tree of services from a file, see kreg_services(5).
 *
 * @log: what is wrong with the file, with its line; may be NULL.
 * Return: 0; -EINVAL the file says something that is not allowed; errors of open(2) and read(2); -ENOMEM.
 * Since: 1.0
 */
int kreg_supervision_read(struct kreg_supervision **out, const char *file,
			  void (*log)(void *data, const char *sentence), void *log_data);

/* NULL is allowed. Since: 1.0 */
void kreg_supervision_free(struct kreg_supervision *supervision);

struct kreg_supervisor;

/*
 * Registers the caller as the supervisor of namespace @space, starts all services in the order of their
 * dependencies, and of the array where these leave it open; returns when all are ready. From then on
 * threads of the library watch them, whose fds are not in the table of the process.
 *
 * @what: is copied. @why: may be NULL; at an error the role that caused it, of KREG_ROLE_MAX + 1 bytes.
 * Context: blocks. The services are children of the process, who must not wait for them: no
 *          waitpid(-1), and SIGCHLD is not ignored.
 * Death: of the process kills its services, unless KREG_SUPERVISE_KEEP says that they go on.
 * Return: 0; -EEXIST the namespace has a supervisor, or a service of it is there already; -EINVAL also for a
 *         dependency on nobody, or in a circle; errors of kreg_service_start(). Then nothing runs of what was
 *         started; what was taken over goes on.
 * Since: 1.0
 */
int kreg_supervise(struct kreg *k, const char *space, const struct kreg_supervision *what,
		   struct kreg_supervisor **out, char *why);

/*
 * An fd for poll(2), readable when the supervisor has ended its tree: more restarts were needed than
 * @intensity allows, or @orders said so. It is the supervisor's.
 * Since: 1.0
 */
int kreg_supervisor_fd(const struct kreg_supervisor *supervisor);

/*
 * Return: 0 it watches; -ENOTRECOVERABLE more restarts were needed than allowed, and all services are stopped;
 *         -ECANCELED they are stopped, because @orders said so;
 *         -EOWNERDEAD in a child of fork().
 * Since: 1.0
 */
int kreg_supervisor_state(const struct kreg_supervisor *supervisor);

/*
 * Puts another tree in the place of the one that is supervised: services that are not in it are stopped, those that are
 * new are started, and those that are started differently are stopped and started anew; all others go on as they
 * are, with @what's policies. The flags, the value and the orders stay those of kreg_supervise().
 *
 * @what, @why: as for kreg_supervise().
 * Context: blocks until that is done. Any thread, but not from @log.
 * Return: 0; -EINVAL, -ENOMEM nothing has changed; -ESHUTDOWN the tree has ended; errors of kreg_service_start() for
 *         the first service that did not start: it and those that are to start after it stay down, and the others
 *         are as @what has them.
 * Since: 1.0
 */
int kreg_supervisor_change(struct kreg_supervisor *supervisor, const struct kreg_supervision *what,
			   char *why);

/*
 * Stops all services in the reverse order of their start, each by SIGTERM and after its stop_ms by SIGKILL;
 * unregisters the supervisor, and frees it. NULL is allowed. To be called before kreg_close().
 * Context: blocks until all have ended; not from @log. In a child of fork() it frees the child's copy and leaves the
 *          services alone.
 * Since: 1.0
 */
void kreg_supervisor_stop(struct kreg_supervisor *supervisor);

/*
 * Stops the services of a namespace from outside: its supervisor by SIGTERM, which `regtool up` and
 * whoever else stops its tree at that signal understands; then, as well where there is no supervisor, whatever
 * is registered there, those that came last first, by SIGTERM and after @stop_ms by SIGKILL. Returns when the namespace
 * is empty. What the caller has registered there through @k is unregistered.
 *
 * @stop_ms: for each service; 0: 5000.
 * Return: how many services there were, the supervisor included, and those of which only processes in their cgroup were
 *         left; -EPERM one may not be signalled; -EREMOTE
 *         as kreg_signal(); -EBUSY the caller was itself started there, in the fallback; errors as kreg_service_each() and kreg_service_await_gone().
 * Since: 1.0
 */
int64_t kreg_namespace_stop(struct kreg *k, const char *space, uint32_t stop_ms);

#ifdef __cplusplus
}
#endif
#endif
