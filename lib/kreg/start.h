/* SPDX-License-Identifier: MIT */
/*
 * kreg: start a program under a name. If several processes start the same name at once,
 * exactly one of them starts a program.
 *
 * Include <kreg-services.h>; <kreg.h> states what holds for all calls.
 */
#ifndef KREG_START_H
#define KREG_START_H

#include <kreg/base.h>
#include <kreg/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a program is ready. */
enum kreg_ready {
	KREG_READY_EXEC,   /* as soon as it runs */
	KREG_READY_NOTIFY, /* when it sends READY=1 to $NOTIFY_SOCKET, see sd_notify(3) */
	KREG_READY_FD,     /* when it writes a line to its fd @ready_fd */
};

enum kreg_start_flags {
	/* the program gets SIGKILL when the thread that started it ends; if the program or the starter
	   has changed its credentials, when the starter's process ends */
	KREG_START_DIES_WITH_STARTER = 1 << 0,
	/* return as soon as the program runs: @started->program receives its messages from then on, and
	   publishes its name when it is ready */
	KREG_START_ATTEND = 1 << 1,
	/* with KREG_START_ATTEND: pass the program's messages on to the socket in the caller's own
	   $NOTIFY_SOCKET, and $WATCHDOG_USEC to the program */
	KREG_START_PASS_ON = 1 << 2,
	/* run in the caller's session and process group, with the caller's standard input and all its
	   fds that are not close-on-exec */
	KREG_START_FOREGROUND = 1 << 3,
};

/* How a program is started. KREG_START sets @size; fields that are not named are 0 or NULL. */
struct kreg_start {
	size_t size;
	const char *const *argv; /* up to a NULL; argv[0] is a path, or a name in $PATH */
	const char *const *
		environment; /* NAME=VALUE up to a NULL, in addition to the caller's; or NULL. KREG_*,
				  NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are set by the library:
				  -EINVAL */
	const char *directory; /* its working directory; NULL: the caller's */
	const char *output; /* file to which stdout and stderr are appended; NULL: the caller's */
	const void *value;  /* the value of the name */
	size_t value_size;  /* or KREG_STRING */
	uint32_t flags;     /* KREG_START_*; other bits: -EINVAL */
	uint32_t ready;     /* enum kreg_ready */
	int32_t ready_fd;   /* 3 to 1023, for KREG_READY_FD */
	/* for KREG_READY_NOTIFY: milliseconds within which each WATCHDOG=1 has to come; 0: no watchdog */
	uint32_t watchdog_ms;
	int64_t timeout_ms; /* milliseconds until the program has to be ready; 0: no timeout */
};

/* KREG_START(name, .field = value, ...) */
#define KREG_START(...) KREG_STRUCT(kreg_start, __VA_ARGS__, )

/* With -ENOEXEC: the step that failed. */
enum kreg_exec_step {
	KREG_EXEC_PROGRAM,   /* the program or its interpreter does not exist or cannot be run */
	KREG_EXEC_DIRECTORY, /* the directory cannot be entered */
	KREG_EXEC_OUTPUT,    /* the output file, or an fd, cannot be opened */
};

/*
 * The result of a start. The caller sets @size; fields within it that the library knows are
 * filled in.
 */
struct kreg_started {
	size_t size;
	/* the owner of the name: the new program, or with -EEXIST the present holder */
	struct kreg_owner owner;
	pid_t child;        /* to be waited for with waitpid(2); 0: no child */
	int32_t status;     /* with -ECHILD: the status as from waitpid(2) */
	int32_t exec_error; /* with -ENOEXEC: the negative errno of that step */
	uint32_t ready;     /* 0: the owner of the name is not ready yet */
	uint32_t exec_step; /* with -ENOEXEC: enum kreg_exec_step */
	uint32_t reserved;  /* 0 */
	/* with KREG_START_ATTEND, after success: to be freed with kreg_program_close() */
	struct kreg_program *program;
};

/*
 * Starts the program @start->argv under a name, as one operation: after success the program
 * runs, is ready and holds the name; after an error there is no program, and the name is as
 * it was. If the name is already held or reserved, the call fails with -EEXIST, fills in
 * the holder in @started->owner, and never runs the program. kreg_service_start() does the
 * same for a service, and sets $KREG_NAMESPACE and $KREG_ROLE for the program.
 *
 * The program is a child of the caller, which waits for @started->child with waitpid(2).
 * The program finds $KREG_REGISTRY, $KREG_DIR and $KREG_GUARD in its environment, so
 * kreg_open(&k, getenv("KREG_REGISTRY"), NULL) opens the same registry. It runs in a
 * session of its own, reads /dev/null, and has no fd open except 0, 1, 2 and @ready_fd. No
 * signal is blocked, and signals that the caller catches have their default action.
 *
 * Until the program is ready the name is reserved, and the program itself is the owner of
 * the reserved name. With READY=1 or before it the program may send a line
 * X_KREG_VALUE=TEXT, which becomes the value of the name instead of @start->value. A
 * message counts if the program or a process that it has started sent it, whatever its user
 * ids are by then. Without KREG_START_ATTEND the socket is closed when the call returns;
 * with it the caller goes on receiving messages, see <kreg/program.h>.
 *
 * Under the guard the program owns the name and may update or unregister it. In the
 * fallback exec ends a life, so a foster holds the name: it is a process that stays the
 * program's parent, passes signals on to it and ends as it does. @started->child is the
 * foster's pid there; @started->owner.pid is the program's. If the foster is killed, the
 * program is killed, even if it has dropped its privileges; the name is free when the
 * program has ended.
 *
 * @started: may be NULL, except with KREG_START_ATTEND.
 * Context: blocks until the program is ready, or with KREG_START_ATTEND until it runs. Any
 *          thread. Starters of the same name wait for one another; apart from that it is
 *          lock-free. Not in a child of fork(). The child makes only async-signal-safe
 *          calls before exec.
 * Death: if the caller dies before the program is ready, the program goes on with its name
 *        reserved, unless it dies with its starter; the next start of the name ends it and
 *        starts the program again.
 * Return: 0, or an error:
 *   -EEXIST        the name is held or reserved: @started->owner
 *   -ENOEXEC       the program could not be run: @started->exec_error and exec_step
 *   -ECHILD        the program ended before it was ready: @started->status
 *   -ETIMEDOUT     the program was not ready in time, and was killed with its process group
 *   -ETIMEDOUT     another process was still starting the same name
 *   -EINVAL        an argument is not allowed
 *   -EINVAL        the registry has duplicate keys
 *   -E2BIG         a field of @start is set that this library does not know
 *   -EMSGSIZE      key and value together are larger than some 16,000 bytes
 *   -EUSERS        no seat is free for the program
 *   -EMFILE        the process has too many fds open
 *   -ENFILE        the host has too many fds open
 *   -EAGAIN        no process could be created, or as kreg_register()
 *   -ENOMEM        out of memory, or as kreg_register()
 *   -EPERM         a program that a dead starter left may not be signalled by the caller
 *   -EACCES        /proc hides such a program from the caller (fallback)
 *   -EREMOTE       such a program is in another PID namespace
 *   others         as kreg_register(), and of fork(2), socketpair(2) and pidfd_open(2)
 * Since: 1.0
 */
int kreg_start(struct kreg *k, const void *key, size_t key_size, const struct kreg_start *start,
	       struct kreg_started *started);
int kreg_service_start(struct kreg *k, const char *space, const char *role,
		       const struct kreg_start *start, struct kreg_started *started);

#ifdef __cplusplus
}
#endif
#endif
