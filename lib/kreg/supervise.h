/* SPDX-License-Identifier: MIT */
/*
 * kreg: supervision: start the services of a namespace in order, restart them when they
 * end, and stop them in reverse order. Policies and strategies are those of Erlang/OTP's
 * supervisor.
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

/* The role under which a supervisor itself is registered; so a namespace has at most one. */
#define KREG_ROLE_SUPERVISOR "supervisor"

/* When a service is restarted. */
enum kreg_restart {
	KREG_RESTART_PERMANENT, /* whenever it ends */
	/* unless its end was clean: exit status 0, or SIGHUP, SIGINT, SIGPIPE or SIGTERM */
	KREG_RESTART_TRANSIENT,
	KREG_RESTART_TEMPORARY, /* never, not even if the end of another service ended it */
};

enum kreg_service_flags {
	/* done, not ready, when it has ended with exit status 0; any other end is a failed start */
	KREG_SERVICE_ONESHOT = 1 << 0,
};

/* Which services are restarted when one has ended. */
enum kreg_strategy {
	KREG_ONE_FOR_ONE,  /* that one */
	KREG_REST_FOR_ONE, /* that one and those that were started after it */
	KREG_ONE_FOR_ALL,  /* all */
};

/* One service. In an array the @size of the first element is the stride. */
struct kreg_supervised {
	size_t size; /* sizeof(struct kreg_supervised) */
	const char *role;
	const struct kreg_start *start; /* the supervisor sets KREG_START_DIES_WITH_STARTER */
	const char *const *
		after; /* roles of the same array that have to be ready before it starts, up to a NULL;
			  or NULL */
	uint32_t restart;    /* enum kreg_restart */
	uint32_t stop_ms;    /* milliseconds from SIGTERM to SIGKILL; 0: 5000 */
	uint32_t flags;      /* KREG_SERVICE_*; other bits: -EINVAL */
	uint32_t restart_ms; /* milliseconds from its end to a restart; 0: none */
	/* @restart_ms doubles with each restart in a row, up to these milliseconds; 0: it never does */
	uint32_t restart_max_ms;
	uint32_t reserved; /* 0 */
	const char *where; /* where the service is defined, FILE:LINE, for the log; or NULL */
};

enum kreg_supervise_flags {
	/* if the supervisor is killed, its services go on; the next supervisor with this flag takes over
	   those that it finds running and ready */
	KREG_SUPERVISE_KEEP = 1 << 0,
	/* the process has no other children: it becomes a subreaper, reaps what services leave
	   behind, and kills what is left when all services are stopped; SIGCHLD has to be blocked
	   in all threads */
	KREG_SUPERVISE_REAP = 1 << 1,
	/* what a service has started is recognised by its session only */
	KREG_SUPERVISE_NO_CGROUPS = 1 << 2,
};

#define KREG_INTENSITY_NONE UINT32_MAX

/* A tree of services. KREG_SUPERVISION sets @size; fields that are not named are 0 or NULL. */
struct kreg_supervision {
	size_t size;
	const struct kreg_supervised *services;
	size_t count;
	uint32_t strategy; /* enum kreg_strategy */
	/* restarts allowed within @period_ms; one more ends the tree. 0: 1; KREG_INTENSITY_NONE:
	   none is allowed */
	uint32_t intensity;
	uint32_t period_ms; /* milliseconds; 0: 5000 */
	uint32_t flags;     /* KREG_SUPERVISE_* */
	/* gets a message for each event of a service, in any thread; may be NULL */
	kreg_log_fn log;
	void *log_data;
	const char *value; /* the value of the supervisor's own role; NULL: an empty one */
	/* an eventfd(2) that only the supervisor reads; 0: none. 1 written to it stops all services in
	   reverse order, also while they are being started; another 1 sends SIGKILL to what still runs */
	int orders;
	uint32_t reserved; /* 0 */
};

/* KREG_SUPERVISION(name, .field = value, ...) */
#define KREG_SUPERVISION(...) KREG_STRUCT(kreg_supervision, __VA_ARGS__, )

/*
 * Reads a tree of services from a file, see kreg_services(5). The result may be changed
 * before it is used.
 *
 * @log: gets a message for each fault in the file, with its line; may be NULL.
 * Return: 0, or an error of open(2) or read(2), or:
 *   -EINVAL        the file contains something that is not allowed
 *   -ENOMEM        out of memory
 * Since: 1.0
 */
int kreg_supervision_read(struct kreg_supervision **out, const char *file, kreg_log_fn log,
			  void *log_data);

/* Frees a tree that was read from a file. NULL is allowed. Since: 1.0 */
void kreg_supervision_free(struct kreg_supervision *supervision);

struct kreg_supervisor;

/*
 * Registers the caller as the supervisor of namespace @space, starts all services of @what
 * in the order of their dependencies, and otherwise in the order of the array, and returns
 * when all are ready. From then on threads of the library watch the services and restart
 * those that end. Apart from two sockets, the fds of these threads are not in the process's
 * fd table.
 *
 * @what: is copied, except for log_data.
 * @why: NULL, or room for @why_size bytes: a string that after an error has the role that
 *         caused it, or is empty. KREG_ROLE_MAX + 1 bytes are enough; a longer role is cut.
 * Context: blocks. The services are children of the process, which must not wait for them:
 *          no waitpid(-1), and SIGCHLD must not be ignored.
 * Death: of the process kills its services at once, unless KREG_SUPERVISE_KEEP is set.
 * Return: 0, or an error of kreg_service_start() for a service, or one of these. After an
 *         error no service that was started still runs; services that were taken over go
 *         on, except after -ECANCELED.
 *   -EEXIST        the namespace has a supervisor: @why is KREG_ROLE_SUPERVISOR
 *   -EEXIST        another process holds or has reserved the role @why
 *   -EINVAL        an argument is not allowed, or the registry has duplicate keys
 *   -EINVAL        a service depends on a role that is not in the array, or on itself
 *                  through others
 *   -EINVAL        a role is twice in the array, or is KREG_ROLE_SUPERVISOR
 *   -E2BIG         a field is set that this library does not know
 *   -ECANCELED     @orders stopped the services
 *   -EOWNERDEAD    the handle is from before fork(2), or the guard has ended this life
 *   -EMFILE        the process has too many fds open
 *   -ENFILE        the host has too many fds open
 *   -EPERM, -ENOSYS  a sandbox refuses a system call with this error
 *   -EAGAIN        no thread or process could be created
 *   -ENOMEM        out of memory
 * Since: 1.0
 */
int kreg_supervise(struct kreg_supervisor **out, struct kreg *k, const char *space,
		   const struct kreg_supervision *what, char *why, size_t why_size);

/*
 * An fd for poll(2), readable when the supervisor has stopped its tree, because more
 * restarts were needed than @intensity allows, or by @orders. It belongs to the supervisor:
 * only poll it.
 * Since: 1.0
 */
int kreg_supervisor_fd(const struct kreg_supervisor *supervisor);

/*
 * Tells whether the supervisor still watches its tree.
 *
 * Return: 0 if it does, or:
 *   -ENOTRECOVERABLE  more restarts were needed than allowed, and all services are stopped
 *   -ECANCELED     @orders stopped all services
 *   -EOWNERDEAD    in a child of fork(2)
 *   -EINVAL        @supervisor is NULL
 * Since: 1.0
 */
int kreg_supervisor_state(const struct kreg_supervisor *supervisor);

/*
 * Replaces the supervised tree by @what. Services that are not in @what are stopped, new
 * ones are started, and those with another @start or other @flags are stopped and started
 * again; all others go on, with the policies and times of @what. First all services are
 * stopped that have to be, then all are started, in the order of @what. Flags, value and
 * orders stay those of kreg_supervise().
 *
 * @what, @why, @why_size: as for kreg_supervise().
 * Context: blocks until that is done. Any thread, but not from @log.
 * Return: 0, or an error:
 *   -EINVAL        @what is not allowed, as for kreg_supervise(); nothing has changed
 *   -E2BIG         a field is set that this library does not know; nothing has changed
 *   -EMSGSIZE      a value is longer than 65536 bytes; nothing has changed
 *   -ENOMEM        out of memory; nothing has changed
 *   -ESHUTDOWN     the tree has ended
 *   -EOWNERDEAD    in a child of fork(2)
 *   others         as kreg_service_start() for the first service that did not start. It and
 *                  the services that start after it stay down until the next change; all
 *                  others are as in @what.
 * Since: 1.0
 */
int kreg_supervisor_change(struct kreg_supervisor *supervisor, const struct kreg_supervision *what,
			   char *why, size_t why_size);

/*
 * Stops all services in the reverse order of their start, unregisters the supervisor and
 * frees it. Each service gets SIGTERM, and after its @stop_ms SIGKILL. A supervisor whose
 * tree has ended is freed by this call too. NULL is allowed. Call it before kreg_close().
 *
 * Context: blocks until all services have ended; not from @log. In a child of fork() it
 *          frees the child's copy and leaves the services alone.
 * Since: 1.0
 */
void kreg_supervisor_stop(struct kreg_supervisor *supervisor);

/*
 * Stops the services of a namespace from outside, whichever process has started them. The
 * process of the supervisor, if there is one, gets SIGTERM first, at which it should stop
 * its tree, as `regtool up` does; it gets SIGKILL after @stop_ms for each service and for
 * itself. Then each process that is still registered in the namespace, the last started
 * first, gets SIGTERM and after @stop_ms SIGKILL. Reserved names and places in lines are
 * included. What the caller has registered there through @k is unregistered. Processes that
 * a killed supervisor's services left in their cgroups are killed.
 *
 * @stop_ms: milliseconds for each service; 0: 5000.
 * Context: blocks until the namespace is empty.
 * Return: the number of services, including the supervisor, and including each service of
 *         which only processes in its cgroup were left; or an error of kreg_service_each()
 *         or kreg_service_await_gone(), or:
 *   -EPERM         a process may not be signalled; those that were to be stopped after it
 *                  go on
 *   -EREMOTE       a process is in another PID namespace
 *   -EBUSY         the caller was itself started there, in the fallback, so that its foster
 *                  holds its name
 * Since: 1.0
 */
int64_t kreg_namespace_stop(struct kreg *k, const char *space, uint32_t stop_ms);

#ifdef __cplusplus
}
#endif
#endif
